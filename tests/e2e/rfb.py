# SPDX-License-Identifier: Apache-2.0
"""RFB 3.8 as a client: all of a picture, raw, and keys. For what a guest shows, without a browser."""
import struct

from picture import Screen

KEYS = {"\n": 0xFF0D}
SHIFT, SHIFTED = 0xFFE1, "#$*()"  # a guest sees keys of a US keyboard, not characters


class Viewer:
    def __init__(self, websocket):
        self.websocket, self.unread = websocket, b""
        version = self.take(12)
        self.websocket.send(version)
        kinds = self.take(self.take(1)[0])
        if 1 not in kinds:
            raise ValueError(f"the picture wants a password: {kinds!r}")
        self.websocket.send(b"\x01")
        if self.take(4) != b"\0\0\0\0":
            raise ValueError("the picture is refused")
        self.websocket.send(b"\x01")
        self.width, self.height = struct.unpack(">HH", self.take(4))
        self.take(16)
        self.take(struct.unpack(">I", self.take(4))[0])
        # 32 bits, red and green and blue in three of them; raw, and told when the size changes
        self.websocket.send(struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        self.websocket.send(struct.pack(">BxHii", 2, 2, 0, -223))
        self.rows = []
        self.blank()

    def blank(self):
        self.rows = [bytearray(self.width) for _ in range(self.height)]

    def take(self, size):
        while len(self.unread) < size:
            self.unread += self.websocket.receive()
        taken, self.unread = self.unread[:size], self.unread[size:]
        return taken

    def rectangle(self):
        x, y, width, height, encoding = struct.unpack(">HHHHi", self.take(12))
        if encoding == -223:
            self.width, self.height = width, height
            self.blank()
            return
        if encoding != 0:
            raise ValueError(f"encoding {encoding} was not asked for")
        for row in range(y, y + height):
            line = self.take(width * 4)
            self.rows[row][x:x + width] = bytes(max(line[i:i + 3]) for i in range(0, len(line), 4))

    def screen(self):
        """All of it, as it is now."""
        size = None
        while size != (self.width, self.height):
            size = (self.width, self.height)
            self.websocket.send(struct.pack(">BBHHHH", 3, 0, 0, 0, *size))
            while self.take(1) != b"\0":
                pass  # a bell
            for _ in range(struct.unpack(">xH", self.take(3))[0]):
                self.rectangle()
        return Screen(self.width, self.height, self.rows)

    def type(self, text):
        for character in text:
            keys = [SHIFT] * (character in SHIFTED) + [KEYS.get(character, ord(character))]
            for down, key in [(1, key) for key in keys] + [(0, key) for key in reversed(keys)]:
                self.websocket.send(struct.pack(">BBxxI", 4, down, key))

    def close(self):
        self.websocket.close()

# SPDX-License-Identifier: Apache-2.0
"""A WebSocket as a client has it (RFC 6455), over plain TCP: for consoles, and for a browser's DevTools. Waits with a limit."""
import base64
import os
import socket
import struct
import urllib.parse

from lab import CloudError


class WebSocket:
    def __init__(self, url, limit_s=60, origin=None):
        at = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((at.hostname, at.port or 80), timeout=limit_s)
        self.unread, self.code = b"", None
        target = (at.path or "/") + (f"?{at.query}" if at.query else "")
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {target} HTTP/1.1", f"Host: {at.netloc}", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {key}"] + ([f"Origin: {origin}"] if origin else [])
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        while b"\r\n\r\n" not in self.unread:
            self.more()
        head, self.unread = self.unread.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101 "):
            raise CloudError(f"{url}: {head[:200]!r}")

    def more(self):
        said = self.socket.recv(65536)
        if not said:
            raise CloudError(f"the WebSocket is shut (code {self.code})")
        self.unread += said

    def take(self, size):
        while len(self.unread) < size:
            self.more()
        taken, self.unread = self.unread[:size], self.unread[size:]
        return taken

    def send(self, data, op=2):
        size, mask = len(data), os.urandom(4)
        head = bytes([0x80 | op])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += struct.pack(">BH", 0x80 | 126, size)
        else:
            head += struct.pack(">BQ", 0x80 | 127, size)
        self.socket.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def frame(self):
        """(final, op, payload)"""
        first, second = self.take(2)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack(">H", self.take(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.take(8))[0]
        return bool(first & 0x80), first & 0x0F, self.take(size)

    def receive(self):
        """The next message; pings are answered on the way."""
        message = b""
        while True:
            final, op, payload = self.frame()
            if op == 8:
                self.code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else None
                raise CloudError(f"the WebSocket was closed: {self.code} {payload[2:].decode(errors='replace')}")
            if op == 9:
                self.send(payload, 10)
            elif op != 10:
                message += payload
                if final:
                    return message

    def close(self):
        self.socket.close()

# SPDX-License-Identifier: Apache-2.0
"""Inside a guest by its serial line, where the lab's guest leaves a root shell: no packet is needed for it, so what a firewall drops is seen from both ends."""
import itertools
import pathlib
import re
import select
import socket
import time

from lab import GUEST_LIMIT_S, CloudError


class SerialShell:
    """One shell, one command at a time; a second connection to the line would wait for this one's end."""

    def __init__(self, lab, host, server):
        pid = next(row.split()[2] for row in lab.ask("status").splitlines() if row.startswith(f"libvirtd-{host} "))
        self.numbers, self.text = itertools.count(1), b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(pathlib.Path("/proc", pid, "root", "run", "libvirt", f"kn-{server}.serial")))
        # A shell that asks nobody for a line to edit: neither echo nor prompt.
        self.socket.sendall(b"\nstty -echo; exec sh 2>/run/shell.err\n")
        self.run("true")

    def run(self, command, limit_s=GUEST_LIMIT_S):
        """(exit code, output)."""
        n = next(self.numbers)
        self.socket.sendall(f"echo '@'{n}'<'; ( {command}\n) </dev/null 2>&1; echo '@'$?@{n}'>'\n".encode())
        pattern = re.compile(rf"@{n}<\r*\n(.*)@(\d+)@{n}>".encode(), re.S)
        end = time.monotonic() + limit_s
        while not (found := pattern.search(self.text)):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                raise CloudError(f"{command}: no answer within {limit_s} s: {self.text[-500:]!r}")
            said = self.socket.recv(65536)
            if not said:
                raise CloudError(f"{command}: the line is shut")
            self.text += said
        self.text = self.text[found.end():]
        return int(found.group(2)), found.group(1).decode(errors="replace").replace("\r", "").strip()

    def close(self):
        self.socket.close()

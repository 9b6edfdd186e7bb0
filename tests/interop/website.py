# SPDX-License-Identifier: Apache-2.0
"""Two small images on the loopback, for tests of web-download: what Tempest would fetch from far away otherwise."""
import contextlib
import functools
import http.server
import os
import subprocess
import threading

SIZE = 1 << 20


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Website:
    def __init__(self, directory, port):
        self.raw, self.qcow2 = (f"http://127.0.0.1:{port}/{name}" for name in ("image.raw", "image.qcow2"))
        # What the cloud must allow for it: it neither reaches private addresses nor asks odd ports otherwise.
        self.settings = {"image.download_networks": "127.0.0.0/8", "image.download_ports": port}
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "image.raw").write_bytes(os.urandom(SIZE))
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", directory / "image.raw", directory / "image.qcow2"],
                       check=True)


@contextlib.contextmanager
def serve(directory):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=directory))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Website(directory, server.server_port)
    finally:
        server.shutdown()
        server.server_close()

# SPDX-License-Identifier: Apache-2.0
"""Chromium without a head, driven by its DevTools protocol: a page, what its canvas shows, and keys as a keyboard gives them."""
import base64
import json
import pathlib
import shutil
import subprocess
import tempfile
import urllib.request

from lab import CloudError, wait_until
from picture import Screen
from websocket import WebSocket

PROGRAM = shutil.which("chromium")
# US keyboard: character -> (code, shifted)
CODES = {**{c: (f"Key{c.upper()}", False) for c in "abcdefghijklmnopqrstuvwxyz"}, **{c: (f"Digit{c}", False) for c in "0123456789"},
         "#": ("Digit3", True), "$": ("Digit4", True), "*": ("Digit8", True), "(": ("Digit9", True), ")": ("Digit0", True),
         " ": ("Space", False), "\n": ("Enter", False)}
PICTURE = """(() => {
    const canvas = document.querySelector("canvas");
    if (!canvas || !canvas.width) return null;
    const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let bright = "";
    for (let i = 0; i < all.length; i += 4) bright += String.fromCharCode(Math.max(all[i], all[i + 1], all[i + 2]));
    return {width: canvas.width, height: canvas.height, bright: btoa(bright)};
})()"""


class Browser:
    def __init__(self, limit_s=120):
        self.dir = tempfile.mkdtemp(prefix="kn-chromium-")
        self.log = open(pathlib.Path(self.dir, "log"), "wb")  # noqa: SIM115
        self.process = subprocess.Popen(
            [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0",
             f"--user-data-dir={self.dir}", "--window-size=1024,768", "about:blank"], stdout=self.log, stderr=self.log)
        port = pathlib.Path(self.dir, "DevToolsActivePort")
        self.port = wait_until("Chromium's DevTools", lambda: port.exists() and port.read_text().split("\n")[0], limit_s, 0.2)
        self.page, self.calls = None, 0

    def open(self, url):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=60) as answer:
            self.page = WebSocket(json.load(answer)["webSocketDebuggerUrl"])
        self.call("Page.navigate", url=url)

    def call(self, method, **params):
        self.calls += 1
        self.page.send(json.dumps({"id": self.calls, "method": method, "params": params}).encode(), 1)
        while True:
            said = json.loads(self.page.receive())
            if said.get("id") == self.calls:
                if "error" in said:
                    raise CloudError(f"{method}: {said['error']}")
                return said["result"]

    def evaluate(self, script):
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def screen(self):
        """What the canvas shows; None: there is none yet."""
        found = self.evaluate(PICTURE)
        if not found:
            return None
        bright, width = base64.b64decode(found["bright"]), found["width"]
        return Screen(width, found["height"], [bright[y * width:(y + 1) * width] for y in range(found["height"])])

    def key(self, kind, key, code, shifted):
        self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, modifiers=8 if shifted else 0)

    def type(self, text):
        self.evaluate('document.querySelector("canvas").focus()')
        for character in text:
            code, shifted = CODES[character]
            key = "Enter" if character == "\n" else character
            if shifted:
                self.key("rawKeyDown", "Shift", "ShiftLeft", True)
            self.key("rawKeyDown", key, code, shifted)
            self.key("keyUp", key, code, shifted)
            if shifted:
                self.key("keyUp", "Shift", "ShiftLeft", False)

    def close(self):
        if self.page:
            self.page.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Remote consoles of a real guest in a lab: its serial line and its screen, each until a typed command has answered.

    consoles.py            also in a browser: Chromium opens the URL that the API gave, noVNC draws, and keys are typed at the page
    consoles.py --short    what the check runs: the same protocols from Python

The lab's first server is used, and left as it was.
"""
import re
import sys
import time
import traceback
import urllib.parse
import urllib.request

from browser import PROGRAM, Browser
from lab import CloudError, Lab, wait_until
from picture import Reader, cursor_of
from rfb import Viewer
from websocket import WebSocket

LIMIT_S = 120
LETTERS = "#0123456789"


class World:
    def __init__(self):
        self.lab = Lab()
        self.lab.login()
        self.server = self.lab.id_of("/compute/v2.1/servers?all_tenants=1", "servers", "first")
        self.lab.wait_status(self.server, "ACTIVE")

    def url(self, protocol, kind):
        body = {"remote_console": {"protocol": protocol, "type": kind}}
        return self.lab.call("POST", f"/compute/v2.1/servers/{self.server}/remote-consoles", body, want=200)["remote_console"]["url"]


def typed_on_the_serial_line(w):
    line = WebSocket(w.url("serial", "serial"))
    text, wanted = "", "by hand 4711"
    line.send(b"\recho by hand $((4710 + 1))\r")
    end = time.monotonic() + LIMIT_S
    while wanted not in text:
        if time.monotonic() > end:
            raise CloudError(f"the serial line says {text[-500:]!r}")
        text += line.receive().decode(errors="replace")
    line.close()
    # What went over the line is in its log.
    wait_until("the log has it", lambda: wanted in w.lab.console(w.server), LIMIT_S, 0.5)


def token_opens_once(w):
    url = w.url("serial", "serial")
    wait_until("the line is free", lambda: opens(url), LIMIT_S, 0.5)
    if opens(url):
        raise CloudError("a token opened a second time")


def opens(url):
    line = WebSocket(url)
    try:
        line.send(b"\r")
        line.receive()
        return True
    except CloudError:
        return False
    finally:
        line.close()


def text_screen(view):
    screen = view.screen()
    return screen if screen is not None and screen.is_text else None


def rows_of(screen, reader):
    cursors = set(cursor_of(screen.high, screen.wide))
    lines = ([0 if shape in cursors else shape for shape in screen.line(row)] for row in range(screen.last() + 1))
    return [reader.read(line).rstrip() for line in lines]


def prompt_answers(view):
    """The prompt is on the screen, and what is typed there is carried out."""
    screen = wait_until("a text screen with a prompt", lambda: (found := text_screen(view)) and found.last() >= 0 and found, LIMIT_S, 0.5)
    view.type("\n")
    cursors, reader = set(cursor_of(screen.high, screen.wide)), Reader()

    def echoed():
        """The last row, once it is the prompt and all that was typed behind it."""
        now = text_screen(view)
        shapes = [shape for shape in now.line(now.last())] if now else []
        while shapes and (shapes[-1] in cursors or not shapes[-1]):
            shapes.pop()
        same = len(shapes) > len(LETTERS) and len(set(shapes[-len(LETTERS):])) == len(LETTERS)
        return same and shapes

    view.type(LETTERS)
    shapes = wait_until("what was typed is seen", echoed, LIMIT_S, 0.5)
    reader.learn(shapes[-len(LETTERS):], LETTERS)
    prompt = reader.read(shapes[:-len(LETTERS)]).rstrip()
    if not prompt.endswith("#"):
        raise CloudError(f"no prompt is seen before what was typed, but {prompt!r}")
    view.type("\necho $((1234*5678))\n")
    wait_until("the command answers on the screen", lambda: str(1234 * 5678) in rows_of(text_screen(view), reader), LIMIT_S, 0.5)


def token_of(url):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["path"][0]


def screen_answers_over_rfb(w):
    url = w.url("vnc", "novnc")
    at = urllib.parse.urlsplit(url)
    with urllib.request.urlopen(url, timeout=60) as page:
        if b"noVNC" not in page.read():
            raise CloudError(f"{at.path} is no page of noVNC")
    view = Viewer(WebSocket(f"ws://{at.netloc}/{token_of(url)}"))
    try:
        prompt_answers(view)
    finally:
        view.close()


def screen_answers_in_a_browser(w):
    browser = Browser()
    try:
        browser.open(w.url("vnc", "novnc"))
        prompt_answers(browser)
    finally:
        browser.close()


def pages_of_others_are_refused(w):
    url = w.url("serial", "serial")
    try:
        WebSocket(url, origin="https://elsewhere.example").close()
    except CloudError as refused:
        if not re.search("403", str(refused)):
            raise
    else:
        raise CloudError("a page of another origin opened a console")


def audit_is_clean(w):
    w.lab.audit()


SHORT = [typed_on_the_serial_line, token_opens_once, pages_of_others_are_refused, screen_answers_over_rfb]
STEPS = [*SHORT, screen_answers_in_a_browser]


def main():
    todo = [*(SHORT if "--short" in sys.argv[1:] else STEPS), audit_is_clean]
    if screen_answers_in_a_browser in todo and not PROGRAM:
        print("FAIL consoles: a browser is wanted: apt-get install chromium")
        print("consoles: 0 passed, 1 failed, 0 skipped")
        return 1
    world = World()
    for n, step in enumerate(todo):
        name, started = step.__name__.replace("_", " "), time.monotonic()
        try:
            step(world)
        except Exception:  # noqa: BLE001
            traceback.print_exc()
            print(f"FAIL consoles: {name}", flush=True)
            print(f"consoles: {n} passed, 1 failed, {len(todo) - n - 1} skipped")
            return 1
        print(f"ok   consoles: {name} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"consoles: {len(todo)} passed, 0 failed, 0 skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())

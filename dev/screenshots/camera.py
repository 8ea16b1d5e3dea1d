"""Takes pictures of web pages with headless Chromium; run with the Python of Odoo, which has what it needs.

Reads its task as JSON from stdin: `{"chromium", "url", "login", "password", "folder", "pages": [{"name", "address",
"ready", "before", "width"}]}`. `ready` is JavaScript that is true once the page shows what it should, `before` is run
then; `width` is that of the window, where it is another than usual.
"""

import base64
import contextlib
import io
import itertools
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import websocket
from PIL import Image

WIDTH, HEIGHT = 1366, 768
COLOURS = 128
LIMIT = 60
SETTLE = 1.0
SWITCHES = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--remote-debugging-port=0", f"--window-size={WIDTH},{HEIGHT}",
]  # fmt: skip
SIGN_IN = """
    document.querySelector("input[name=login]").value = %s;
    document.querySelector("input[name=password]").value = %s;
    document.querySelector("form.oe_login_form").submit();
"""
# What Odoo's own tours point at is not ours to show.
NO_TIPS = """
    document.head.append(
        Object.assign(document.createElement("style"), {textContent: ".o_tour_pointer {display: none !important}"})
    );
"""
AT_REST = "document.fonts.status === 'loaded' && !document.querySelector('.o_loading_indicator, .o_blockUI')"


class Page:
    """One page of the browser, by the DevTools protocol."""

    def __init__(self, address):
        self._socket = websocket.create_connection(address, suppress_origin=True, timeout=LIMIT)
        self._numbers = itertools.count(1)

    def command(self, method, **params):
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv())
            if said.get("id") == number:
                if "error" in said:
                    raise SystemExit(f"{method}: {said['error']['message']}")
                return said["result"]

    def evaluate(self, script):
        return self.command("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def wait(self, script):
        end = time.monotonic() + LIMIT
        while not self.evaluate(f"!!({script})"):
            if time.monotonic() > end:
                raise SystemExit(f"not shown after {LIMIT} s: {script}\n{self.evaluate('document.body.innerText')}")
            time.sleep(0.1)

    def go(self, address):
        # Away first: a change behind the # alone would not load the page anew.
        self.command("Page.navigate", url="about:blank")
        self.command("Page.navigate", url=address)

    def resize(self, width):
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=HEIGHT, deviceScaleFactor=1, mobile=False
        )

    def picture(self):
        return base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])


@contextlib.contextmanager
def browser(chromium):
    # What is left of the browser may still write into its profile.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [chromium, *SWITCHES, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield Page(page_address(Path(profile) / "DevToolsActivePort", process))
        finally:
            process.terminate()
            process.wait(10)


def page_address(file, process):
    """Where the browser's first page listens; the browser writes its port into its profile."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, IndexError, StopIteration):
            port = file.read_text().splitlines()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as answer:
                return next(page["webSocketDebuggerUrl"] for page in json.load(answer) if page["type"] == "page")
        time.sleep(0.1)
    raise SystemExit("Chromium does not start")


def save(picture, path):
    """As a PNG of few colours: a quarter of the size, and no eye sees it."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path} {path.stat().st_size // 1024} KB", file=sys.stderr)


def main(task):
    with browser(task["chromium"]) as page:
        page.command("Page.enable")
        page.resize(WIDTH)
        page.go(f"{task['url']}/web/login")
        page.wait("document.querySelector('input[name=password]')")
        page.evaluate(SIGN_IN % (json.dumps(task["login"]), json.dumps(task["password"])))
        page.wait("document.querySelector('.o_main_navbar')")
        for wanted in task["pages"]:
            page.resize(wanted.get("width") or WIDTH)
            page.go(f"{task['url']}{wanted['address']}")
            page.wait(wanted["ready"])
            page.evaluate(NO_TIPS)
            if wanted.get("before"):
                page.evaluate(wanted["before"])
            page.wait(AT_REST)
            time.sleep(SETTLE)
            save(page.picture(), Path(task["folder"]) / f"{wanted['name']}.png")


if __name__ == "__main__":
    main(json.load(sys.stdin))

"""Debian's chromium without a window, driven by the DevTools protocol over two pipes."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = "chromium"
KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "Space": (32, " ")}
"""Name of a key → its code in Windows, by which chromium knows it, and the text that it types."""


class Browser:
    """One tab of a browser; its errors and the requests that leave the page are kept."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = os.fdopen(commands, "wb", 0), os.fdopen(answers, "rb", 0)
        self._number, self._session, self._rest = 0, "", b""
        self.errors: list[str] = []
        self.requests: list[str] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def open(self, path: Path) -> None:
        """Open a file, and wait until it is loaded."""
        self._ask("Page.navigate", url=path.as_uri())
        while self._event()["method"] != "Page.loadEventFired":
            pass

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page; a promise is waited for."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key: Tab, Enter or Space."""
        code, text = KEYS[key]
        event = {"key": text or key, "code": key, "windowsVirtualKeyCode": code}
        self._ask("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
        self._ask("Input.dispatchKeyEvent", type="keyUp", **event)

    def accessible(self) -> list[tuple[str, str]]:
        """Return the role and the name of each thing that a screen reader is told, in order."""
        nodes = self._ask("Accessibility.getFullAXTree")["nodes"]
        told = [node for node in nodes if not node["ignored"]]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in told]

    def pdf(self) -> bytes:
        """Print the page, with its backgrounds, and return the document."""
        answer = self._ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(answer["data"])

    def emulate_paper(self, width: int, scheme: str) -> None:
        """Lay the page out as for paper of this width in pixels; colours: light or dark."""
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._ask("Emulation.setEmulatedMedia", media="print", features=features)

    def resize(self, width: int, height: int, scheme: str) -> None:
        """Set the size in pixels, and the colours: light or dark."""
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._ask("Emulation.setEmulatedMedia", media="", features=features)

    def screenshot(self, path: Path) -> None:
        """Write a picture of the page."""
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"]))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _event(self) -> dict[str, Any]:
        while True:
            message = self._read()
            if "method" in message:
                return message

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = self._answers.read(1 << 16)
            assert more, "the browser ended"
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        parameters = message.get("params", {})
        if message.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"} or parameters.get("type") == "error":
            self.errors.append(json.dumps(parameters))
        is_request = message.get("method") == "Network.requestWillBeSent"
        # An address of the kind data: is a part of the page.
        if is_request and not parameters["request"]["url"].startswith("data:"):
            self.requests.append(parameters["request"]["url"])
        return message


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """Start a browser with a profile in this folder, and end it."""
    commands_out, commands_in = os.pipe()
    answers_out, answers_in = os.pipe()
    words = [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
    words += ["--hide-scrollbars", "--no-first-run", f"--user-data-dir={folder}"]
    shell = f'exec 3<&{commands_out} 4>&{answers_in}; exec "$@"'
    process = subprocess.Popen(
        ["bash", "-c", shell, "sh", *words],
        pass_fds=(commands_out, answers_in),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(commands_out)
    os.close(answers_in)
    try:
        yield Browser(commands_in, answers_out)
    finally:
        process.kill()
        process.wait()

"""Debian's Chromium without a window, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

PATIENCE = 100.0
OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",  # xterm.js paints with WebGL, and there is no graphics card
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,800",
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing is asked of the network
)
KEEP_TERMINAL = """
Object.defineProperty(Object.prototype, "terminal", {
  configurable: true,
  set(made) {
    window.kept = made;
    Object.defineProperty(this, "terminal", { value: made, writable: true });
  },
});
"""
"""Keeps the page's xterm.js where it can be asked what is in its buffer."""
BUFFER = """
(() => {
  if (!window.kept) return "";
  const buffer = window.kept.buffer.active, lines = [];
  for (let row = 0; row < window.kept.rows; row++) {
    lines.push(buffer.getLine(row)?.translateToString(true) ?? "");
  }
  return lines.join("\\n");
})()
"""


class CallFailed(Exception):
    """The browser refused a call."""


class Tab:
    """A page over the DevTools protocol."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = count(1)

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer = await self._socket.receive_json()
            if answer.get("id") == number:
                if "error" in answer:
                    raise CallFailed(answer["error"])
                result: dict[str, Any] = answer["result"]
                return result

    async def value(self, expression: str) -> Any:
        """What an expression comes to; None where the page has none, or is being left."""
        try:
            found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        except CallFailed:
            return None
        return found["result"].get("value")

    async def until(self, expression: str, holds: Callable[[Any], object]) -> Any:
        """Ask until the answer holds; the answer."""
        found = None
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds(found := await self.value(expression)):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never came true; the last answer was\n{found}") from None
        return found

    async def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" else {}
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, **text)

    async def picture(self) -> bytes:
        """A PNG of what is seen."""
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Tab]:
    """A browser that knows nothing yet, with an empty page."""
    program = shutil.which("chromium")
    assert program, "there is no chromium; run scripts/tools.sh"
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [program, *OPTIONS, *sandbox, f"--user-data-dir={profile}", "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = await _debugger(profile)
        async with ClientSession() as client, client.ws_connect(address) as socket:
            tab = Tab(socket)
            await tab.call("Page.enable")
            await tab.call("Page.addScriptToEvaluateOnNewDocument", source=KEEP_TERMINAL)
            yield tab
    finally:
        process.terminate()
        process.wait(30)


async def _debugger(profile: Path) -> str:
    """The address of the page's debugger."""
    said = profile / "DevToolsActivePort"
    async with asyncio.timeout(PATIENCE), ClientSession() as client:
        while not (said.is_file() and "\n" in said.read_text()):
            await asyncio.sleep(0.05)
        port = said.read_text().splitlines()[0]
        while True:
            async with client.get(f"http://127.0.0.1:{port}/json/list") as answer:
                for target in await answer.json():
                    if target["type"] == "page":
                        return str(target["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)

"""The process of one screen in a browser, with Textual's web driver at its other end."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

GRACE = 3.0
"""Seconds that a screen gets to end by itself before it is killed."""
_PIECE = 65_536
"""Bytes."""
WIDEST, HIGHEST = 1000, 500
"""Cells; a screen is painted whole, so a size that no monitor has is not obeyed."""


class ProtocolError(Exception):
    """The browser's end said what Textual's page never says."""


class WebScreen(AppService):
    """Runs `argv` as the screen behind a websocket.

    The process leads a process session of its own, so that a Ctrl-C in our terminal does not reach
    it: it is ended by `stop`, and an engine that it started goes on.
    """

    def __init__(
        self, argv: Sequence[str], socket: web.WebSocketResponse, downloads: DownloadManager
    ) -> None:
        super().__init__(
            argv[0],
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=self._close,
            download_manager=downloads,
        )
        self._argv = tuple(argv)
        self._socket = socket

    async def _close(self) -> None:
        await self._socket.close()

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._build_environment(*_bounded(width, height)),
            start_new_session=True,
        )
        self._stdin = self._process.stdin
        return self._process

    async def run(self) -> None:
        """Pass on what the process paints, until it ends."""
        try:
            await super().run()
        finally:
            await self._close()

    async def set_terminal_size(self, width: int, height: int) -> None:
        await super().set_terminal_size(*_bounded(width, height))

    async def stop(self) -> None:
        """Ask the process to end, and end it."""
        if self._process is None:
            return
        ended = asyncio.create_task(self._end(self._process))
        await asyncio.wait({ended}, timeout=GRACE)  # a cancellation would end in `run`, unseen
        if not ended.done():
            self._process.kill()
        await ended

    async def _end(self, process: Process) -> None:
        await super().stop()
        for stream in (process.stdout, process.stderr):  # one that is full is never at its end
            while stream is not None and await stream.read(_PIECE):
                pass
        await process.wait()

    async def obey(self, message: str) -> None:
        """Do what a message of the browser's page says.

        Raises:
            ProtocolError: it is none of those that the page sends.
        """
        try:
            words = json.loads(message)
            match words:
                case ["stdin", str(typed)]:
                    await self.send_bytes(typed.encode("utf-8"))
                case ["resize", {"width": int(width), "height": int(height)}]:
                    await self.set_terminal_size(width, height)
                case ["ping", str(sent)]:
                    await self._socket.send_json(["pong", sent])
                case ["focus"]:
                    await self.focus()
                case ["blur"]:
                    await self.blur()
                case _:
                    raise ProtocolError
        except (ValueError, RecursionError) as error:  # no JSON, half a character, or too deep
            raise ProtocolError from error


def _bounded(width: int, height: int) -> tuple[int, int]:
    return min(max(width, 1), WIDEST), min(max(height, 1), HIGHEST)

"""A doorbell over Unix datagram sockets in the session's folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from pathlib import Path


class SocketDoorbell:
    """Implements `ports.journal.Doorbell`.

    Each listener has a socket file of its own below `bells/`, and a ring goes to all but its own.
    A socket that nobody listens to any more is removed by whoever rings it. Where no socket can be
    made, `wait` only waits: its callers poll behind it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = -1
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}.sock"
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        """Has the socket watched."""
        self._rung = asyncio.Event()
        """Kept until somebody has been told: a wait may be cancelled when its ring has come."""
        with contextlib.suppress(OSError):
            self._listen(folder / "bells")

    def _listen(self, bells: Path) -> None:
        bells.mkdir(mode=0o700, exist_ok=True)
        self._folder = os.open(bells, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            listener.setblocking(False)
            listener.bind(self._address(self._name))
        except OSError:
            listener.close()
            raise
        self._socket = listener

    def _address(self, name: str) -> str:
        """Through the folder's descriptor: a socket's path may be only 107 bytes long."""
        return f"/proc/self/fd/{self._folder}/{name}"

    def ring(self) -> None:
        if self._folder < 0:
            return
        with contextlib.suppress(OSError):
            names = os.listdir(self._folder)  # noqa: PTH208 - pathlib can't list a descriptor
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                for name in names:
                    if name.endswith(".sock") and name != self._name:
                        self._ring_one(sender, name)

    def _ring_one(self, sender: socket.socket, name: str) -> None:
        try:
            sender.sendto(b"\0", self._address(name))
        except ConnectionRefusedError:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self._folder)
        except OSError:
            return  # gone meanwhile, or its queue is full of rings already

    async def wait(self, timeout: float) -> bool:
        if self._socket is None:
            await asyncio.sleep(timeout)
            return False
        self._attend(self._socket)
        try:
            async with asyncio.timeout(timeout):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True

    def _attend(self, listener: socket.socket) -> None:
        """Have the running loop watch the socket from now on: once, not for every wait."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._rung = loop, asyncio.Event()
            loop.add_reader(listener, self._take)

    def _take(self) -> None:
        """Take all rings that have arrived."""
        with contextlib.suppress(OSError):
            while self._socket is not None:
                self._socket.recv(16)
                self._rung.set()

    def close(self) -> None:
        if self._socket is not None:
            if self._loop is not None:
                self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            with contextlib.suppress(OSError):
                os.unlink(self._name, dir_fd=self._folder)
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

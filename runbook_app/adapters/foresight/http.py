"""HTTP and TLS: asked while what answers is as it was; what changes something is written down."""

from __future__ import annotations

from typing import Any

from runbook_app.adapters.foresight.world import ANSWERS, DATABASE, World
from runbook_app.ports.capabilities import Containers, Handshake, Http, Latency, Response

_READING = ("GET", "HEAD", "OPTIONS", "TRACE")


class ForeseenHttp:
    """Implements `Http`."""

    def __init__(self, world: World, real: Http, containers: Containers) -> None:
        self._world = world
        self._real = real
        self._containers = containers

    async def request(self, method: str, url: str, **how: Any) -> Response:
        if method.upper() not in _READING and not self._world.asking:
            self._world.change("http", f"{method} {url}", "is sent")
            self._world.age(ANSWERS, DATABASE, by=f"has sent {method} {url}")
            self._world.cannot(f"the answer to {method} {url}")
        await self._must_answer_as_before(f"the answer to {method} {url}")
        return await self._real.request(method, url, **how)

    async def handshake(self, host: str, port: int, **how: Any) -> Handshake:
        await self._must_answer_as_before(f"how {host}:{port} answers a TLS handshake")
        return await self._real.handshake(host, port, **how)

    async def load(self, url: str, *, requests: int, **how: Any) -> Latency:
        if not self._world.asking:
            self._world.change("http", f"{requests} requests to {url}", "are sent")
            self._world.cannot(f"the latencies of {url}")
        await self._must_answer_as_before(f"the latencies of {url}")
        return await self._real.load(url, requests=requests, **how)

    async def _must_answer_as_before(self, what: str) -> None:
        """What answers may be any container, and any of what it asks."""
        self._world.hold()
        if why := self._world.anything_aged:
            self._world.cannot(f"{what}, once {why}")
        for info in await self._containers.list() if self._world.files else ():
            if name := self._world.shown_to(info):
                self._world.cannot(f"{what}, once {info.service} sees another {name}")

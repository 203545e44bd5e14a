"""The stack seen from inside its network: entrances, and visitors with an address of their own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NotRequired, TypedDict
from urllib.parse import SplitResult, urlsplit

from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run
from runbook_app.ports.capabilities import ContainerInfo


class Request(TypedDict):
    """A request, and the status that it must be answered with."""

    path: str
    status: int
    method: NotRequired[str]
    json: NotRequired[Any]
    headers: NotRequired[dict[str, str]]
    repeat: NotRequired[int]
    """Send up to so many times, until the status comes."""
    size: NotRequired[int]
    """Bytes of a body without meaning."""
    text: NotRequired[str]
    """A body as it is, said to be JSON."""
    plain: NotRequired[bool]
    """Plain HTTP, to a port that expects TLS."""


PROXY = "nginx"
PROXY_PORT = 8443
LOCAL = "localhost"
VISITOR = Path(__file__).with_name("_visitor.py")
ORDER = "RUNBOOK_ORDER"
"""The variable in which a visitor finds its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Where a visitor knocks, from inside the stack's network."""

    host: str
    port: int
    name: str
    """In TLS and in the Host header."""
    ca: str
    """PEM text; empty is plain HTTP."""

    @property
    def url(self) -> str:
        return f"{'https' if self.ca else 'http'}://{self.host}:{self.port}"

    def order(self, what: str, **fields: object) -> dict[str, object]:
        entrance = {"host": self.host, "port": self.port, "name": self.name, "ca": self.ca}
        return {"do": what, "entrance": entrance, **fields}


async def running(run: Run, service: str) -> ContainerInfo:
    """Find a service's running container.

    Raises:
        NotMeasured: it does not run, or is attached to no network.
    """
    info = await run.containers.find(service)
    if info is None or info.status != "running":
        state = info.status if info else "absent"
        raise NotMeasured(
            f"The service {service} does not run: its container is {state}.",
            hint="Start the stack, then try again.",
        )
    info.must_be_attached()
    return info


async def entrance(run: Run, *, base_url: str, service: str, port: int, ca: str) -> Entrance:
    """Choose where visitors knock; without a `base_url` where clients do: at the proxy if one runs.

    Raises:
        NotMeasured: the CA's file is missing, and the way is through TLS.
    """
    api = Entrance(host=service, port=port or run.plan.target.api_port, name=LOCAL, ca="")
    if not base_url:
        proxy = await run.containers.find(PROXY)
        base_url = (
            "https://localhost" if proxy and proxy.status == "running" else "http://localhost"
        )
    url = urlsplit(base_url)
    if url.scheme != "https":
        return api if _is_local(url.hostname) else _elsewhere(url, "")
    if not run.files.exists(ca):
        raise NotMeasured(
            f"{ca} is missing, so nothing can be asked through TLS.",
            hint="Make the certificates first.",
        )
    authority = run.files.read(ca).decode()
    if not _is_local(url.hostname):
        return _elsewhere(url, authority)
    return Entrance(host=PROXY, port=PROXY_PORT, name=LOCAL, ca=authority)


async def outside(run: Run, *, port: int, ca: str) -> tuple[str, Path | None]:
    """The stack's URL on this machine and the CA to verify it with: the proxy's when one runs.

    Raises:
        NotMeasured: the CA's file is missing, and the way is through TLS.
    """
    proxy = await run.containers.find(PROXY)
    if proxy is None or proxy.status != "running":
        return f"http://{LOCAL}:{port}", None
    if not run.files.exists(ca):
        raise NotMeasured(
            f"{ca} is missing, so nothing can be asked through TLS.",
            hint="Make the certificates first.",
        )
    return f"https://{LOCAL}:{port}", run.files.path(ca)


def _is_local(host: str | None) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")


def _elsewhere(url: SplitResult, ca: str) -> Entrance:
    port = url.port or (443 if url.scheme == "https" else 80)
    return Entrance(host=url.hostname or "", port=port, name=url.hostname or "", ca=ca)


async def visit(
    run: Run, service: str, order: Mapping[str, object], timeout: timedelta
) -> dict[str, Any]:
    """Send a visitor from a throwaway container of a service's image, on that service's network.

    Raises:
        NotMeasured: the visitor could not do its work.
    """
    info = await running(run, service)
    network = next(iter(info.addresses), "")
    result = await run.containers.run_once(
        info.image,
        ["-c", VISITOR.read_text()],
        environment={ORDER: json.dumps(order)},  # it may have a token: arguments are for all to see
        entrypoint=["python3"],
        network=network,
        timeout=timeout,
        log=False,
    )
    if not result.ok:
        words = result.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise NotMeasured(
            f"The probe in a throwaway container failed: {''.join(words) or 'no output'}.",
            hint=f"It needs python3 in the image of {service}.",
        )
    _last_visit(run).write_text(str(time.time()))
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


async def fresh_quotas(run: Run, window: float) -> None:
    """Wait until no earlier visit of this session counts any more.

    Throwaway containers get addresses that others had before them, with what is left of their
    quotas.
    """
    stamp = _last_visit(run)
    last = float(stamp.read_text()) if stamp.exists() else 0.0
    rest = min(window, last + window - time.time())
    if rest > 0:
        run.progress(f"waiting {rest:.0f} s for the quotas of an earlier check to be whole again")
        await asyncio.sleep(rest)


def _last_visit(run: Run) -> Path:
    return run.scratch / "last-visit"

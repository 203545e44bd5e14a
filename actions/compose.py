"""The target's Compose project."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from actions import _proxy, _radius
from runbook_app.domain.blast import Affected
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, check, effect


@effect
async def add_proxy(
    run: Run,
    *,
    https_port: int,
    http_port: int,
    service: str = "nginx",
    api_service: str = "api",
    image: str = "runbook-staging-nginx:latest",
    address: str = "",
    subnet: str = "",
    certificates: str = "certs",
    configuration: str = "nginx",
    host_ip: str = "127.0.0.1",
    uid: int = 33,
) -> None:
    """Put nginx in front of the API in the Compose file, and close the API's own port."""
    proxy = _proxy.wanted(
        run,
        https_port=https_port,
        http_port=http_port,
        service=service,
        api_service=api_service,
        image=image,
        address=address,
        subnet=subnet,
        certificates=certificates,
        configuration=configuration,
        host_ip=host_ip,
        uid=uid,
    )
    changed = await run.compose.edit(proxy.put_in_front)
    run.log(f"{run.compose.file}: {'edited' if changed else 'already so'}")
    run.output("proxy_address", proxy.fixed_address(run.compose.document()))


@add_proxy.check
async def _(run: Run, **parameters: Any) -> Finding:
    proxy = _proxy.wanted(run, **parameters)
    now = run.compose.document()
    wanted = copy.deepcopy(now)
    proxy.put_in_front(wanted)  # type: ignore[arg-type]  # a copy may be changed
    if wanted == now:
        return run.done(f"{proxy.service} stands in front of {proxy.api_service}")
    services: Mapping[str, object] = now.get("services", {})
    if proxy.service not in services:
        return run.not_done(f"{run.compose.file} has no service {proxy.service}")
    return run.partly(
        f"{proxy.service} or {proxy.api_service} is not as it should be in {run.compose.file}"
    )


@effect
async def apply(run: Run, *, timeout: timedelta = timedelta(minutes=3)) -> None:
    """Bring the project to what its Compose file says, and wait until it is healthy."""
    await run.compose.up(timeout=timeout)


@apply.check
async def _(run: Run, **_: Any) -> Finding:
    differences = await run.compose.settled()
    if not differences:
        return run.done("all services run as the Compose file says, and are healthy")
    # Bringing it up again is right from any state in between, so none of them is "partly".
    return run.not_done("; ".join(differences))


@apply.blast_radius
async def _(run: Run, *, timeout: timedelta = timedelta(minutes=3)) -> list[Affected]:
    return await _radius.stack(run, timeout)


@check
async def services_settled(run: Run) -> None:
    """Find every service running, healthy and as the Compose file says, and no orphan."""
    differences = await run.compose.settled()
    run.require("services settled", not differences, "; ".join(differences) or "all of them")

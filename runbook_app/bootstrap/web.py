"""A session's screen in a browser."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from ipaddress import IPv4Address, IPv6Address


async def serve_session(
    session: str,
    *,
    write: bool,
    bound: IPv4Address | IPv6Address,
    port: int,
    ready: Callable[[str], None],
    ended: asyncio.Event,
) -> None:
    """Show a session in the one browser that opens the link, until `ended`.

    Raises:
        EnvironmentLacks: it can't listen there.
    """
    from runbook_app.adapters.web_access import WebAccess
    from runbook_app.adapters.web_server import WebServer

    argv = [sys.executable, "-m", "runbook_app.processes.screen", session, *(["write"] * write)]
    server = WebServer(WebAccess(bound), argv, f"runbook {session}")
    await server.serve(bound, port, ready, ended)

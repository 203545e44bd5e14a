"""Which cipher suites of TLS 1.2 a port takes, each offered alone."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from actions import _old_tls
from actions._nginx_conf import INTERMEDIATE
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run

__all__ = ["INTERMEDIATE", "Offered", "control"]

WEAK = "AES128-SHA"
"""Without forward secrecy, by CBC and SHA-1: outside of every list of today."""


def offerable() -> list[str]:
    """The suites of TLS 1.2 and older that this machine's library still has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    names = [str(suite["name"]) for suite in context.get_ciphers()]
    return [name for name in names if not name.startswith("TLS_")]


async def _takes(run: Run, host: str, port: int, server_name: str, suite: str) -> tuple[bool, str]:
    shaken = await run.http.handshake(
        host,
        port,
        server_name=server_name,
        minimum="TLSv1.2",
        maximum="TLSv1.2",
        ciphers=f"{suite}:@SECLEVEL=0",
        verify=False,
    )
    return shaken.ok and shaken.cipher == suite, shaken.error


async def control(run: Run, server_name: str) -> None:
    """Get a weak suite taken by a server that has it.

    Raises:
        NotMeasured: this machine can't offer it.
    """
    with _old_tls.speaking("TLSv1.2", run.scratch, key_type="rsa-2048") as port:
        taken, error = await _takes(run, "127.0.0.1", port, server_name, WEAK)
    if not taken:
        raise NotMeasured(f"This machine can't get {WEAK} taken even where it is: {error}.")
    run.measure("control", f"a server that has {WEAK} took it")


@dataclass(slots=True, kw_only=True)
class Offered:
    run: Run
    host: str
    port: int
    server_name: str
    count: int = field(default=0, init=False)
    refusal: str = field(default="", init=False)
    """What the newest refusal said."""

    async def taken(self) -> set[str]:
        found = set()
        for suite in offerable():
            self.count += 1
            took, error = await _takes(self.run, self.host, self.port, self.server_name, suite)
            if took:
                found.add(suite)
            self.refusal = error or self.refusal
        return found

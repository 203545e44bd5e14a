"""`serve`: a session's screen in a browser."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
from collections.abc import Callable
from pathlib import Path

import click

from runbook_app import bootstrap
from runbook_app.cli import complain, options
from runbook_app.domain.errors import UsageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001 - as above
    given: str,
) -> Address:
    try:
        return ipaddress.ip_address(given)
    except ValueError:
        raise click.BadParameter(f"{given!r} is no IP address, such as 127.0.0.1.") from None


@click.command()
@options.session
@options.target
@click.option("--write", is_flag=True, help="Let the browser drive the session too.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="Where to listen.  [default: a free port]",
)
@click.option(
    "--bind",
    callback=_address,
    default="127.0.0.1",
    metavar="ADDRESS",
    help="Listen on this address; beyond this machine only for reading.  [default: 127.0.0.1]",
)
def serve_command(session: str | None, target: Path, write: bool, port: int, bind: Address) -> None:
    """Show a session in a browser on this machine, to read only.

    The link that is printed opens one browser, once. Ctrl-C ends it; the session goes on. SESSION
    is its id, or the beginning of it; by default the latest on --target.
    """
    if write and not bind.is_loopback:
        raise UsageError(
            f"--write is for this machine's own browsers, and {bind} is not loopback: over plain"
            " HTTP everybody on the way could take the session over.",
            hint="Leave out --bind and come in through SSH: docs/operating.md.",
        )
    opened = bootstrap.open_session(session, target, read_only=True)
    opened.close()
    if not bind.is_loopback:
        complain(
            f"Everybody who reaches {bind} can try to open it, and what is shown travels"
            " unencrypted, the link as well: who listens on the way sees all of it, and can look on"
            " as long as this runs. Through SSH nobody can: docs/operating.md."
        )
    rights = "and can be driven there" if write else "read-only"

    def ready(link: str) -> None:
        click.echo(f"Session {opened.id}, {rights}, in the one browser that opens this link:")
        click.echo(f"  {link}")
        click.echo("Ctrl-C ends it; the session goes on.")

    asyncio.run(_until_told(opened.id, write=write, bind=bind, port=port, ready=ready))


async def _until_told(
    session: str, *, write: bool, bind: Address, port: int, ready: Callable[[str], None]
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    await bootstrap.serve_session(
        session, write=write, bound=bind, port=port, ready=ready, ended=ended
    )

"""Work by hand, in a process of its own that has the screen's terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.bootstrap.checks import answer, ask, at_target
from runbook_app.domain.errors import RunbookError, UsageError

if TYPE_CHECKING:
    from runbook_app.adapters.entrances import Entrance
    from runbook_app.engine.client import SessionClient
    from runbook_app.engine.redaction import Redactor
    from runbook_app.ports.hands import WayIn


def answer_ways(folder: Path) -> int:
    """Print the ways in as JSON, or on standard error why there are none."""
    return answer(lambda: ask(folder, lambda session: _ways(folder, session)), say=str)


async def _ways(folder: Path, session: SessionClient) -> list[WayIn]:
    from runbook_app.ports.hands import WayIn

    async with at_target(folder, session) as (target, _, redactor):
        found = await target.entrances()
        return [
            WayIn(name=one.name, what=one.what, remark=redactor.text(one.remark)) for one in found
        ]


def go_in(folder: Path, way: str, hands: str) -> int:
    """Be the process that somebody works by hand in; on standard error why it did not begin."""
    from runbook_app.adapters.by_hand import MOST, SpooledTranscripts
    from runbook_app.adapters.terminal import run_on_terminal

    try:
        entrance, root, redactor = ask(folder, lambda session: _open(folder, session, way))
        path = SpooledTranscripts(folder).create(hands)
        stream, left = redactor.stream(), MOST
        with path.open("wb", buffering=0) as transcript:

            def seen(data: bytes) -> None:
                nonlocal left
                if left > 0:
                    transcript.write(stream.feed(data[:left]))
                left -= len(data)

            sys.stdout.write(
                f"By hand: {entrance.what}. It is on record; end it with exit or ctrl+d.\r\n"
            )
            sys.stdout.flush()
            code = run_on_terminal(
                entrance.argv, cwd=root, environment=entrance.environment, seen=seen
            )
            transcript.write(stream.close())
            if left < 0:
                transcript.write(f"\n{-left} more bytes were not recorded\n".encode())
    except (RunbookError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code if isinstance(error, RunbookError) else 1
    return code


async def _open(folder: Path, session: SessionClient, way: str) -> tuple[Entrance, Path, Redactor]:
    """The way in of that name, as it is now, and what masks the session's secrets."""
    async with at_target(folder, session) as (target, _, redactor):
        found = {one.name: one for one in await target.entrances()}
    if way not in found:
        raise UsageError(f"There is no way in called {way} any more.", hint="Look again with !")
    return found[way], Path(session.started.target), redactor

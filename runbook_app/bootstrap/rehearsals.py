"""Rehearsals on a copy of a target, and what is on record of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.bootstrap.sessions import check_target, client
from runbook_app.bootstrap.surroundings import capture_key, folders, home
from runbook_app.domain.errors import UsageError

if TYPE_CHECKING:
    from runbook_app.adapters.rehearsal import Rehearsal
    from runbook_app.adapters.rehearsal_record import Begun, RehearsalRecord
    from runbook_app.domain.plan import Plan


def rehearsal(
    plan: Plan, target: Path, *, workdir: Path | None, say: Callable[[str], None]
) -> Rehearsal:
    """A rehearsal of a plan on a copy of a target; nothing of it is made yet.

    Raises:
        UsageError: the target is no folder, or has not what the plan names.
    """
    from runbook_app.adapters.clock import SystemClock
    from runbook_app.adapters.rehearsal import Rehearsal
    from runbook_app.domain.clock import to_text

    target = target.expanduser().resolve()
    check_target(plan, target)
    if not plan.target.compose:
        raise UsageError("The plan names no Compose file, so there is nothing to copy.")
    return Rehearsal(
        plan,
        target,
        record=rehearsal_record(),
        key=capture_key(),
        workdir=workdir.expanduser().absolute() if workdir else None,
        say=say,
        now=lambda: to_text(SystemClock().now()),
    )


def rehearsal_record() -> RehearsalRecord:
    from runbook_app.adapters.rehearsal_record import RehearsalRecord

    return RehearsalRecord(home())


def remove_rehearsal(begun: Begun) -> None:
    """Take away a rehearsal's copy, with its engine and its session.

    Raises:
        RunbookError: something could not be removed.
    """
    from runbook_app.adapters.rehearsal_removal import Removal

    engine = None
    folder = home() / begun.session
    if begun.session and (folder / "journal.db").is_file():
        session = client(folder, read_only=True)
        if session.state.engine is not None:
            engine = (session.state.engine.pid, session.state.engine.pid_started)
        session.close()
    Removal(rehearsal_record(), lambda name: home() / name).remove(begun, engine)


def note_rehearsal(plan: Plan, target: Path) -> None:
    """Tell the newest session of this plan on a target what is on record of rehearsals."""
    from runbook_app.adapters.children import Children
    from runbook_app.adapters.rehearsal_record import TargetRehearsals

    latest = folders().latest(target.expanduser().resolve())
    if latest is None or latest.plan != plan.id:
        return
    session = client(latest.folder, read_only=False)

    async def note() -> None:
        async def forget(_: object) -> None:
            """No engine, no journal: these only read."""

        root = Path(session.started.target)
        record = TargetRehearsals(rehearsal_record(), session.plan, root, Children(forget))
        await session.note_rehearsals(await record.noted())

    import asyncio

    try:
        asyncio.run(note())
    finally:
        session.close()

"""A step's check, and what an item changed, in this process, over connections of its own."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from runbook_app.bootstrap.engines import plain_names, secrets_in, target_in
from runbook_app.bootstrap.sessions import client
from runbook_app.domain.clock import format_duration
from runbook_app.domain.errors import ActionError, RunbookError

if TYPE_CHECKING:
    from runbook_app.adapters.artefacts import FolderArtefacts
    from runbook_app.adapters.target import StackTarget
    from runbook_app.domain.measure import Finding
    from runbook_app.engine.client import SessionClient
    from runbook_app.engine.redaction import Redactor
    from runbook_app.ports.session import Change


Found = TypeVar("Found")


def check_afresh(folder: Path, step_id: str) -> Finding:
    """Ask the check of a session's step.

    Raises:
        RunbookError: it could not run, or came to no answer in the step's time.
    """
    return ask(folder, lambda session: _check(folder, session, step_id))


def ask(folder: Path, work: Callable[[SessionClient], Coroutine[Any, Any, Found]]) -> Found:
    import asyncio

    session = client(folder, read_only=True)
    try:
        return asyncio.run(work(session))
    finally:
        session.close()


async def _check(folder: Path, session: SessionClient, step_id: str) -> Finding:
    import asyncio

    from runbook_app.adapters.registry import InstalledActions
    from runbook_app.engine.afresh import check_step

    limit = session.plan.step(step_id)[1].timeout
    async with at_target(folder, session) as (target, _, redactor):
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await check_step(
                    session.state,
                    session.plan,
                    step_id,
                    registry=InstalledActions(),
                    target=target,
                    mask=redactor.text,
                )
        except TimeoutError:
            raise ActionError(f"It did not end within {format_duration(limit)}.") from None


@asynccontextmanager
async def at_target(
    folder: Path, session: SessionClient
) -> AsyncIterator[tuple[StackTarget, FolderArtefacts, Redactor]]:
    """The session's target, its artefacts, and what masks its secrets."""
    from runbook_app.adapters.children import Children, forget
    from runbook_app.engine.redaction import Redactor

    redactor = Redactor(plain_names(session.plan))
    secrets, artefacts = secrets_in(folder, session, redactor)
    children = Children(forget, secrets.environment())
    target = target_in(folder, session, children, secrets, artefacts)
    try:
        yield target, artefacts, redactor
    finally:
        await target.close()


async def _changes(folder: Path, session: SessionClient, item: str) -> list[Change]:
    from runbook_app.engine.afresh import changes_since

    async with at_target(folder, session) as (target, artefacts, redactor):
        known = session.state.items[item]
        return await changes_since(known, target=target, artefacts=artefacts, mask=redactor.text)


def answer_changes(folder: Path, item: str) -> int:
    """Print what an item changed as JSON, or on standard error why that can't be told."""
    return answer(lambda: ask(folder, lambda session: _changes(folder, session, item)), say=str)


def answer_check(folder: Path, step_id: str) -> int:
    """Print what the check finds as JSON, or on standard error why it found nothing."""
    return answer(lambda: check_afresh(folder, step_id), say=lambda error: error.message)


def answer(find: Callable[[], object], say: Callable[[RunbookError], str]) -> int:
    import msgspec

    try:
        found = find()
    except RunbookError as error:
        sys.stderr.write(f"{say(error)}\n")
        return error.exit_code
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return 0

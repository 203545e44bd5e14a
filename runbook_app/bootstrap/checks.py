"""A step's check in this process, over connections of its own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.bootstrap.engines import plain_names, secrets_in, target_in
from runbook_app.bootstrap.sessions import client
from runbook_app.domain.clock import format_duration
from runbook_app.domain.errors import ActionError, RunbookError

if TYPE_CHECKING:
    from runbook_app.domain.measure import Finding
    from runbook_app.engine.client import SessionClient


def check_afresh(folder: Path, step_id: str) -> Finding:
    """Ask the check of a session's step.

    Raises:
        RunbookError: it could not run, or came to no answer in the step's time.
    """
    session = client(folder, read_only=True)
    try:
        return asyncio.run(_check(folder, session, step_id))
    finally:
        session.close()


async def _check(folder: Path, session: SessionClient, step_id: str) -> Finding:
    from runbook_app.adapters.children import Children, forget
    from runbook_app.adapters.registry import InstalledActions
    from runbook_app.engine.afresh import check_step
    from runbook_app.engine.redaction import Redactor

    redactor = Redactor(plain_names(session.plan))
    secrets, artefacts = secrets_in(folder, session, redactor)
    children = Children(forget, secrets.environment())
    target = target_in(folder, session, children, secrets, artefacts)
    limit = session.plan.step(step_id)[1].timeout
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
    finally:
        await target.close()


def answer_check(folder: Path, step_id: str) -> int:
    """Print what the check finds as JSON, or on standard error why it found nothing."""
    import msgspec

    try:
        found = check_afresh(folder, step_id)
    except RunbookError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.exit_code
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return 0

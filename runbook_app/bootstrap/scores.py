"""A measurement of the security score without a session."""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.bootstrap.engines import assembled, only_driver
from runbook_app.bootstrap.sessions import check_target, client, load_plan, write_start
from runbook_app.bootstrap.surroundings import folders
from runbook_app.domain.errors import UsageError

if TYPE_CHECKING:
    from runbook_app.domain.plan import Plan
    from runbook_app.domain.state import ScoreState
    from runbook_app.engine.client import SessionClient


_SCORE = re.compile(rb"^score:", re.MULTILINE)


def measure_score(
    plan: Path | None, target: Path, overrides: Mapping[str, str], *, probes: bool
) -> tuple[Plan, ScoreState]:
    """Measure a target's score without a session; with probes as the target's only driver.

    Everything is recorded as in a session, in a folder that is gone afterwards.

    Raises:
        LockedError: another driver holds the target, and probes were asked for.
        PlanError: the plan has mistakes.
        UsageError: there is no such target, or the plan has no checks for a score.
    """
    import asyncio
    import tempfile

    from runbook_app.adapters.plan_pin import pin

    target = target.expanduser().resolve()
    chosen, variables = (plan, {}) if plan else _used_on(target)
    loaded = load_plan(chosen, target, {**variables, **overrides}, window_from_now=True)
    check_target(loaded, target)
    if not loaded.score.measurable:
        raise UsageError(f"{chosen} has no checks for a score.", hint="See docs/plan-format.md.")
    driving = only_driver(target, "(a measurement of the score)") if probes else nullcontext()
    with driving, tempfile.TemporaryDirectory(prefix="runbook-score-") as made:
        folder = Path(made)
        pin(folder, loaded)
        asyncio.run(write_start(folder, loaded, target))
        session = client(folder, read_only=True)
        try:
            return loaded, asyncio.run(_take_score(folder, session, probes=probes))
        finally:
            session.close()


def _used_on(target: Path) -> tuple[Path, dict[str, str]]:
    """The plan of the newest session on a target and its variables, else the shipped one that
    has a score.

    Raises:
        UsageError: several have one, and none was ever run here.
    """
    from runbook_app.adapters.plan_pin import as_options
    from runbook_app.resources import shipped_plans

    latest = folders().latest(target)
    if latest is not None:
        session = client(latest.folder, read_only=True)
        try:
            started = session.started
        finally:
            session.close()
        used = Path(started.plan_path)
        if used.is_file():
            return used, as_options(started.variables)
    plans = sorted(shipped_plans().glob("*.yaml"))
    shipped = [path for path in plans if _SCORE.search(path.read_bytes())]
    if len(shipped) != 1:
        raise UsageError(f"No plan was run on {target}.", hint="Name one: runbook score PLAN")
    return shipped[0], {}


async def _take_score(folder: Path, session: SessionClient, *, probes: bool) -> ScoreState:
    async with assembled(folder, session) as engine:
        await engine.scoring.take("asked", by=getpass.getuser(), probes=probes)
    session.refresh()
    return session.state.scores[-1]

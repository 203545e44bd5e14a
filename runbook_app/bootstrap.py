"""The composition root: the one place that names the concrete classes.

Everything heavy is imported inside the functions, when it is first needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.domain.errors import EnvironmentLacks, UsageError
from runbook_app.ports.crash import CrashPoint, no_crash

if TYPE_CHECKING:
    from runbook_app.adapters.sessions import SessionFolders, SessionSummary
    from runbook_app.domain.measure import Scalar
    from runbook_app.domain.plan import Plan
    from runbook_app.engine.client import SessionClient

PLAN_FILE = "plan.yaml"
"""Name of the pinned copy of the plan in the session folder."""


def home() -> Path:
    """Where sessions and keys live: `$RUNBOOK_HOME`, or the platform's state folder."""
    given = os.environ.get("RUNBOOK_HOME")
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_state_path

    return user_state_path("runbook")


def folders() -> SessionFolders:
    from runbook_app.adapters.sessions import SessionFolders

    return SessionFolders(home())


def load_plan(
    plan: Path,
    target: Path | None,
    overrides: Mapping[str, str],
    *,
    window_from_now: bool = False,
) -> Plan:
    """Read and validate a plan for a target.

    Raises:
        PlanError: every mistake at once.
    """
    from runbook_app.adapters.plans import read_plan
    from runbook_app.adapters.registry import InstalledActions

    return read_plan(
        plan, InstalledActions(), overrides, target, window_from_now=window_from_now
    )


def create_session(
    plan: Path,
    target: Path,
    overrides: Mapping[str, str],
    *,
    window_from_now: bool = False,
) -> SessionClient:
    """Pin the plan and its variables, and begin a session; its engine is not started yet.

    Raises:
        PlanError: the plan has mistakes.
        UsageError: the target is no folder, or has not what the plan names.
    """
    from runbook_app.adapters.sessions import begin

    target = target.expanduser().resolve()
    loaded = load_plan(plan, target, overrides, window_from_now=window_from_now)
    _check_target(loaded, target)
    folder = begin(folders(), loaded, target)
    return _client(folder, read_only=False)


def open_session(
    session: str | None, target: Path, *, read_only: bool = False
) -> SessionClient:
    """Open a session by id (or the start of one), or the latest on a target.

    Raises:
        UsageError: there is none.
    """
    target = target.expanduser().resolve()
    found = folders().find(session) if session else folders().latest(target)
    if found is None:
        raise UsageError(
            f"There is no session on {target}.",
            hint="Give --target DIR or a session's id; `runbook sessions` lists them.",
        )
    return _client(found.folder, read_only=read_only)


def list_sessions(target: Path | None = None) -> list[SessionSummary]:
    return folders().list(target)


def accept_plan_change(session: SessionClient, *, accept: bool) -> None:
    """Hold the plan file against the session's pin.

    Raises:
        UsageError: it was edited since the session began, and that was not accepted.
    """
    from runbook_app.adapters.plan_pin import hold_pin

    hold_pin(session, accept=accept, reload=load_plan)


def _check_target(plan: Plan, target: Path) -> None:
    if not target.is_dir():
        raise UsageError(
            f"{target} is not a folder.", hint="Give the project's folder with --target DIR."
        )
    if plan.target.compose and not (target / plan.target.compose).is_file():
        raise UsageError(
            f"{target} has no {plan.target.compose}, which the plan names as its Compose file.",
            hint="Give the project's folder with --target DIR, or `runbook demo DIR` for a sample.",
        )


def _client(folder: Path, *, read_only: bool) -> SessionClient:
    from runbook_app.adapters.children import alive
    from runbook_app.adapters.clock import SystemClock
    from runbook_app.adapters.doorbell import SocketDoorbell
    from runbook_app.adapters.logs import SqliteLogReader
    from runbook_app.adapters.sqlite_journal import SqliteJournal
    from runbook_app.engine.client import SessionClient

    clock = SystemClock()
    journal = SqliteJournal(folder / "journal.db", clock)
    return SessionClient(
        folder=folder,
        plan=_pinned_plan(folder, journal),
        journal=journal,
        doorbell=SocketDoorbell(folder),
        logs=SqliteLogReader(folder / "logs.db"),
        clock=clock,
        read_only=read_only,
        is_alive=alive,
        start_engine=_starter(folder),
    )


def _starter(folder: Path) -> Callable[[], None]:
    def start() -> None:
        from runbook_app.adapters.engine_start import start_engine

        start_engine(folder)

    return start


def _pinned_plan(folder: Path, journal: object) -> Plan:
    from runbook_app.adapters.plan_pin import pinned_plan

    return pinned_plan(folder, journal)  # type: ignore[arg-type]

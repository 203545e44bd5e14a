"""`run` and `resume`: a session driven to an exit code."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_app import bootstrap
from runbook_app.cli import asking, options, sealing
from runbook_app.domain.errors import RunbookError, UsageError
from runbook_app.headless.colour import wants_colour
from runbook_app.headless.driver import Driver, Scope
from runbook_app.headless.feed import announce
from runbook_app.headless.interrupts import Interrupts
from runbook_app.headless.printer import JsonPrinter, LinePrinter, Printer
from runbook_app.ports.session import Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@click.command()
@options.plan
@options.target
@options.yes
@options.items
@options.until
@options.as_json
@options.logs
@options.overrides
@options.unknown
@options.take_over
@options.window
@options.seal_to
@click.option("--accept-plan-change", is_flag=True, hidden=True)
def run_command(
    plan: str,
    target: Path,
    yes: bool,
    items: tuple[str, ...],
    until: str,
    as_json: bool,
    logs: str,
    overrides: dict[str, str],
    unknown: str | None,
    take_over: str,
    window: str | None,
    seal_to: str | None,
    passphrase_file: Path | None,
    accept_plan_change: bool,  # noqa: ARG001 - a new session pins the plan as it is
) -> None:
    """Run PLAN without a screen.

    Without --yes it stops, with exit code 3, at the first line that needs a person.
    """
    path = options.plan_path(plan)
    from_now = window == "now"
    overrides, assumed = asking.answers(path, target, overrides, assume=yes)
    loaded = bootstrap.load_plan(path, target, overrides, window_from_now=from_now)
    options.check_scope(loaded, items, until)
    done = options.check_needs(
        loaded, items, lambda need: bootstrap.find_done_before(loaded.id, need, target)
    )
    recipient = sealing.chosen(seal_to, passphrase_file)
    require_environment(target)
    session = bootstrap.create_session(
        path,
        target,
        overrides,
        window_from_now=from_now,
        done_before=done,
        seal_to=recipient,
        assumed_answers=assumed,
    )
    scope = Scope(
        items=items, until=until, unattended=yes, unknown=unknown or "", take_over=take_over
    )
    try:
        code = drive(session, scope, as_json=as_json, logs=logs, new=True)
    except RunbookError:
        if session.state.epoch == 0:  # no engine took it up: it would only hide the latest session
            shutil.rmtree(session.folder)
        raise
    sys.exit(code)


@click.command()
@options.session
@options.target
@click.option("--headless", is_flag=True, help="Without a screen.")
@options.yes
@options.items
@options.until
@options.as_json
@options.logs
@options.overrides
@options.unknown
@options.take_over
@options.seal_to
@click.option(
    "--accept-plan-change",
    is_flag=True,
    help="Go on with the plan file as it is now, though it was edited since the session began.",
)
def resume_command(
    session: str | None,
    target: Path,
    headless: bool,
    yes: bool,
    items: tuple[str, ...],
    until: str,
    as_json: bool,
    logs: str,
    overrides: dict[str, str],
    unknown: str | None,
    take_over: str,
    seal_to: str | None,
    passphrase_file: Path | None,
    accept_plan_change: bool,
) -> None:
    """Go on with an interrupted session, with a new engine.

    SESSION is its id, or the beginning of it; by default the latest on --target.
    """
    if overrides:
        raise UsageError(
            "A session's variables are fixed when it begins.",
            hint="Start a new session with --set, or roll back and run the plan again.",
        )
    opened = bootstrap.open_session(session, target)
    opened = bootstrap.hold_pin(opened, accept=accept_plan_change)
    options.check_scope(opened.plan, items, until)
    sealing.change(opened, seal_to, passphrase_file)
    if not (headless or yes or as_json):
        from runbook_app.cli.screens import require_terminal, show_session

        require_terminal(f"runbook resume {opened.id} --headless --yes")
        opened.ensure_engine(take_over)
        show_session(opened)
        return
    if not take_over:
        refuse_second_driver(opened)
    require_environment(target_of(opened))
    scope = Scope(
        items=items, until=until, unattended=yes, unknown=unknown or "", take_over=take_over
    )
    sys.exit(drive(opened, scope, as_json=as_json, logs=logs))


def refuse_second_driver(session: Session) -> None:
    """Raise `LockedError` when an engine already drives this session."""
    if session.engine_alive():
        from runbook_app.domain.errors import LockedError

        session.close()
        pid = session.state.engine.pid if session.state.engine else 0
        raise bootstrap.refusal(target_of(session)) or LockedError(
            f"Session {session.id} is running: its engine has the pid {pid}.",
            hint=f"Watch or drive it with: runbook attach {session.id}, or end its engine at the"
            f" next safe point with: kill {pid}",
        )


def require_environment(target: Path) -> None:
    """Refuse to begin on a machine that lacks what every run needs.

    Raises:
        EnvironmentLacks: naming each lack and its remedy.
    """
    from runbook_app.adapters.doctor import require

    require(bootstrap.home(), target)


def target_of(session: Session) -> Path:
    return Path(session.state.started.target) if session.state.started else Path()


def drive(
    session: Session, scope: Scope, *, as_json: bool = False, logs: str = "steps", new: bool = False
) -> int:
    """Drive a session headless, and return the exit code."""

    async def work(printer: Printer, interrupts: Interrupts) -> int:
        if new:
            announce(session, printer)
        return await Driver(session, printer, scope, interrupts).run()

    return headless(session, work, as_json=as_json, logs=logs)


def headless(
    session: Session,
    work: Callable[[Printer, Interrupts], Awaitable[int]],
    *,
    as_json: bool = False,
    logs: str = "steps",
) -> int:
    """Run headless work with a printer, heeding signals, and close the session after it."""
    printer = printer_for(session, as_json=as_json, logs=logs)
    interrupts = Interrupts()

    async def main() -> int:
        loop = asyncio.get_running_loop()
        interrupts.install(loop)
        try:
            return await work(printer, interrupts)
        finally:
            interrupts.remove(loop)

    try:
        return asyncio.run(main())
    finally:
        session.close()


def printer_for(session: Session, *, as_json: bool, logs: str) -> Printer:
    if as_json:
        return JsonPrinter(sys.stdout, sys.stderr)
    return LinePrinter(
        sys.stdout,
        sys.stderr,
        session.plan,
        colour=wants_colour(sys.stdout, os.environ),
        logs=logs,
        captures=[taken for item in session.state.items.values() for taken in item.captures],
    )

"""`demo`: the sample target, prepared and started."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

import click

from runbook_app import bootstrap
from runbook_app.domain.errors import RunbookError, UsageError
from runbook_app.domain.sanitise import neutralise

if TYPE_CHECKING:
    from runbook_app.engine.client import SessionClient

PLAN = "phase1_security_hardening"
PATIENCE = 60.0
"""Seconds until an engine that was told to end is held to be in a long step."""


@click.command()
@click.argument(
    "folder",
    metavar="[DIR]",
    required=False,
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runbook-demo"),
)
@click.option("--no-open", is_flag=True, help="Only prepare it, and print its URL.")
@click.option("--remove", is_flag=True, help="Stop it, with its volumes, and delete the folder.")
@click.option("--project", default="", metavar="NAME", help="Name of its Compose project.")
def demo_command(folder: Path, no_open: bool, remove: bool, project: str) -> None:
    """Copy the sample target to DIR, start it, and open the plan on it."""
    from runbook_app.adapters.demo import Demo

    demo = Demo(folder, say=_say, project=project)
    if remove:
        for summary in bootstrap.list_sessions(folder):
            _end_drivers(summary.id, folder)
        demo.remove()
        return
    click.echo(demo.prepare())
    if no_open:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        _say(f"Run the plan on it: runbook run {PLAN} --target {folder} --yes")
        return
    from runbook_app.adapters.recipient import make_pair, recipient
    from runbook_app.cli.options import plan_path
    from runbook_app.cli.screens import show_session

    key = bootstrap.recipient_key()
    to = recipient(make_pair(key))
    session = bootstrap.create_session(plan_path(PLAN), folder, {}, seal_to=to, on_screen=True)
    _say(f"Secrets for you alone are sealed to a key of yours; the private one is {key}")
    show_session(session)


def _end_drivers(session: str, folder: Path) -> None:
    """End a session's engine and guard: nothing may drive what is taken away, or revert it.

    Raises:
        UsageError: the engine goes on, as one in a long step does.
    """
    try:
        found = bootstrap.open_session(session, folder, read_only=True)
    except RunbookError:  # its record can't be read, so that nothing can be told of an engine
        return
    from runbook_app.adapters.displacing import end_holder

    with closing(found) as opened:
        _end_engine(opened)
        opened.refresh()
        guarded = opened.state.guarded
        if guarded is not None and guarded.guard is not None:
            armed = guarded.guard.armed
            if end_holder(armed.pid, armed.pid_started, ask=False) != "ended":
                _say(f"Ended the guard that would have reverted step {armed.step}.")


def _end_engine(session: SessionClient) -> None:
    """Have it end at its next safe point, and wait for that."""
    engine = session.state.engine
    if engine is None or not session.engine_alive():
        return
    _say(f"Ending the engine of session {session.id} at its next safe point.")
    os.kill(engine.pid, signal.SIGTERM)
    deadline = monotonic() + PATIENCE
    while session.engine_alive():
        if monotonic() > deadline:
            raise UsageError(
                f"The engine of session {session.id} still works on the demo, pid {engine.pid}.",
                hint=f"Cancel its step with c on its screen: runbook attach {session.id}",
            )
        sleep(0.1)


def _say(text: str) -> None:
    click.echo(neutralise(text), err=True)

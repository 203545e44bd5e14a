"""`open`, `attach` and `replay`: the screens."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_app import bootstrap
from runbook_app.cli import asking, options, sealing
from runbook_app.domain.errors import RunbookError, UsageError
from runbook_app.ports.session import Replay, Session

if TYPE_CHECKING:
    from runbook_app.tui.view.home import HomeChoice


@click.command()
@options.plan
@options.target
@options.overrides
@options.window
@options.seal_to
@click.option("--accept-plan-change", is_flag=True, hidden=True)
def open_command(
    plan: str,
    target: Path,
    overrides: dict[str, str],
    window: str | None,
    seal_to: str | None,
    passphrase_file: Path | None,
    accept_plan_change: bool,  # noqa: ARG001 - a new session pins the plan as it is
) -> None:
    """Start a new session of PLAN on the screen."""
    require_terminal("runbook run PLAN --target DIR")
    path = options.plan_path(plan)
    from runbook_app.cli.drive import require_environment

    recipient = sealing.chosen(seal_to, passphrase_file)
    require_environment(target)
    overrides, _ = asking.answers(path, target, overrides)
    session = bootstrap.create_session(
        path,
        target,
        overrides,
        window_from_now=window == "now",
        seal_to=recipient,
        on_screen=True,
    )
    show_session(session)


@click.command()
@options.session
@options.target
@click.option("--read-only", is_flag=True, help="Watch; send nothing.")
@click.option("--headless", is_flag=True, help="Print what happens, without a screen.")
@options.as_json
@options.logs
def attach_command(
    session: str | None,
    target: Path,
    read_only: bool,
    headless: bool,
    as_json: bool,
    logs: str,
) -> None:
    """Come back to a session, running or not.

    SESSION is its id, or the beginning of it; by default the latest on --target.
    """
    watching = headless or as_json
    opened = bootstrap.open_session(session, target, read_only=read_only or watching)
    if not watching:
        show_session(opened)
        return
    from runbook_app.cli.drive import headless as run_headless
    from runbook_app.headless.driver import follow

    code = run_headless(
        opened,
        lambda printer, interrupts: follow(opened, printer, interrupts),
        as_json=as_json,
        logs=logs,
    )
    sys.exit(code)


@click.command()
@options.session
@options.target
def replay_command(session: str | None, target: Path) -> None:
    """Show a session's record again, at any moment of it. Nothing can be done there.

    SESSION is its id, or the beginning of it; by default the latest on --target.
    """
    show_session(bootstrap.replay_session(session, target), "report {}")


def show_session(session: Session, instead: str = "resume {} --headless --yes") -> None:
    """Show the session's screen until it is left; without a terminal say what to call instead."""
    require_terminal(f"runbook {instead.format(session.id)}")
    from runbook_app.tui.app import run
    from runbook_app.tui.terminal import end_with_terminal

    end_with_terminal()
    code = run(session, bootstrap.screen_settings())
    if not isinstance(session, Replay):
        from runbook_app.headless.parting import farewell

        click.echo(farewell(session))
    sys.exit(code)


def show_home() -> None:
    """Show sessions and plans, and what is chosen of them, until the home screen is left."""
    from runbook_app.cli.desk import MachineDesk
    from runbook_app.tui.app import home, run
    from runbook_app.tui.terminal import end_with_terminal

    end_with_terminal()
    said = ""
    while choice := home(MachineDesk(), bootstrap.screen_settings(), said):
        said = ""
        try:
            opened = _opened(choice)
        except RunbookError as error:
            said = str(error)
            continue
        with closing(opened):
            run(opened, bootstrap.screen_settings())


def _opened(choice: HomeChoice) -> Session:
    if choice.replay:
        return bootstrap.replay_session(choice.session, Path())
    return bootstrap.open_session(choice.session, Path(), read_only=choice.read_only)


def require_terminal(instead: str) -> None:
    """Raise `UsageError` where no screen can be shown."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("The screen needs a terminal.", hint=f"Without one: {instead}")

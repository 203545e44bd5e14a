"""`rollback` and `diff`: undo an item, and prove it; and what there is to undo."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from runbook_app import bootstrap
from runbook_app.cli import options
from runbook_app.cli.drive import headless, require_environment, target_of
from runbook_app.domain.errors import UsageError
from runbook_app.domain.plan import Step
from runbook_app.domain.sanitise import neutralise
from runbook_app.domain.state import ItemState
from runbook_app.domain.window import taken_back
from runbook_app.headless.parting import Exit
from runbook_app.headless.rollback import RollbackDriver, Wish
from runbook_app.headless.summary import change_lines
from runbook_app.ports.session import Session


@click.command()
@click.argument("names", nargs=-1, metavar="[SESSION] ITEM")
@options.target
@click.option("--yes", is_flag=True, help="Don't ask before it begins.")
@click.option(
    "--with-dependents",
    is_flag=True,
    help="Roll back first, in reverse order, the items that changed the same things later.",
)
@click.option(
    "--accept-changes", is_flag=True, help="Undo also what was changed since the item finished."
)
@options.take_over
@click.option("--reason", default="", help="Why, for the record.")
@options.as_json
@options.logs
def rollback_command(
    names: tuple[str, ...],
    target: Path,
    yes: bool,
    with_dependents: bool,
    accept_changes: bool,
    take_over: str,
    reason: str,
    as_json: bool,
    logs: str,
) -> None:
    """Roll ITEM back, and prove it by the target's fingerprint.

    SESSION is its id, or the beginning of it; by default the latest on --target. Exit code 0
    only when the fingerprint equals the checkpoint's.
    """
    session_id, item_id = _names(names, "rollback")
    session = bootstrap.open_session(session_id, target)
    options.check_item(session.plan, item_id)
    if not yes and not _confirmed(session, item_id):
        sys.exit(Exit.WAITING)
    require_environment(target_of(session))
    wish = Wish(
        item=item_id,
        with_dependents=with_dependents,
        accept_changes=accept_changes,
        unattended=yes,
        reason=reason,
        take_over=take_over,
    )
    code = headless(
        session,
        lambda printer, interrupts: RollbackDriver(session, printer, wish, interrupts).run(),
        as_json=as_json,
        logs=logs,
    )
    sys.exit(code)


@click.command()
@click.argument("names", nargs=-1, metavar="[SESSION] ITEM")
@options.target
@options.as_json
def diff_command(names: tuple[str, ...], target: Path, as_json: bool) -> None:
    """Show what ITEM changed since its checkpoint, and is still so.

    SESSION is its id, or the beginning of it; by default the latest on --target. Files are
    compared line by line, containers, settings, roles and schema field by field, each with what
    the item captured. Nothing is changed. Secrets that the session knows are masked; a private
    file is told by its size and hash.
    """
    session_id, item_id = _names(names, "diff")
    session = bootstrap.open_session(session_id, target, read_only=True)
    try:
        options.check_item(session.plan, item_id)
        found = session.changes_of(item_id)
    finally:
        session.close()
    if as_json:
        click.echo(json.dumps([asdict(change) for change in found], indent=2))
        return
    for line in change_lines(found) or [f"Nothing that {item_id} captured has changed since."]:
        click.echo(neutralise(line))


def _names(names: tuple[str, ...], command: str) -> tuple[str | None, str]:
    match names:
        case (item,):
            return None, item
        case (session, item):
            return session, item
        case _:
            raise UsageError(
                f"{command} takes an item, or a session and an item; {len(names)} were given.",
                hint=f"For example: runbook {command} tls",
            )


def _confirmed(session: Session, item_id: str) -> bool:
    """Show what would be undone, and ask; nobody there means no."""
    own = taken_back(session.plan.item(item_id), session.state.items[item_id])
    for text in _undone(session.state.items[item_id], own):
        click.echo(neutralise(text), err=True)
    if not sys.stdin.isatty():
        click.echo(f"Nobody can confirm it here. Repeat with --yes: item {item_id}.", err=True)
        return False
    return click.confirm(f"Roll back item {item_id}?", err=True)


def _undone(item: ItemState, own: list[Step]) -> list[str]:
    if not item.captures and not own:
        return [f"Item {item.id} has captured nothing."]
    return [
        f"A rollback of item {item.id} would restore:",
        *(f"  what step {step.id} takes back itself" for step in own),
        *(f"  {capture.kind} {capture.name}: {capture.summary}" for capture in item.captures),
    ]

"""`import`: a plan from a written document."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_app.cli import mistakes
from runbook_app.domain.errors import UsageError
from runbook_app.domain.sanitise import neutralise

if TYPE_CHECKING:
    from runbook_app.adapters.plan_import.importing import Imported


@click.command()
@click.argument("document", metavar="PLAN.md", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Write it there instead of to standard output; a file that is there is asked about.",
)
def import_command(document: Path, output: Path | None) -> None:
    """Make a plan of a written one: its items, steps, checkpoints, criteria and risks.

    Each step asks a person to do what the document says, until it is given an action. What was
    doubtful, and what could not be placed, is listed with its lines.
    """
    from runbook_app.adapters.plan_import.importing import import_plan

    found = import_plan(document)
    if output is None:
        click.echo(neutralise(found.text), nl=False)
    else:
        _write(output, found.text)
    _report(found, output)


def _write(output: Path, text: str) -> None:
    mode = "w" if output.exists() and _may_replace(output) else "x"
    try:
        with output.open(mode, encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(
            f"{output} is there already, and was left as it is.",
            hint="Name another file with --output, or move that one away.",
        ) from error
    except OSError as error:
        raise UsageError(
            f"{output} can't be written: {error.strerror}.",
            hint="Name a file in a folder that is there and that you may write to.",
        ) from error


def _may_replace(output: Path) -> bool:
    """Asked of a person; where there is none, nothing is replaced."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return click.confirm(f"Replace {neutralise(str(output))}?", err=True)


def _report(found: Imported, output: Path | None) -> None:
    mistakes.show((*found.notes, *found.left))
    counts = ", ".join(f"{count} {name}" for name, count in found.counts.items())
    click.echo(f"Imported: {counts}. Not placed: {len(found.left)}.", err=True)
    if output is not None:
        click.echo(f"Next: runbook check {neutralise(str(output))}", err=True)

"""`doctor`: what this machine has and lacks."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runbook_app import bootstrap
from runbook_app.cli import options


@click.command()
@click.option(
    "--target",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="DIR",
    help="Look at this project too.",
)
@click.option("--plan", default="", metavar="PLAN", help="And at what this plan needs of it.")
def doctor_command(target: Path | None, plan: str) -> None:
    """Say what this machine has, what it lacks, and what to do about it."""
    from runbook_app.adapters.doctor import examine, render

    path = options.plan_path(plan) if plan else None
    loaded = bootstrap.load_plan(path, target, {}, stand_in=True) if path else None
    found = examine(bootstrap.home(), target, loaded)
    for line in render(found):
        click.echo(line)
    sys.exit(5 if any(part.lacking for part in found) else 0)

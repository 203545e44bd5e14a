"""`new`: beginnings of packages of actions and of plans."""

from __future__ import annotations

from pathlib import Path

import click

from runbook_app.cli import options

_into: options.Decorator = click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=".",
    metavar="DIR",
    help="Write it there instead of in the current folder.",
)


@click.group()
def new_command() -> None:
    """Write the beginning of an action or of a plan, with its tests."""


@new_command.command("action")
@click.argument("name")
@_into
def new_action_command(name: str, into: Path) -> None:
    """Write a package that brings the action NAME, such as redis.restart."""
    from runbook_app.adapters.scaffold import new_action

    written = new_action(name, into)
    _tell(written)
    root = written[0].parent
    click.echo(
        f"\nIts tests:        python -m pytest {root}"
        f"\nFor plans:        pip install --editable {root}"
        f"\nThen it is there: runbook actions {name}"
    )


@new_command.command("plan")
@click.argument("name")
@_into
def new_plan_command(name: str, into: Path) -> None:
    """Write the plan NAME, such as kernel-settings."""
    from runbook_app.adapters.scaffold import new_plan

    plan, test = new_plan(name, into)
    _tell([plan, test])
    click.echo(f"\nCheck it:  runbook check {plan}\nIts tests: python -m pytest {test}")


def _tell(written: list[Path]) -> None:
    for path in written:
        click.echo(f"wrote {path}")

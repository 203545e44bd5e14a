"""`demo`: the sample target, prepared and started."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runbook_app import bootstrap
from runbook_app.domain.sanitise import neutralise

PLAN = "phase1_security_hardening"


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


def _say(text: str) -> None:
    click.echo(neutralise(text), err=True)

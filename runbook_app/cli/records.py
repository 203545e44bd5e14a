"""`status`, `sessions`, `report` and `export`: what a session's record says."""

from __future__ import annotations

import asyncio
import json
import shlex
from datetime import UTC, datetime
from pathlib import Path

import click

from runbook_app import bootstrap
from runbook_app.cli import options
from runbook_app.domain.brief import handover_brief
from runbook_app.domain.clock import to_text
from runbook_app.domain.report import report_lines, status_report
from runbook_app.domain.sanitise import neutralise
from runbook_app.headless.summary import session_rows, status_fields, status_lines


def _now() -> str:
    return to_text(datetime.now(UTC))


def _print(lines: list[str]) -> None:
    for line in lines:
        click.echo(neutralise(line))


@click.command()
@options.session
@options.target
@options.as_json
def status_command(session: str | None, target: Path, as_json: bool) -> None:
    """Say how far a session is.

    SESSION is its id, or the beginning of it; by default the latest on --target.
    """
    opened = bootstrap.open_session(session, target, read_only=True)
    try:
        if as_json:
            click.echo(json.dumps(status_fields(opened), indent=2))
        else:
            _print(status_lines(opened, _now()))
    finally:
        opened.close()


@click.command()
@click.option(
    "--target",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="DIR",
    help="Only those on this project.",
)
@options.as_json
def sessions_command(target: Path | None, as_json: bool) -> None:
    """List the sessions of this machine, newest first."""
    found = bootstrap.list_sessions(target)
    if as_json:
        fields = [
            {
                "session": summary.id,
                "plan": summary.plan,
                "target": str(summary.target or ""),
                "created": summary.created,
            }
            for summary in found
        ]
        click.echo(json.dumps(fields, indent=2))
    elif found:
        _print(session_rows(found))
    else:
        click.echo(
            "There are no sessions. Start one with: runbook open PLAN --target DIR", err=True
        )


@click.command()
@options.session
@options.target
@click.option("--brief", is_flag=True, help="Print where we are, for whoever takes over.")
def report_command(session: str | None, target: Path, brief: bool) -> None:
    """Print the status report: started, current, status, next, estimated completion."""
    opened = bootstrap.open_session(session, target, read_only=True)
    try:
        if brief:
            _print(list(handover_brief(opened.state, opened.plan, _now())))
        else:
            _print(report_lines(status_report(opened.state, opened.plan, _now())))
    finally:
        opened.close()


@click.command()
@options.session
@options.target
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Write a copy: JSON when its name ends in .json, else Markdown.",
)
@options.as_json
def export_command(session: str | None, target: Path, out: Path | None, as_json: bool) -> None:
    """Write and sign the completion signal, whatever the verdict, and print it."""
    opened = bootstrap.open_session(session, target)
    try:
        exported = asyncio.run(opened.export(out))
    finally:
        opened.close()
    if as_json:
        click.echo(exported.envelope)
    else:
        _print(exported.markdown.splitlines())
    for path in exported.paths:
        click.echo(f"Written: {neutralise(str(path))}", err=True)
    key = bootstrap.signing_key().with_suffix(".pub")
    click.echo(f"Verdict: {exported.verdict}, signed by the key {exported.keyid}", err=True)
    click.echo(f"Verify:  runbook verify {shlex.quote(str(exported.paths[1]))}", err=True)
    click.echo(f"         elsewhere, with a copy of {neutralise(str(key))} as --key", err=True)

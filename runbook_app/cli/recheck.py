"""`recheck`: does what a session did still hold?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runbook_app import bootstrap
from runbook_app.cli import options
from runbook_app.cli.drive import headless, require_environment, target_of
from runbook_app.headless.recheck import RecheckDriver


@click.command()
@options.session
@options.target
@click.option("--probe", "probes", is_flag=True, help="Measure also what has to write for it.")
@options.as_json
@options.logs
def recheck_command(
    session: str | None, target: Path, probes: bool, as_json: bool, logs: str
) -> None:
    """Measure again every success criterion of the items that are done.

    SESSION is its id, or the beginning of it; by default the latest on --target. Nothing of the
    target is changed. An exported signal that does not hold any more is withdrawn by a further
    one. Exit code 0: all that was measured holds; 1: something drifted, or can't be measured.
    """
    opened = bootstrap.open_session(session, target)
    require_environment(target_of(opened))
    code = headless(
        opened,
        lambda printer, interrupts: RecheckDriver(opened, printer, interrupts, probes=probes).run(),
        as_json=as_json,
        logs=logs,
    )
    sys.exit(code)

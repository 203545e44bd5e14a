"""`score`: measure the security score now, without a session."""

from __future__ import annotations

import json
from pathlib import Path

import click

from runbook_app import bootstrap
from runbook_app.cli import asking, options
from runbook_app.domain.sanitise import neutralise
from runbook_app.headless.score import score_fields, score_lines


@click.command()
@click.argument("plan", metavar="[PLAN]", required=False)
@options.target
@click.option(
    "--probe",
    "probes",
    is_flag=True,
    help="Measure also what has to write: as the target's only driver, cleaned up afterwards.",
)
@options.overrides
@options.as_json
def score_command(
    plan: str | None, target: Path, probes: bool, overrides: dict[str, str], as_json: bool
) -> None:
    """Measure the security score of --target now, by the checks of PLAN.

    PLAN is by default that of the newest session there, with its variables, else the shipped one.
    A check that can't be measured has no points, and says why.
    """
    path = options.plan_path(plan) if plan else None
    if path:
        overrides = asking.answers_for_reading(path, target, overrides)
    used, taken = bootstrap.measure_score(path, target, overrides, probes=probes)
    if as_json:
        click.echo(json.dumps(score_fields(taken), indent=2))
        return
    for line in score_lines(used.score, taken):
        click.echo(neutralise(line))

"""`plan`: the dry run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from runbook_app import bootstrap
from runbook_app.cli import asking, options
from runbook_app.domain.sanitise import neutralise
from runbook_app.headless.colour import wants_colour
from runbook_app.headless.forecast import forecast_fields, forecast_lines
from runbook_app.headless.printer import painted

SOMETHING_TO_DO = 1
"""As diff(1) says it."""


@click.command()
@options.plan
@options.target
@options.items
@options.overrides
@options.as_json
def plan_command(
    plan: str, target: Path, items: tuple[str, ...], overrides: dict[str, str], as_json: bool
) -> None:
    """Show what PLAN would do to --target, step by step, changing nothing.

    Each step's own check runs, then its action on a copy of the target that exists in memory
    alone. What is told is `proved` (a check saw it), `predicted`, or `cannot know`, with what is
    needed first. Steps that only measure run while nothing before them changes anything. Exit
    code 0: nothing to do; 1: something to do; 2: wrong usage or a mistake in the plan; 5: the
    environment lacks something.
    """
    path = options.plan_path(plan)
    overrides = asking.answers_for_reading(path, target, overrides)
    with bootstrap.leaving_nothing():
        loaded = bootstrap.load_plan(path, target, overrides, window_from_now=True)
        for name in items:
            options.check_item(loaded, name)
        found = bootstrap.foresee(loaded, target, items)
    if as_json:
        click.echo(json.dumps(forecast_fields(found), indent=2))
    else:
        colour = wants_colour(sys.stdout, os.environ)
        for line in forecast_lines(found):
            for part in line.text.split("\n"):
                click.echo(painted(neutralise(part), line.tone, colour=colour), color=colour)
    sys.exit(SOMETHING_TO_DO if found.to_do else 0)

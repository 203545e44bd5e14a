"""Secrets that the target's repository ever published: its history keeps them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from actions._secret_shapes import literal
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run


async def published(run: Run, variable: str) -> list[str]:
    """Every value that a commit ever gave the variable, in files of settings.

    Raises:
        NotMeasured: there is no history to look through.
    """
    return (await published_of(run, [variable]))[variable]


async def published_of(run: Run, variables: Sequence[str]) -> dict[str, list[str]]:
    """Do the same for several variables, by one look through the history."""
    if await run.git.state() == "no repository":
        raise NotMeasured("The target is no git repository.", hint="Run 'git init' there.")
    argv = ["git", "log", "--all", "-p", "--no-color", "--unified=0"]
    history = (await run.shell.run(argv, log=False)).stdout.decode("utf-8", "replace")
    found = {variable: _values(history, variable) for variable in variables}
    for variable, values in found.items():
        for number, value in enumerate(values, 1):
            run.secrets.register(f"published {variable} {number}", value)
    return found


def _values(history: str, variable: str) -> list[str]:
    added = re.compile(
        rf"""^\+\s*["']?{re.escape(variable)}["']?\s*[:=]\s*["']?([^\s"']+)""", re.MULTILINE
    )
    return sorted(value for value in set(added.findall(history)) if literal(value))

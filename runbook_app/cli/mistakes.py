"""Mistakes and warnings of a plan: in colour on a terminal, as JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from runbook_app.domain.errors import Mistake
from runbook_app.domain.sanitise import neutralise
from runbook_app.headless.colour import wants_colour

_STYLES: dict[str, dict[str, Any]] = {
    "place": {"bold": True},
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "suggestion": {"fg": "cyan"},
    "caret": {"fg": "green", "bold": True},
}


def show(mistakes: Iterable[Mistake]) -> None:
    """Write each to standard error, with its line."""
    colour = wants_colour(sys.stderr, os.environ)
    for mistake in mistakes:
        click.echo(mistake.render(_painted), err=True, color=colour)


def as_json(plan: str, mistakes: Sequence[Mistake], sha256: str = "") -> str:
    """What `check --json` prints; its shape is described in docs/plan-format.md."""
    return json.dumps(
        {
            "plan": plan,
            "sha256": sha256,
            "errors": sum(not mistake.warning for mistake in mistakes),
            "warnings": sum(mistake.warning for mistake in mistakes),
            "mistakes": [
                {
                    "severity": mistake.severity,
                    "file": mistake.position.file,
                    "line": mistake.position.line,
                    "column": mistake.position.column,
                    "message": mistake.message,
                    "suggestion": mistake.suggestion,
                    "source_line": mistake.source_line,
                }
                for mistake in mistakes
            ],
        },
        indent=2,
    )


def _painted(text: str, role: str) -> str:
    return click.style(neutralise(text), **_STYLES.get(role, {}))

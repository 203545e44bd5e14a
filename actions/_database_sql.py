"""Names and texts in SQL, and the SQL files that are rendered from templates."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from runbook_app.domain.errors import ActionError

TEMPLATES = Path(__file__).with_name("templates") / "database"
_PLAIN = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def name(text: str) -> str:
    """Quote a name."""
    return '"' + text.replace('"', '""') + '"'


def text(value: str) -> str:
    """Quote a text."""
    escaped = value.replace("'", "''")
    return f"E'{escaped.replace(chr(92), chr(92) * 2)}'" if "\\" in value else f"'{escaped}'"


def plain(what: str, *names: str) -> None:
    """Hold names to what needs no quotes: they stand in files that people read and run by hand.

    Raises:
        ActionError: one of them would need them.
    """
    for given in names:
        if not _PLAIN.fullmatch(given):
            raise ActionError(
                f"{given!r} can't be the name of a {what} here.",
                hint="Use lower-case letters, digits and underscores.",
            )


def render(template: str, **values: Any) -> str:
    """Fill a template of ours."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # SQL and Python, not HTML
    )
    environment.filters |= {"name": name, "text": text}
    return environment.get_template(f"{template}.j2").render(**values)

"""What a plan says of an application's secrets, and the files that are made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from runbook_app.domain.errors import ActionError

TEMPLATES = Path(__file__).with_name("templates") / "secrets"
FOLDER = "/run/secrets"
"""Where the application finds its secrets' files."""
DEFAULT_BACKEND = "file,environment"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_VALID = re.compile(r"(length|hex):([1-9][0-9]*)")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One secret of the application."""

    name: str
    """Of its file; its variable has the same in capitals."""
    description: str
    source: str
    """Who makes it, and where a new one is had."""
    required: bool = True
    rotation_days: int = 0
    """0: it is not exchanged by itself."""
    valid: str = "length:16"
    """`length:N` characters at least, or `hex:N` digits."""

    @property
    def variable(self) -> str:
        return self.name.upper()

    @property
    def validator_call(self) -> str:
        kind, _, number = self.valid.partition(":")
        return f"{'at_least' if kind == 'length' else 'hexadecimal'}({number})"

    def new(self, random: bytes) -> str:
        """Make a value of random bytes that its validator accepts."""
        kind, _, number = self.valid.partition(":")
        digits = random.hex()
        return digits[: int(number)] if kind == "hex" else digits


def held(manifest: Sequence[Entry]) -> Sequence[Entry]:
    """Hold a manifest to what can be written into source.

    Raises:
        ActionError: a name or a validator is none.
    """
    names = [entry.name for entry in manifest]
    for entry in manifest:
        if not _NAME.fullmatch(entry.name) or names.count(entry.name) > 1:
            raise ActionError(
                f"{entry.name!r} can't be the name of a secret, or is there twice.",
                hint="Use lower-case letters, digits and underscores, each name once.",
            )
        if not _VALID.fullmatch(entry.valid):
            raise ActionError(
                f"{entry.name}: {entry.valid!r} is no validator.",
                hint="Write 'length:32' or 'hex:64'.",
            )
    return manifest


def dotted(path: str) -> str:
    """Name of the module in a file."""
    return path.removesuffix(".py").replace("/", ".")


def render(template: str, **values: Any) -> str:
    """Fill a template of ours."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # Python and text, not HTML
    )
    environment.filters["quoted"] = lambda text: json.dumps(text, ensure_ascii=False)
    return environment.get_template(f"{template}.j2").render(**values)

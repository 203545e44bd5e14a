"""Whether what is printed is coloured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO


def wants_colour(out: TextIO, environment: Mapping[str, str]) -> bool:
    return out.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"

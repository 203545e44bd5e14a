"""What a list of sessions shows of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """One session on this machine, without opening its journal."""

    id: str
    folder: Path
    plan: str
    """Id of the plan."""
    title: str
    """Title of the plan."""
    target: Path | None
    """None when the session's own note of it can't be read."""
    created: str
    """ISO 8601 UTC."""

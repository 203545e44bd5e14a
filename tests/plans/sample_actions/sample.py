from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import msgspec

from runbook_app.domain.blast import Affected
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, check, effect, probe


class Limit(TypedDict):
    path: str
    limit: int
    window: NotRequired[timedelta]


class Size(msgspec.Struct):
    width: int
    unit: str = "mm"


@effect
async def write(
    run: Run,
    *,
    path: str,
    text: str = "",
    count: int = 1,
    wait: timedelta = timedelta(seconds=1),
    kind: Literal["plain", "fancy"] = "plain",
    force: bool = False,
    tags: list[str] | None = None,
) -> None:
    """Write something."""


@write.check
async def _(run: Run, *, path: str, **_: Any) -> Finding:
    return run.done() if run.files.exists(path) else run.not_done()


@write.blast_radius
async def _(run: Run, *, path: str, **_: Any) -> list[Affected]:
    return [Affected(kind="file", name=path, how="is written")]


@effect
async def migrate(run: Run) -> None:
    """Change rows.

    Not restored: the rows
    of a table.
    """


@migrate.check
async def _(run: Run) -> Finding:
    return run.done()


@effect
async def unchecked(run: Run, *, path: str) -> None:
    """Change something, with nothing to tell whether it did."""


@check
async def look(
    run: Run, *, path: str, ratio: float = 1.0, limits: list[Limit] | None = None
) -> None:
    """Look at something."""


@check
async def measure(
    run: Run,
    *,
    size: Size,
    waits: dict[str, timedelta] | None = None,
    folder: Path | None = None,
    anything: Any = None,
    mixed: int | str = 0,
) -> None:
    """Measure something."""


@probe
async def poke(run: Run) -> None:
    """Write in order to measure."""


def helper() -> None:
    """No action."""

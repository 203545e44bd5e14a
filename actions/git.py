"""The target's repository."""

from __future__ import annotations

from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run, check


@check
async def clean(run: Run, *, paths: list[str]) -> None:
    """Find no difference from the last commit in these paths."""
    await _require_repository(run)
    dirty = await run.git.dirty(paths)
    run.require("no uncommitted change", not dirty, ", ".join(dirty) or "none")


@check
async def ignored(run: Run, *, paths: list[str]) -> None:
    """Find each of these paths among those that git ignores."""
    await _require_repository(run)
    ignored = set(await run.git.ignored(paths))
    for path in paths:
        run.require(f"{path} ignored", path in ignored, "yes" if path in ignored else "no")


async def _require_repository(run: Run) -> None:
    if await run.git.state() == "no repository":
        raise NotMeasured(
            "The target is no git repository.", hint="Run 'git init' there and commit its files."
        )

"""What this machine has."""

from __future__ import annotations

import re

from runbook_app.ports.action import Run, check

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_SPELLINGS = ("version", "--version", "-V")
"""How tools are asked for their version; the first that answers with one is taken."""


@check
async def tool_available(run: Run, *, tool: str, minimum_version: str = "") -> None:
    """Hold a command line tool against what the plan needs."""
    path = run.shell.which(tool)
    if not run.require(f"{tool} installed", path is not None, path or "not on PATH"):
        return
    version = await _version(run, tool)
    if not minimum_version:
        run.measure(f"{tool} version", version or "not told")
        return
    holds = bool(version) and _numbers(version) >= _numbers(minimum_version)
    run.require(f"{tool} version at least {minimum_version}", holds, version or "not told")


async def _version(run: Run, tool: str) -> str:
    for spelling in _SPELLINGS:
        result = await run.shell.run([tool, spelling], log=False)
        found = _VERSION.search(result.text or result.stderr.decode("utf-8", "replace"))
        if result.ok and found:
            return found[0]
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))

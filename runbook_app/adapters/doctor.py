"""What this machine and a target have, what they lack, and what to do about it."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from runbook_app.adapters.children import Children
from runbook_app.adapters.compose_engine import find_compose
from runbook_app.adapters.compose_file import loaded
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.domain.errors import EnvironmentLacks, RunbookError
from runbook_app.domain.plan import CheckLine, Plan

SPACE = 500 * 1024 * 1024
"""Bytes that a session's folder should have for logs, captures and backups."""
_LIMIT = timedelta(seconds=20)
_TOOLS = {
    "git": "Without it no item can be committed: apt-get install git",
    "openssl": "For looking at certificates by hand: apt-get install openssl",
    "setpriv": "Ends children with the engine; Python stands in for it: apt-get install util-linux",
}
_NEEDED_TOOLS = ("git",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that was looked for."""

    name: str
    found: str = ""
    """Version or place; empty when it is missing."""
    needed: bool = True
    hint: str = ""
    """What to do when it is missing."""

    @property
    def lacking(self) -> bool:
        return self.needed and not self.found


def examine(home: Path, target: Path | None = None, plan: Plan | None = None) -> list[Part]:
    """Look at all of it."""
    parts = [_python(), *asyncio.run(_engine_and_compose()), *asyncio.run(_tools(plan))]
    parts += [_home(home), _space(home)]
    if target is not None:
        parts += _target(target, plan)
    return parts


def require(home: Path, target: Path) -> None:
    """Check what every run needs.

    Raises:
        EnvironmentLacks: naming all that is missing.
    """
    _hold([_python(), *asyncio.run(_engine_and_compose()), _home(home), _space(home)], target)


def require_stack(target: Path) -> None:
    """Check what is needed to look at a Compose project.

    Raises:
        EnvironmentLacks: naming all that is missing.
    """
    _hold(asyncio.run(_engine_and_compose()), target)


def _hold(parts: list[Part], target: Path) -> None:
    if lacking := [part for part in parts if part.lacking]:
        raise EnvironmentLacks(
            "\n".join(f"{part.name}: missing. {part.hint}".rstrip() for part in lacking),
            hint=f"`runbook doctor --target {target}` shows everything.",
        )


def render(parts: list[Part]) -> list[str]:
    """A table for people."""
    width = max(len(part.name) for part in parts)
    lines = []
    for part in parts:
        mark = "ok" if part.found else ("MISSING" if part.needed else "missing")
        lines.append(f"{mark:7}  {part.name:{width}}  {part.found or part.hint}")
    lacking = [part.name for part in parts if part.lacking]
    lines += ["", f"Lacking: {', '.join(lacking)}." if lacking else "Nothing is lacking."]
    return lines


def _python() -> Part:
    fits = sys.version_info >= (3, 11)
    return Part(
        name="python",
        found=platform.python_version() if fits else "",
        hint=f"This is {platform.python_version()}; install Python 3.11 or newer.",
    )


async def _engine_and_compose() -> list[Part]:
    return [await _engine(), await _compose()]


async def _engine() -> Part:
    client = DockerClient()
    try:
        version = await client.call(_version)
    except RunbookError as error:
        return Part(name="docker engine", hint=str(error))
    finally:
        client.close()
    return Part(name="docker engine", found=version)


def _version(api: Any) -> str:
    answer = api.version()
    return f"{answer['Version']} (API {answer['ApiVersion']})"


async def _compose() -> Part:
    children = Children(_forget)
    try:
        command = await find_compose(children)
        answer = await children.run(
            [*command, "version", "--short"], cwd=Path("/"), timeout=_LIMIT, journaled=False
        )
    except RunbookError as error:
        return Part(name="compose", hint=str(error))
    return Part(name="compose", found=f"{answer.text.strip()} ({' '.join(command)})")


async def _tools(plan: Plan | None) -> list[Part]:
    needed = {*_NEEDED_TOOLS, *_tools_of(plan)}
    return [await _tool(name, name in needed) for name in sorted({*_TOOLS, *needed})]


def _tools_of(plan: Plan | None) -> set[str]:
    """Programs that the plan's checkpoints ask for."""
    if plan is None:
        return set()
    return {
        str(line.call.parameters["tool"])
        for item in plan.items
        for line in item.checkpoint
        if isinstance(line, CheckLine) and "tool" in line.call.parameters
    }


async def _tool(name: str, needed: bool) -> Part:
    hint = _TOOLS.get(name, f"The plan asks for it: install {name}")
    path = shutil.which(name)
    if path is None:
        return Part(name=name, needed=needed, hint=hint)
    option = "version" if name == "openssl" else "--version"
    try:
        answer = await Children(_forget).run(
            [path, option], cwd=Path("/"), timeout=_LIMIT, journaled=False
        )
    except RunbookError:
        return Part(name=name, needed=needed, found=path)
    first = next(iter(answer.text.splitlines()), "").strip()
    return Part(name=name, needed=needed, found=first or path)


def _home(home: Path) -> Part:
    existing = home
    while not existing.exists():
        existing = existing.parent
    writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    return Part(
        name="sessions",
        found=str(home) if writable else "",
        hint=f"{home} can't be written; set RUNBOOK_HOME to a folder of this account.",
    )


def _space(home: Path) -> Part:
    existing = home
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    text = f"{free / 1024**3:.1f} GiB"
    return Part(
        name="disk space",
        found=f"{text} free" if free >= SPACE else "",
        hint=f"Only {text} are free at {existing}; a session needs {SPACE // 1024**2} MiB.",
    )


def _target(target: Path, plan: Plan | None) -> list[Part]:
    if not target.is_dir():
        return [Part(name="target", hint=f"{target} is not a folder.")]
    parts = [Part(name="target", found=str(target.absolute())), _repository(target)]
    if plan is not None:
        parts += _compose_file(target, plan)
    return parts


def _repository(target: Path) -> Part:
    found = any(
        (folder / ".git").exists() for folder in (target.absolute(), *target.absolute().parents)
    )
    return Part(
        name="repository",
        found="git" if found else "",
        needed=False,
        hint="The target is in no git repository: items will not be committed.",
    )


def _compose_file(target: Path, plan: Plan) -> list[Part]:
    name = plan.target.compose
    path = target / name
    if not path.is_file():
        hint = f"{target} has no {name}; give the project's folder with --target."
        return [Part(name=name, hint=hint)]
    try:
        services = loaded(path.read_text(encoding="utf-8"), name=name).get("services") or {}
    except (RunbookError, OSError, UnicodeDecodeError) as error:
        return [Part(name=name, hint=f"It can't be read: {error}")]
    wanted = [plan.target.api_service, plan.target.database.service]
    return [
        Part(name=name, found=f"{len(services)} services"),
        *(
            Part(
                name=f"service {service}",
                found=name if service in services else "",
                hint=f"{name} has no service {service}, which the plan names.",
            )
            for service in wanted
            if service
        ),
    ]


async def _forget(_: object) -> None:
    """No journal here."""

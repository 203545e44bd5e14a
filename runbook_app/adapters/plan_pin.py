"""The pinned plan: a copy in the session folder, read again by every process of the session."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

from runbook_app.adapters.durable import make_folders, write_durably
from runbook_app.adapters.plan_file.includes import digest
from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.clock import parse_time
from runbook_app.domain.decisions import outline
from runbook_app.domain.errors import JournalError, UsageError
from runbook_app.domain.events import SessionStarted
from runbook_app.domain.plan import Plan
from runbook_app.domain.variables import Given, as_option

FOLDER = "plan"
_PLAN = re.compile(rb"^plan:", re.MULTILINE)
LOST = "unknown (the journal's first entry is damaged)"


def pin(folder: Path, plan: Plan) -> Path:
    """Copy a plan, what it includes and its guides into a session folder; returns its path."""
    source = Path(plan.path)
    copies = folder / FOLDER
    make_folders(copies, 0o700)
    for guide in {item.guide for item in plan.items if item.guide}:
        copy = copies / guide
        make_folders(copy.parent, 0o700)
        write_durably(copy, (source.parent / guide).read_bytes())
    data = source.read_bytes()
    included = [(name, (source.parent / name).read_bytes()) for name in plan.includes]
    if digest(data, included) != plan.sha256:
        raise UsageError(
            f"{source} was changed while it was being read.", hint="Start the session again."
        )
    for name, content in included:
        make_folders((copies / name).parent, 0o700)
        write_durably(copies / name, content)
    write_durably(copies / source.name, data)
    return copies / source.name


def pinned_plan(folder: Path, path: str, variables: Mapping[str, Given], *, created: str) -> Plan:
    """Read the pinned copy of the plan at `path`, with the variables that were pinned with it.

    Only when those are lost anything stands in for what the plan asks for.
    """
    return read_plan(
        folder / FOLDER / Path(path).name,
        InstalledActions(),
        as_options(variables),
        None,
        now=parse_time(created),
        stand_in=True,
    )


def lost_beginning(folder: Path, at: str) -> SessionStarted:
    """What can still be said of how a session began whose first entry can't be read.

    Raises:
        JournalError: nothing can: there is no pinned plan either.
    """
    files = [*(folder / FOLDER).glob("*.yaml"), *(folder / FOLDER).glob("*.yml")]
    pinned = (
        [path for path in files if _PLAN.search(path.read_bytes())] if len(files) > 1 else files
    )
    if len(pinned) != 1:
        raise JournalError(
            f"The first entry of the journal in {folder} can't be read, and its plan is not there.",
            hint=f"`runbook verify {folder}` says what is wrong with the journal.",
        )
    plan = pinned_plan(folder, pinned[0].name, {}, created=at)
    return SessionStarted(
        session=folder.name,
        plan=plan.id,
        plan_title=plan.title,
        plan_path=plan.path,
        plan_sha256=plan.sha256,
        target=LOST,
        operator=LOST,
        host=LOST,
        program=LOST,
        variables={},
        outline=outline(plan),
    )


def as_options(variables: Mapping[str, Given]) -> dict[str, str]:
    """Variables with their values as `--set` takes them."""
    return {name: as_option(value) for name, value in variables.items()}


def changed_lines(pinned: Plan, original: Path) -> str:
    """The unified diff from the pinned plan, and what it includes, to the files it was read from.

    Empty when they are equal. A file that is gone counts as unchanged: the session has its copy.
    """
    copies = Path(pinned.path).parent
    pairs = [(Path(pinned.path), original)]
    pairs += [(copies / name, original.parent / name) for name in pinned.includes]
    found = [_difference(copy, now) for copy, now in pairs if now.is_file()]
    return "\n".join(filter(None, found))


def _difference(copy: Path, now: Path) -> str:
    before, after = copy.read_bytes(), now.read_bytes()
    if before == after:
        return ""
    return "\n".join(
        difflib.unified_diff(
            before.decode("utf-8", "replace").splitlines(),
            after.decode("utf-8", "replace").splitlines(),
            "pinned",
            str(now),
            lineterm="",
            n=0,
        )
    )

"""What a rehearsal stands on: the plan with its values, and the target's files."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from runbook_app.adapters.git import GitRepository
from runbook_app.adapters.threads import in_thread
from runbook_app.domain.plan import Plan
from runbook_app.domain.rehearsal import Footing

_OWN_COMMIT = re.compile(r"^Runbook-(?:Item|Revert): \S", re.MULTILINE)


async def footing(plan: Plan, root: Path, git: GitRepository) -> Footing:
    """What a rehearsal of this plan on this target stands on now."""
    commit = await git.head()
    left_out = set(plan.record_documents())
    paths = await git.changed() if commit else await in_thread(_all, root)
    wanted = [path for path in paths if path not in left_out]
    return Footing(
        plan_sha256=plan.sha256,
        variables=hashlib.sha256(
            msgspec.json.encode({k: str(v) for k, v in plan.variables.items()}, order="sorted")
        ).hexdigest(),
        commit=commit,
        changes=await in_thread(_digest, root, wanted),
    )


async def only_own_since(git: GitRepository, commit: str) -> bool:
    """Whether all that was committed on top of a commit are items of this program and reverts."""
    messages = await git.messages_since(commit) if commit else None
    return messages is not None and all(_OWN_COMMIT.search(text) for text in messages)


def _all(root: Path) -> list[str]:
    return sorted(_below(root))


def _below(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        if ".git" in folders:
            folders.remove(".git")
        for name in files:
            yield str((Path(folder) / name).relative_to(root))


def _digest(root: Path, paths: Sequence[str]) -> str:
    total = hashlib.sha256()
    for name in paths:
        total.update(f"{name}\0{_state(root / name)}\0".encode())
    return total.hexdigest()


def _state(path: Path) -> str:
    try:
        if path.is_symlink():
            return f"link to {path.readlink()}"
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        return f"{path.stat().st_mode:o} {content}"
    except OSError:
        return "missing"

"""What is kept of rehearsals beside the sessions: what runs or was left, and what was proven."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from runbook_app.adapters.children import Children, start_time
from runbook_app.adapters.durable import make_folders, write_durably
from runbook_app.adapters.footing import footing, only_own_since
from runbook_app.adapters.git import GitRepository
from runbook_app.adapters.rehearsal_names import Names
from runbook_app.domain.errors import RunbookError
from runbook_app.domain.events import RehearsalNoted
from runbook_app.domain.plan import Plan
from runbook_app.domain.rehearsal import Badge, Footing, noted, outdated

_FOLDER = "rehearsals"
_RECORD = "rehearsal.json"


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A rehearsal that runs, was killed, or left its copy for looking at."""

    id: str
    pid: int
    pid_started: str
    target: str
    folder: str
    """Holds the copy, and goes with it."""
    names: Names
    session: str = ""
    kept: bool = False
    images: dict[str, str] = {}
    """Image id by name, as it was before."""
    used: tuple[str, ...] = ()
    """Names of the images that the copy's containers were made of."""

    @property
    def copy(self) -> Path:
        return Path(self.folder) / "copy"

    @property
    def running(self) -> bool:
        return start_time(self.pid) == self.pid_started


class RehearsalRecord:
    """Below the program's own home; the targets get nothing."""

    def __init__(self, home: Path) -> None:
        self._root = home / _FOLDER

    def folder(self, rehearsal: str) -> Path:
        return self._root / rehearsal

    def write(self, begun: Begun) -> None:
        folder = self.folder(begun.id)
        make_folders(folder, 0o700)
        write_durably(folder / _RECORD, msgspec.json.encode(begun))

    def begun(self) -> list[Begun]:
        """Those that run or have left something, in the order of their ids."""
        found = []
        for path in sorted(self._root.glob(f"*/{_RECORD}")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Begun))
            except (OSError, msgspec.MsgspecError):
                continue
        return found

    def forget(self, begun: Begun) -> None:
        shutil.rmtree(self.folder(begun.id), ignore_errors=True)

    def copied_to(self, root: Path) -> str:
        """The target that a folder is a rehearsal's copy of; empty: it is none."""
        for begun in self.begun():
            if begun.copy.resolve() == root.resolve():
                return begun.target
        return ""

    def badges(self, target: Path) -> list[Badge]:
        try:
            return msgspec.json.decode(self._badges(target).read_bytes(), type=list[Badge])
        except (OSError, msgspec.MsgspecError):
            return []

    def award(self, target: Path, badges: Sequence[Badge]) -> None:
        """Put these in the place of older ones of the same plan's items."""
        replaced = {(badge.plan, badge.item) for badge in badges}
        kept = [b for b in self.badges(target) if (b.plan, b.item) not in replaced]
        path = self._badges(target)
        make_folders(path.parent, 0o700)
        write_durably(path, msgspec.json.encode([*kept, *badges]))

    def _badges(self, target: Path) -> Path:
        digest = hashlib.sha256(os.fsencode(target.resolve())).hexdigest()
        return self._root / "badges" / f"{digest[:32]}.json"


class TargetRehearsals:
    """Implements `ports.rehearsals.Rehearsals` for one target."""

    def __init__(self, record: RehearsalRecord, plan: Plan, root: Path, children: Children) -> None:
        self._record = record
        self._plan = plan
        self._root = root
        self._git = GitRepository(root, children)
        self.is_copy = bool(record.copied_to(root))

    async def noted(self) -> Sequence[RehearsalNoted]:
        badges = [b for b in self._record.badges(self._root) if b.plan == self._plan.id]
        if not badges:
            return ()
        try:
            now = await footing(self._plan, self._root, self._git)
            return [noted(badge, await self._outdated(badge, now)) for badge in badges]
        except RunbookError as error:
            reason = f"the target can't be compared: {error.message}"
            return [noted(badge, reason) for badge in badges]

    async def _outdated(self, badge: Badge, now: Footing) -> str:
        own = await only_own_since(self._git, badge.footing.commit)
        return outdated(badge.footing, now, only_own=own)

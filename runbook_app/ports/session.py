"""What a screen sees of a session: state, log, and a way to send commands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from runbook_app.domain.commands import Command
from runbook_app.domain.entry import Entry
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import SessionState
from runbook_app.ports.dry_run import DryRun
from runbook_app.ports.hands import ByHand
from runbook_app.ports.journal import LogReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A completion signal that was written."""

    verdict: str
    markdown: str
    envelope: str
    """The signed statement, as `signal.json` has it."""
    keyid: str
    paths: tuple[Path, ...]
    """`signal.md`, `signal.json`, and the copy if one was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that an item captured, and that is not as it was before."""

    kind: str
    name: str
    text: str
    """A unified diff for a file, signed lines for the rest; or why it can't be compared."""


class Session(Protocol):
    """One session, seen from outside the engine. The TUI and the headless printer both hold it."""

    id: str
    folder: Path
    plan: Plan
    state: SessionState
    """Folded up to the newest entry that `refresh` has read."""
    logs: LogReader
    read_only: bool
    by_hand: ByHand

    async def changes(self, timeout: float = 1.0) -> list[Entry]:
        """Wait for new entries (a doorbell, and a poll behind it), fold them, return them."""

    def refresh(self) -> list[Entry]:
        """Fold what is new without waiting."""

    async def send(self, kind: type[Command], **fields: object) -> str:
        """Append a command; id, sender, epoch, seen and expiry are filled in. Returns its id.

        Raises:
            UsageError: this session object is read-only.
        """

    async def export(self, out: Path | None = None) -> Exported:
        """Write and sign the completion signal over the journal's tip, whatever the verdict.

        `out` is a copy: the envelope when its name ends in .json, else the Markdown.

        Raises:
            SecretFound: a secret lies in a file where none may be; nothing is written.
            UsageError: this session object is read-only; or the copy could not be written, and
                the session's own files are.
            JournalError: the key, the files or the record can't be written.
        """

    def reverts_in(self) -> float | None:
        """Seconds until a step that can lock people out is reverted, by the machine's own clock;
        None while nothing counts."""

    def changes_of(self, item: str) -> list[Change]:
        """Compare what an item captured with what is there now; blocks.

        Raises:
            RunbookError: that can't be done here, such as without a Docker engine.
        """

    def dry_run(self) -> DryRun:
        """A dry run of what is still to do.

        Raises:
            RunbookError: that can't be done here, as in a replay.
        """

    def engine_alive(self) -> bool:
        """Whether the engine of the newest epoch still runs (pid and its start time)."""

    def last_words(self) -> str:
        """Why a dead engine ended, as far as it could say; empty when it was killed."""

    def hold_plan(self, accepted: str = "") -> bool:
        """Hold the plan's file against the session's pin, before an engine is started; blocks.

        `accepted` are the lines that were edited meanwhile and are to be gone on with. True: they
        are pinned and on record, for `take_plan`.

        Raises:
            PlanEdited: it was edited meanwhile, and not in these lines alone.
            RunbookError: the edited plan is wrong, or this session object is read-only.
        """

    def take_plan(self) -> None:
        """Have `plan` and `state` be those that were pinned anew."""

    def ensure_engine(self, take_over: str = "") -> None:
        """Start a new engine when none runs.

        With `take_over`, the reason, it is started in any case: it ends the engine that holds the
        target, this session's own or another's, and records that.

        Raises:
            UsageError: this session object is read-only.
            LockedError: another driver holds the target, and was not or can't be displaced.
        """

    def close(self) -> None: ...


@runtime_checkable
class Replay(Session, Protocol):
    """A session's record, at any moment of it; nothing can be done there."""

    @property
    def last(self) -> int:
        """Number of the last entry."""

    @property
    def position(self) -> int:
        """Number of the entry up to which it is told, from 1 on."""

    @property
    def end(self) -> str:
        """Time of the last entry."""

    def now(self) -> str:
        """Time of the entry up to which it is told."""

    def go(self, position: int) -> None:
        """Tell it up to an entry, or as near as there is one."""

    def go_to_mark(self, by: int) -> None:
        """Go to where something begins or turns next (1) or did before (-1)."""

    def go_to_time(self, when: str) -> None:
        """Go to the last entry of that time or before; ISO 8601 UTC."""

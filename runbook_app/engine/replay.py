"""A session's record told again: the same screens, at any moment of it."""

from __future__ import annotations

import asyncio
import pickle
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from runbook_app.domain import events as ev
from runbook_app.domain.commands import Command
from runbook_app.domain.entry import Entry
from runbook_app.domain.errors import UsageError
from runbook_app.domain.fold import fold
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import SessionState
from runbook_app.ports.dry_run import DryRun
from runbook_app.ports.hands import ByHand, NoWayIn
from runbook_app.ports.journal import LogLine, LogReader, Sought
from runbook_app.ports.session import Change, Exported

MARKS = (
    ev.CheckpointOpened,
    ev.StepStarted,
    ev.StepFailed,
    ev.StepBecameUnknown,
    ev.QuestionAsked,
    ev.ItemVerified,
    ev.RollbackStarted,
    ev.RollbackFinished,
    ev.HandsWentIn,
    ev.HandsCameOut,
    ev.ItemTakenUpAgain,
    ev.EngineStarted,
    ev.SignalExported,
)
"""Where something begins or turns: what one goes to from one to the next."""


COPIES = 10
"""Folded states that are kept of a whole record, for going back without folding all of it anew."""
NEAREST = 1_000
"""Entries that lie between two of them at least; so many are folded faster than a copy is read."""


class ReplayedSession:
    """Implements `ports.session.Replay`. It opens at the record's beginning."""

    read_only = True
    by_hand: ByHand = NoWayIn()

    def __init__(
        self, session: str, folder: Path, plan: Plan, entries: Sequence[Entry], logs: LogReader
    ) -> None:
        self.id = session
        self.folder = folder
        self.plan = plan
        self.state = SessionState()
        self._entries = entries
        self._marks = [n for n, e in enumerate(entries, 1) if isinstance(e.body, MARKS)]
        self._at = 0
        self._apart = max(NEAREST, len(entries) // COPIES)
        self._kept: dict[int, bytes] = {}
        self._moved = asyncio.Event()
        self.logs: LogReader = LogUntil(logs, lambda: self.state.at)
        self.go(1)

    @property
    def last(self) -> int:
        return len(self._entries)

    @property
    def position(self) -> int:
        return self._at

    @property
    def end(self) -> str:
        return self._entries[-1].at

    def now(self) -> str:
        return self.state.at

    def go(self, position: int) -> None:
        position = min(max(position, 1), self.last)
        kept = max((place for place in self._kept if place <= position), default=0)
        if not kept <= self._at <= position:
            self._at = kept
            self.state = pickle.loads(self._kept[kept]) if kept else SessionState()  # noqa: S301 - made below, never read from outside
        while self._at < position:
            end = min(position, self._at - self._at % self._apart + self._apart)
            fold(self._entries[self._at : end], self.state)
            self._at = end
            if end % self._apart == 0 and end not in self._kept:
                self._kept[end] = pickle.dumps(self.state)
        self._moved.set()

    def go_to_mark(self, by: int) -> None:
        if by > 0:
            place = bisect_right(self._marks, self._at)
            self.go(self._marks[place] if place < len(self._marks) else self.last)
        else:
            place = bisect_left(self._marks, self._at) - 1
            self.go(self._marks[place] if place >= 0 else 1)

    def go_to_time(self, when: str) -> None:
        self.go(bisect_right([entry.at for entry in self._entries], when))

    # Session

    async def changes(self, timeout: float = 1.0) -> list[Entry]:
        try:
            await asyncio.wait_for(self._moved.wait(), timeout)
        except TimeoutError:
            return []
        return self.refresh()

    def refresh(self) -> list[Entry]:
        if not self._moved.is_set():
            return []
        self._moved.clear()
        return [self._entries[self._at - 1]]

    async def send(self, kind: type[Command], **fields: object) -> str:  # noqa: ARG002
        raise UsageError("This is a replay: what is shown is over.")

    async def export(self, out: Path | None = None) -> Exported:  # noqa: ARG002
        raise UsageError("This is a replay: what is shown is over.")

    def changes_of(self, item: str) -> list[Change]:  # noqa: ARG002
        raise UsageError("A replay shows the record; what the target was like then is not in it.")

    def dry_run(self) -> DryRun:
        raise UsageError("A replay shows the record: nothing is ahead of it.")

    def reverts_in(self) -> float | None:
        return None

    def engine_alive(self) -> bool:
        """As far as the record says; the last engine is over in any case."""
        return self.state.engine is not None and self._at < self.last

    def last_words(self) -> str:
        return ""

    def hold_plan(self, accepted: str = "") -> bool:  # noqa: ARG002
        raise UsageError("This is a replay: its plan is the one on record.")

    def take_plan(self) -> None: ...

    def ensure_engine(self, take_over: str = "") -> None:  # noqa: ARG002
        raise UsageError("This is a replay: no engine is started for it.")

    def close(self) -> None:
        self.logs.close()


class LogUntil:
    """Implements `ports.journal.LogReader`: the lines that were stored by a moment."""

    def __init__(self, reader: LogReader, moment: Callable[[], str]) -> None:
        self._reader = reader
        self._moment = moment
        self._known = ("", 0)

    def count(self) -> int:
        moment = self._moment()
        if self._known[0] != moment:
            rows = range(self._reader.count())
            self._known = (moment, bisect_right(rows, moment, key=self._time_of))
        return self._known[1]

    def _time_of(self, number: int) -> str:
        lines = self._reader.lines(number, 1)
        return lines[0].at if lines else ""

    def lines(self, first: int, count: int) -> Sequence[LogLine]:
        return self._reader.lines(first, min(count, max(0, self.count() - first)))

    def find(
        self, sought: Sought, *, before: int | None = None, after: int | None = None
    ) -> int | None:
        end = self.count()
        if before is not None:
            return self._reader.find(sought, before=min(before, end), after=after)
        found = self._reader.find(sought, after=after)
        return found if found is not None and found < end else None

    def scan(self, sought: Sought, first: int) -> Iterator[tuple[int, list[int]]]:
        end = self.count()
        for searched, found in self._reader.scan(sought, first):
            yield min(searched, end), [number for number in found if number < end]
            if searched >= end:
                return

    def parts(self) -> list[tuple[str, str]]:
        return self._reader.parts()

    def part(self, *, step: str | None = None, source: str | None = None) -> LogUntil:
        return LogUntil(self._reader.part(step=step, source=source), self._moment)

    def close(self) -> None:
        self._reader.close()

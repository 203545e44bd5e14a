"""A session seen from outside the engine; what the TUI and the headless printer hold."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from runbook_app.domain import guard as guards
from runbook_app.domain.answers import SEALED
from runbook_app.domain.clock import to_text
from runbook_app.domain.commands import AnswerQuestion, Command, RetryStep
from runbook_app.domain.decisions import outline
from runbook_app.domain.entry import GENESIS, Body, Entry
from runbook_app.domain.errors import JournalError, UsageError
from runbook_app.domain.events import (
    PlanChangeAccepted,
    QuestionAsked,
    RehearsalNoted,
    SessionStarted,
    SignalExported,
)
from runbook_app.domain.fold import fold
from runbook_app.domain.plan import Plan
from runbook_app.domain.signal import build_signal
from runbook_app.domain.state import GuardState, SessionState
from runbook_app.domain.statement import JSON
from runbook_app.engine.export import Exporter, copy
from runbook_app.ports.clock import Clock
from runbook_app.ports.dry_run import DryRun
from runbook_app.ports.hands import ByHand
from runbook_app.ports.journal import Doorbell, Journal, LogReader
from runbook_app.ports.session import Change, Exported

EXPIRY = timedelta(minutes=1)
"""How long a command waits for an engine to take it."""


def stand_in(
    entries: Sequence[Entry], lost_beginning: Callable[[str], SessionStarted]
) -> list[Entry]:
    """An entry in the place of a first one that can't be read; none where it could be."""
    if not entries or isinstance(entries[0].body, SessionStarted):
        return []
    at = entries[0].at
    return [Entry(seq=0, at=at, body=lost_beginning(at), previous=GENESIS, hash=GENESIS)]


class SessionClient:
    """Implements `ports.session.Session` over a journal."""

    def __init__(
        self,
        *,
        folder: Path,
        read_plan: Callable[[SessionStarted, str], Plan],
        journal: Journal,
        doorbell: Doorbell,
        logs: LogReader,
        clock: Clock,
        exporter: Exporter,
        read_only: bool,
        is_alive: Callable[[int, str], bool],
        start_engine: Callable[[str], None],
        last_words: Callable[[int], str],
        mask: Callable[[Body], Body],
        leave_answer: Callable[[QuestionAsked, str], None],
        changes_of: Callable[[str], list[Change]],
        by_hand: ByHand,
        dry_run: Callable[[], DryRun],
        hold_plan: Callable[[SessionClient, str], bool],
        lost_beginning: Callable[[str], SessionStarted] | None = None,
    ) -> None:
        """`mask` replaces the secrets that the session knows by now. `leave_answer` leaves a secret
        answer where the engine alone can read it. `hold_plan` says whether another plan was pinned.

        `lost_beginning` stands in, for a reader, for a first entry that can't be read; it is given
        the time of the first one that can.
        """
        self.folder = folder
        self.logs = logs
        self.read_only = read_only
        self.by_hand = by_hand
        self._journal = journal
        self._doorbell = doorbell
        self._clock = clock
        self._exporter = exporter
        self._is_alive = is_alive
        self._start_engine = start_engine
        self._last_words = last_words
        self._mask = mask
        self._leave_answer = leave_answer
        self._changes_of = changes_of
        self._dry_run = dry_run
        self._hold_plan = hold_plan
        self._read_plan = read_plan
        self.state = SessionState()
        if read_only and lost_beginning:
            self._stand_in(lost_beginning)
        self.refresh()
        if self.state.started is None:
            raise JournalError(f"The journal in {folder} has no beginning.")
        self.id = self.state.id
        self.started = self.state.started
        self.plan = self._read_plan(self.started, self.state.started_at)

    def _stand_in(self, lost_beginning: Callable[[str], SessionStarted]) -> None:
        fold(stand_in(self._journal.read(0, 1), lost_beginning), self.state)

    def refresh(self) -> list[Entry]:
        found: list[Entry] = []
        while entries := self._journal.read(self.state.seq):
            fold(entries, self.state)
            found += entries
        return found

    async def changes(self, timeout: float = 1.0) -> list[Entry]:
        found = self.refresh()
        if not found:
            await self._doorbell.wait(timeout)
            found = self.refresh()
        return found

    async def send(self, kind: type[Command], **fields: object) -> str:
        self._require_writable()
        by = str(fields.pop("by", "") or getpass.getuser())
        if kind is AnswerQuestion:
            fields["answer"] = self._travelling(str(fields["question"]), str(fields["answer"]))
        command = kind(
            id=uuid.uuid4().hex[:16],
            by=by,
            epoch=self.state.epoch,
            seen=self.state.seq,
            expires=to_text(self._clock.now() + EXPIRY),
            **fields,
        )
        masked = self._mask(command)  # type: ignore[arg-type]  # a command of the union
        if isinstance(masked, RetryStep) and masked != command:
            raise UsageError(
                "A parameter holds a secret of this session, and would put it into the journal.",
                hint="Name a file or a variable that holds it instead.",
            )
        await self._journal.append(masked)
        self._doorbell.ring()
        return command.id

    def _travelling(self, question: str, answer: str) -> str:
        """What of an answer may stand in the journal: nothing of one that comes too late, for a
        secret one could be among them."""
        asked = self.state.question
        if asked is None or asked.id != question:
            return ""
        if not asked.secret:
            return answer
        self._leave_answer(asked, answer)
        return SEALED

    def _require_writable(self) -> None:
        if self.read_only:
            raise UsageError(
                "This session is open for reading only.", hint="Attach without --read-only."
            )

    async def settled(self, command: str, timeout: float = 30.0) -> str | None:
        """Wait for a command's answer: empty when accepted, else the reason; None: no answer."""
        deadline = self._clock.monotonic() + timeout
        while command not in self.state.answered:
            if self._clock.monotonic() > deadline:
                return None
            await self.changes(0.2)
            await asyncio.sleep(0)
        return self.state.answered[command]

    async def record_plan_change(self, plan: Plan, difference: str) -> None:
        """Adopt an edited plan while no engine runs; the difference goes on record."""
        self._require_writable()
        change = PlanChangeAccepted(
            sha256=plan.sha256,
            difference=difference,
            by=getpass.getuser(),
            outline=outline(plan),
        )
        await self._journal.append(self._mask(change))

    async def note_rehearsals(self, found: Sequence[RehearsalNoted]) -> None:
        """Record what this session does not know yet of rehearsals on copies of its target."""
        self._require_writable()
        self.refresh()
        items = self.state.items
        new = [n for n in found if n.item in items and items[n.item].rehearsal != n]
        if new:
            await self._journal.append(*new)
            self._doorbell.ring()

    async def count_guard(self, guard: GuardState, why: str) -> None:
        """Begin the time in which a step has to be confirmed, for an engine that is gone."""
        await self._journal.append(guards.counting(guard, self._clock.moment(), why))
        self._doorbell.ring()

    def reverts_in(self) -> float | None:
        item = self.state.guarded
        if item is None or item.guard is None:
            return None
        return guards.left(item.guard, self._clock.moment(), to_text(self._clock.now()))

    async def export(self, out: Path | None = None) -> Exported:
        self._require_writable()
        self.refresh()
        signal = build_signal(self.state, self.plan, to_text(self._clock.now()))
        made = await asyncio.to_thread(self._exporter.export, signal, self.folder)
        await self._journal.append(
            SignalExported(
                verdict=made.verdict,
                sha256=hashlib.sha256(made.envelope.encode()).hexdigest(),
                path=JSON,
                keyid=made.keyid,
                reasons=signal.reasons,
                withdraws=signal.withdraws,
            )
        )
        self._doorbell.ring()
        if out is None:
            return made
        copy(made, out)
        return replace(made, paths=(*made.paths, out))

    def changes_of(self, item: str) -> list[Change]:
        return self._changes_of(item)

    def dry_run(self) -> DryRun:
        return self._dry_run()

    def engine_alive(self) -> bool:
        engine = self.state.engine
        return engine is not None and self._is_alive(engine.pid, engine.pid_started)

    def last_words(self) -> str:
        engine = self.state.engine
        return "" if engine is None or self.engine_alive() else self._last_words(engine.pid)

    def hold_plan(self, accepted: str = "") -> bool:
        self._require_writable()
        return self._hold_plan(self, accepted)

    def take_plan(self) -> None:
        self.refresh()
        self.plan = self._read_plan(self.started, self.state.started_at)

    def ensure_engine(self, take_over: str = "") -> None:
        self._require_writable()
        if take_over or not self.engine_alive():
            self._start_engine(take_over)

    def close(self) -> None:
        self._journal.close()
        self._doorbell.close()
        self.logs.close()

"""A session held in memory, for tests of screens: feed it events, look at what it was sent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from runbook_app.domain.commands import Command
from runbook_app.domain.entry import Body, Entry, chain, encode
from runbook_app.domain.errors import ActionError, PlanEdited, RunbookError, UsageError
from runbook_app.domain.events import CommandAccepted, CommandRejected
from runbook_app.domain.fold import fold
from runbook_app.domain.forecast import Ahead, Forecast
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import SessionState
from runbook_app.domain.statement import JSON, MARKDOWN
from runbook_app.domain.verdict import overall
from runbook_app.ports.hands import WayIn
from runbook_app.ports.journal import LogLine
from runbook_app.ports.session import Change, Exported
from runbook_app.testing.logs import ListedLines

START = "2025-10-24T08:00:00.000Z"
LATER = "2099-01-01T00:00:00.000Z"


class FakeLogs(ListedLines):
    """Log lines in a list, added by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: Exception | None = None
        """Raised by `count` as long as it is set."""

    def add(self, text: str, *, source: str = "step", step: str = "", at: str = START) -> None:
        self.stored.append(LogLine(len(self.stored), at, source, step, text))

    def count(self) -> int:
        if self.failure is not None:
            raise self.failure
        return super().count()


class FakeDryRun:
    """Implements `ports.dry_run.DryRun`: finds what it is given, once it may."""

    def __init__(self, found: Forecast | RunbookError | None = None) -> None:
        self.found = found
        """None: a plan without items."""
        self.ahead: Sequence[Ahead] = ()
        """What it tells before it waits."""
        self.may_end = threading.Event()
        """Set, unless a test holds it back."""
        self.may_end.set()
        self.cancelled = threading.Event()

    def foresee(self, told: Callable[[Ahead], None]) -> Forecast:
        for ahead in self.ahead:
            told(ahead)
        self.may_end.wait(timeout=30)
        if isinstance(self.found, RunbookError):
            raise self.found
        nothing = Forecast(plan="p", title="P", version="1", target="/srv/staging", items=())
        return self.found or nothing

    def cancel(self) -> None:
        self.cancelled.set()
        self.may_end.set()


class FakeByHand:
    """Implements `ports.hands.ByHand`: a program that does nothing and ends with `code`."""

    def __init__(self) -> None:
        self.open = [
            WayIn(name="shell", what="a shell in /srv/staging"),
            WayIn(name="psql", what="psql as postgres in db", remark="database app"),
        ]
        self.code = 0
        self.failure: Exception | None = None
        """Raised by `go_in`."""
        self.went: list[tuple[str, str]] = []
        """Ways, each with the id under which it is on record."""
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens while somebody is in."""

    def ways(self) -> list[WayIn]:
        return self.open

    def go_in(self, way: str, hands: str) -> int:
        self.went.append((way, hands))
        if self.failure is not None:
            raise self.failure
        self.meanwhile()
        return self.code

    def process(self) -> tuple[int, str]:
        return 4300, "2"


class FakeSession:
    """Implements `ports.session.Session` over a list of entries.

    `answer` decides what happens to a sent command: it returns a reason to reject it, or an
    empty text to accept it.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        read_only: bool = False,
        folder: Path = Path("session"),
        answer: Callable[[Command], str] = lambda _command: "",
    ) -> None:
        self.id = "fake"
        self.folder = folder
        self.plan = plan
        self.state = SessionState()
        self.logs = FakeLogs()
        self.read_only = read_only
        self.answer = answer
        self.alive = True
        self.left: float | None = None
        """Seconds until a step is reverted."""
        self.words = ""
        """Last words of a dead engine."""
        self.at = START
        """Time of the next entries."""
        self.sent: list[Command] = []
        self.exports = 0
        self.changed: list[Change] = []
        """What `changes_of` finds."""
        self.not_compared = ""
        """Why it finds nothing, if it can't be told."""
        self.by_hand = FakeByHand()
        self.compared: list[str] = []
        """Items that it was asked for."""
        self.may_compare = threading.Event()
        """Set, unless a test holds comparisons back."""
        self.may_compare.set()
        self.foreseen = FakeDryRun()
        """What `dry_run` gives."""
        self.dry_runs = 0
        """How often it was asked for."""
        self.edited = ""
        """The lines in which the plan's file was edited."""
        self.edited_plan: Plan | None = None
        """What it is by these lines; None: the same."""
        self.engines_started = 0
        self.taken_over: list[str] = []
        """Reasons that `ensure_engine` was given."""
        self.failure: Exception | None = None
        """Raised by the next `changes`, once."""
        self.engine_failure: Exception | None = None
        """Raised by `ensure_engine`."""
        self._entries: list[Entry] = []
        self._seen = 0
        self._news = asyncio.Event()

    def emit(self, *bodies: Body, at: str = "") -> None:
        """Append entries to the journal; the screen learns of them by `changes`."""
        self.at = at or self.at
        for body in bodies:
            tip = self._entries[-1] if self._entries else None
            seq, previous = (tip.seq + 1, tip.hash) if tip else (1, self.state.hash)
            digest = chain(previous, seq, self.at, encode(body))
            self._entries.append(
                Entry(seq=seq, at=self.at, body=body, previous=previous, hash=digest)
            )
        self._news.set()

    async def changes(self, timeout: float = 1.0) -> list[Entry]:
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        try:
            await asyncio.wait_for(self._news.wait(), timeout)
        except TimeoutError:
            return []
        return self.refresh()

    def refresh(self) -> list[Entry]:
        self._news.clear()
        new = self._entries[self._seen :]
        self._seen = len(self._entries)
        fold(new, self.state)
        return new

    async def send(self, kind: type[Command], **fields: object) -> str:
        if self.read_only:
            raise UsageError("This session was opened read-only.")
        number = len(self.sent) + 1
        command = kind(
            id=f"c{number}",
            by="op",
            epoch=self.state.epoch,
            seen=self.state.seq,
            expires=LATER,
            **fields,
        )
        self.sent.append(command)
        reason = self.answer(command)
        verdict = (
            CommandRejected(command=command.id, reason=reason)
            if reason
            else CommandAccepted(command=command.id)
        )
        self.emit(command, verdict)  # type: ignore[arg-type]  # every command is a body
        return command.id

    def last_words(self) -> str:
        return self.words

    async def export(self, out: Path | None = None) -> Exported:
        if self.read_only:
            raise UsageError("This session was opened read-only.")
        self.exports += 1
        paths = (self.folder / MARKDOWN, self.folder / JSON)
        return Exported(
            verdict=overall(self.state).value,
            markdown="",
            envelope="",
            keyid="0" * 64,
            paths=(*paths, out) if out else paths,
        )

    def reverts_in(self) -> float | None:
        return self.left

    def changes_of(self, item: str) -> list[Change]:
        self.compared.append(item)
        self.may_compare.wait(timeout=30)
        if self.not_compared:
            raise ActionError(self.not_compared)
        return self.changed

    def dry_run(self) -> FakeDryRun:
        self.dry_runs += 1
        return self.foreseen

    def engine_alive(self) -> bool:
        return self.alive

    def hold_plan(self, accepted: str = "") -> bool:
        if self.read_only:
            raise UsageError("This session was opened read-only.")
        if self.edited and accepted != self.edited:
            raise PlanEdited("plan.yaml", self.edited)
        adopted, self.edited = bool(self.edited), ""
        return adopted

    def take_plan(self) -> None:
        self.plan = self.edited_plan or self.plan

    def ensure_engine(self, take_over: str = "") -> None:
        if self.read_only:
            raise UsageError("This session was opened read-only.")
        if self.engine_failure is not None:
            raise self.engine_failure
        if take_over:
            self.taken_over.append(take_over)
        if take_over or not self.alive:
            self.engines_started += 1
            self.alive = True

    def close(self) -> None:
        self.logs.close()

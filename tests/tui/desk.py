"""A machine with sessions and plans, for tests of the home screen."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from runbook_app.domain.errors import PlanEdited, RunbookError, Unanswered, UsageError
from runbook_app.domain.variables import Question
from runbook_app.testing.session import FakeDryRun
from runbook_app.tui.view.home import HomePlan, HomeSession, Start
from runbook_app.tui.view.words import Tone, sign
from tests.tui.foreseen import FORESEEN

ASKS = (
    Question(name="region", text="Which region?", choices=("eu", "us"), default="eu"),
    Question(name="depth", text="How deep?", takes="integer"),
)
PLAN = HomePlan(path=Path("plans/phase1.yaml"), title="Phase 1", target="/srv/staging")
ASKING = HomePlan(path=Path("asking.yaml"), title="Asking", target="/srv/staging")
FOUND = HomeSession(id="s1", plan="Phase 1", target="/srv/staging", begun="2025-10-24T08:00:00Z")
SESSION = replace(
    FOUND,
    shown=sign("interrupted"),
    resumable=True,
    done=4,
    total=17,
    last="2025-10-24T09:12:00Z",
    words=(("ENGINE DEAD, nothing runs", Tone.STRONG),),
)
RUNNING = replace(SESSION, id="s2", shown=sign("running"), resumable=False)
SMALL = (80, 24)


class FakeDesk:
    """A machine with these sessions and plans."""

    def __init__(self, sessions: Sequence[HomeSession] = (), plans: Sequence[HomePlan] = (PLAN,)):
        self.read = {session.id: session for session in sessions}
        self._plans = plans
        self.readable = threading.Event()
        self.readable.set()
        self.begun: list[Start] = []
        self.foreseen = FakeDryRun(FORESEEN)
        self.foreseen_of: list[Start] = []
        """What dry runs were asked for with."""
        self.resumed: list[str] = []
        self.refusal: RunbookError | None = None
        self.edited: list[str] = []
        """The lines of the session's plan that were edited."""

    def sessions(self) -> list[HomeSession]:
        return [replace(FOUND, id=name) for name in self.read]

    def look(self, session: HomeSession) -> HomeSession:
        self.readable.wait()
        return self.read[session.id]

    def plans(self) -> Sequence[HomePlan]:
        return self._plans

    def plan(self, given: str) -> HomePlan:
        if given == str(ASKING.path):
            return ASKING
        if given != "other.yaml":
            raise UsageError(f"There is no plan file {given}.")
        return HomePlan(path=Path(given), title="Other")

    def questions(self, start: Start) -> Sequence[Question]:
        if self.refusal is not None:
            raise self.refusal
        return ASKS if start.plan == ASKING.path else ()

    def dry_run(self, start: Start) -> FakeDryRun:
        if self.refusal is not None:
            raise self.refusal
        self.foreseen_of.append(start)
        return self.foreseen

    def begin(self, start: Start) -> str:
        if self.refusal is not None:
            raise self.refusal
        asks = ASKS if start.plan == ASKING.path else ()
        if lacking := [question for question in asks if question.name not in start.answers]:
            raise Unanswered(lacking)
        self.begun.append(start)
        return "new"

    def resume(self, session: str, accepted: str = "") -> None:
        if self.refusal is not None:
            raise self.refusal
        if self.edited and accepted != self.edited[0]:
            raise PlanEdited(str(PLAN.path), self.edited[0])
        self.resumed.append(session)

    def close(self) -> None: ...

"""Driving a session without a screen, to an exit code."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_app.domain.commands import AnswerQuestion, Run
from runbook_app.domain.events import QuestionAsked
from runbook_app.domain.state import SessionState
from runbook_app.headless.feed import Detached, EngineDied, Feed
from runbook_app.headless.interrupts import Interrupts
from runbook_app.headless.lines import Tone
from runbook_app.headless.parting import Exit, Parting
from runbook_app.headless.printer import Printer
from runbook_app.ports.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is to be run, and how far the program may go on its own."""

    items: tuple[str, ...] = ()
    until: str = ""
    unattended: bool = False
    unknown: str = ""
    take_over: str = ""
    """Why the driver that holds the target is displaced; empty: it is not."""


class Driver:
    """Runs a scope to its end, its first failure, or the first line that needs a person."""

    def __init__(
        self, session: Session, printer: Printer, scope: Scope, interrupts: Interrupts
    ) -> None:
        self._session = session
        self._printer = printer
        self._scope = scope
        self._feed = Feed(session, printer, interrupts)
        self._parting = Parting(session, printer)
        self._answered: set[str] = set()

    async def run(self) -> int:
        """Drive, and return the exit code.

        Raises:
            LockedError: another driver holds the target.
        """
        try:
            await self._feed.start_engine(self._scope.take_over)
            return await self._drive()
        except Detached as reason:
            return self._parting.detached(str(reason))
        except EngineDied:
            return self._parting.engine_died()

    async def _drive(self) -> int:
        refusal = await self._feed.answered(await self._ask_to_run())
        if refusal:
            await self._feed.stop_engine("the run was refused")
            self._printer.say(f"Not run: {refusal}", Tone.BAD)
            return Exit.USAGE
        needed = await self._until_over()
        await self._feed.stop_engine("the headless run is over")
        if needed:
            return self._parting.waiting(needed, may_assume=not self._scope.unattended)
        scope, stopped = self._scope, self._feed.stop_wanted
        return self._parting.result(scope.items, scope.until, stopped=stopped)

    async def _ask_to_run(self) -> str:
        return await self._feed.send(
            Run,
            auto=True,
            items=self._scope.items,
            until=self._scope.until,
            unattended=self._scope.unattended,
            unknown=self._scope.unknown,
        )

    async def _until_over(self) -> QuestionAsked | None:
        """Follow the run; returns the question that only a person can answer, if one ended it."""
        state = self._session.state
        while state.engine is not None and at_work(state):
            if state.question is not None and not await self._answer(state.question):
                return state.question
            await self._feed.pump()
        return None

    async def _answer(self, asked: QuestionAsked) -> bool:
        """Stand in for a person, where that is allowed; false where it is not."""
        if self._feed.stop_wanted or asked.id in self._answered:
            return True
        if asked.kind == "guarded" and not self._scope.unattended:
            return True  # it is answered elsewhere, or ends by itself
        if not self._scope.unattended or not asked.may_be_assumed:
            return False
        self._answered.add(asked.id)
        answer = asked.choices[0] if asked.choices else "yes"
        await self._feed.send(AnswerQuestion, question=asked.id, answer=answer, assumed=True)
        return True


def at_work(state: SessionState) -> bool:
    """Whether the engine is doing something, or will without being asked again."""
    return (
        state.intent.active
        or state.question is not None
        or state.running_step is not None
        or (state.guarded is not None and bool(state.guarded.to_confirm))
        or state.rolling_back
    )


async def follow(session: Session, printer: Printer, interrupts: Interrupts) -> int:
    """Print a session until its engine ends; Ctrl-C only leaves."""
    feed = Feed(session, printer, interrupts)
    parting = Parting(session, printer)
    if session.engine_alive():
        printer.say(f"Watching session {session.id}. Ctrl-C leaves it running.")
    try:
        while session.state.engine is not None and not feed.stop_wanted:
            await feed.pump()
    except Detached as reason:
        return parting.detached(str(reason))
    except EngineDied:
        return parting.engine_died()
    if feed.stop_wanted:
        return parting.detached("Ctrl-C")
    return parting.result((), "", stopped=True)

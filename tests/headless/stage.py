"""A session with an engine that does as it is told, for tests of the headless drivers."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.entry import Body
from runbook_app.domain.plan import Plan
from runbook_app.headless.driver import Driver, Scope
from runbook_app.headless.interrupts import Interrupts
from runbook_app.headless.printer import LinePrinter
from runbook_app.testing.session import FakeSession
from tests.domain.story import PLAN, Story

Reaction = Callable[["Stage", cmd.Command], None]


def obedient(stage: Stage, command: cmd.Command) -> None:
    """Run whatever was prepared, stop when told."""
    match command:
        case cmd.Run():
            stage.emit(ev.RunRequested(auto=True, unattended=command.unattended), *stage.work)
        case cmd.Stop():
            stage.end(command.reason)


class Stage(FakeSession):
    """`work` is what the engine journals when it is told to run."""

    def __init__(
        self,
        *work: Body,
        plan: Plan = PLAN,
        react: Reaction = obedient,
        read_only: bool = False,
    ) -> None:
        super().__init__(plan, folder=Path("/sessions/s1"), read_only=read_only)
        self.id = "s1"
        self.alive = False
        self.work = work
        self.react = react
        self.emit(Story(plan).entries[0].body)
        self.refresh()

    def ensure_engine(self, take_over: str = "") -> None:
        super().ensure_engine(take_over)
        epoch = self.state.epoch + 1
        self.emit(ev.EngineStarted(epoch=epoch, pid=7, pid_started="1", host="host1"))

    async def send(self, kind: type[cmd.Command], **fields: object) -> str:
        number = await super().send(kind, **fields)
        if not self.answer(self.sent[-1]):
            self.react(self, self.sent[-1])
        return number

    def end(self, reason: str) -> None:
        self.emit(ev.EngineStopped(epoch=self.state.epoch, reason=reason))
        self.alive = False

    def sent_kinds(self) -> list[str]:
        return [type(command).__name__ for command in self.sent]


class Show:
    """What a headless run printed, and its exit code."""

    def __init__(self, session: FakeSession, *, logs: str = "steps", colour: bool = False) -> None:
        self.session = session
        self.out, self.err = io.StringIO(), io.StringIO()
        self.printer = LinePrinter(self.out, self.err, session.plan, colour=colour, logs=logs)
        self.interrupts = Interrupts()

    async def run(self, **scope: object) -> int:
        chosen = Scope(**scope)
        return await Driver(self.session, self.printer, chosen, self.interrupts).run()

    @property
    def said(self) -> str:
        return self.err.getvalue()

    @property
    def printed(self) -> str:
        return self.out.getvalue()


def done(plan: Plan = PLAN, *, assumed: bool = True) -> tuple[Body, ...]:
    """All that an engine journals while it does the whole plan."""
    story = Story(plan).headers().tls(assumed=assumed).tell(ev.NothingLeft())
    return tuple(entry.body for entry in story.entries[2:])

"""A step that a crash cut short: its check is asked, and a person's answer is carried out."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.measure import Progress
from runbook_app.domain.signal import build_signal, signal_markdown
from runbook_app.domain.state import ItemStatus, SessionState, StepStatus
from runbook_app.testing.crash import crash_at
from runbook_app.tui.app import RunbookApp
from tests.tui.screen import press, text, until_shown
from tests.tui.screen import until as until_true

from . import world as world_module
from .conftest import Driven
from .world import World, plan_of, step, told, until

STEP = "only.line"
NOT_BEGUN = f"started:{STEP}"
HALF = "half:base.txt"
APPLIED = f"applied:{STEP}"
FOUND = {
    NOT_BEGUN: (Progress.NOT_DONE, "no such line"),
    HALF: (Progress.PARTLY, "half a line"),
    APPLIED: (Progress.DONE, "the line is there"),
}
ONCE = "zero\none\n"


class Killed(BaseException):
    """Nothing that the engine could take for a failure."""


@dataclass
class Crashed:
    """A session whose engine dies at named points, as far as its journal and target can tell."""

    world: World
    monkeypatch: pytest.MonkeyPatch
    epoch: int = 0

    def _die_at(self, point: str) -> None:
        def die(passed: str) -> None:
            if passed == point:
                raise Killed(point)

        self.monkeypatch.setattr(world_module, "crash_at", die)

    async def die(
        self, point: str, kind: type[cmd.Command], ready: Callable[[SessionState], bool], **fields
    ) -> None:
        """Have an engine that is sent a command, once it is ready, die at a point."""
        self.epoch += 1
        self._die_at(point)
        client = self.world.client()
        engine = asyncio.create_task(self.world.drive(self.epoch))
        await until(client, lambda: client.state.epoch == self.epoch and ready(client.state))
        await client.send(kind, **fields)
        with pytest.raises(Killed):
            await engine
        client.close()
        self.monkeypatch.setattr(world_module, "crash_at", crash_at)

    async def cut_short(self, point: str) -> Crashed:
        await self.world.begin()
        await self.die(point, cmd.Run, lambda state: True, auto=True)
        return self

    @asynccontextmanager
    async def resumed(self):
        """A new engine, and a client to it."""
        self.epoch += 1
        client = self.world.client()
        engine = asyncio.create_task(self.world.drive(self.epoch))
        await until(client, lambda: client.state.epoch == self.epoch)
        try:
            yield Driven(self.world, client)
        finally:
            await client.send(cmd.Stop)
            await engine
            client.close()

    @property
    def line(self) -> str:
        return (self.world.root / "base.txt").read_text()

    def applied(self) -> int:
        return told(self.world.folder / "scratch").count(f"apply {STEP}")

    def resolved(self) -> ev.UnknownResolved:
        client = self.world.client(read_only=True)
        (found,) = [
            entry.body
            for entry in client._journal.read()
            if isinstance(entry.body, ev.UnknownResolved)
        ]
        client.close()
        return found


@pytest.fixture
def crashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Crashed:
    plan = plan_of(
        step(STEP, "append", path="base.txt", line="one"),
        step("only.next", "write", path="next", text="next"),
    )
    return Crashed(World(tmp_path, plan).make(), monkeypatch)


def examined(state: SessionState) -> bool:
    return state.step(STEP).examined is not None


def found_by_its_check(state: SessionState) -> Progress | None:
    found = state.step(STEP).examined
    return found.progress if found else None


def spoil(crashed: Crashed) -> None:
    """Make the step's check fail by itself."""
    (crashed.world.root / "base.txt").write_bytes(b"\xff")


async def answer(session: Driven, word: str) -> None:
    await session.until(lambda: examined(session.state))
    assert await session.send(cmd.ResolveUnknown, step=STEP, answer=word) == ""


@pytest.mark.parametrize("point", FOUND)
async def test_its_check_is_asked_and_nothing_is_run(crashed: Crashed, point: str) -> None:
    await crashed.cut_short(point)
    before = crashed.line
    async with crashed.resumed() as session:
        await session.until(lambda: examined(session.state))
        found = session.state.step(STEP)
        assert found.status is StepStatus.UNKNOWN
        assert found.examined is not None
        assert (found.examined.progress, found.examined.evidence) == FOUND[point]
    assert crashed.line == before
    assert crashed.applied() == (point != NOT_BEGUN)


@pytest.mark.parametrize(
    ("point", "word", "applied", "line"),
    [
        (APPLIED, "done", 1, ONCE),
        (HALF, "partly", 2, ONCE),
        (NOT_BEGUN, "not done", 1, ONCE),
        (HALF, "done", 1, "zero\none"),
        (HALF, "not done", 2, "zero\noneone\n"),
        (APPLIED, "partly", 2, ONCE),
        (NOT_BEGUN, "partly", 1, ONCE),
    ],
)
async def test_an_answer_is_carried_out_and_on_record_with_what_the_check_had_found(
    crashed: Crashed, point: str, word: str, applied: int, line: str
) -> None:
    await crashed.cut_short(point)
    async with crashed.resumed() as session:
        await answer(session, word)
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)
        await session.idle()
        assert session.state.step("only.next").status is StepStatus.PENDING
    found, evidence = FOUND[point]
    assert (crashed.applied(), crashed.line) == (applied, line)
    said = crashed.resolved()
    assert (said.answer, said.by, said.found, said.evidence) == (
        Progress(word),
        getpass.getuser(),
        found,
        evidence,
    )
    assert said.against_check == (word != found.value)


async def test_a_step_taken_as_done_against_its_check_is_named_in_the_signal(
    crashed: Crashed,
) -> None:
    await crashed.cut_short(HALF)
    async with crashed.resumed() as session:
        await answer(session, "done")
        await session.run()
        await session.until(lambda: session.state.nothing_left)
        signal = build_signal(session.state, crashed.world.plan, session.state.at)
    (said,) = signal.overrides
    assert "AGAINST its check, which found it partly done: half a line" in said
    assert "Taken as done without its check" in signal_markdown(signal)


async def test_its_check_is_asked_again_as_often_as_somebody_wants(crashed: Crashed) -> None:
    await crashed.cut_short(HALF)
    spoil(crashed)
    async with crashed.resumed() as session:
        await session.until(lambda: examined(session.state))
        found = session.state.step(STEP).examined
        assert found is not None
        assert found.words.startswith("its check could not run: UnicodeDecodeError")
        for text_now, progress in (("zero\none", Progress.PARTLY), (ONCE, Progress.DONE)):
            (crashed.world.root / "base.txt").write_text(text_now)
            await session.run(auto=False)
            await session.until(lambda: session.state.pause_reason)
            found = session.state.step(STEP).examined
            assert found is not None
            assert found.progress is progress
        assert session.state.step(STEP).status is StepStatus.UNKNOWN


async def test_every_new_engine_asks_its_check_anew(crashed: Crashed) -> None:
    await crashed.cut_short(HALF)
    async with crashed.resumed() as session:
        await session.until(lambda: examined(session.state))
    (crashed.world.root / "base.txt").write_text(ONCE)
    async with crashed.resumed() as session:
        await session.until(lambda: found_by_its_check(session.state) is Progress.DONE)


async def test_captures_that_can_not_be_restored_leave_it_unknown_and_examined_again(
    crashed: Crashed,
) -> None:
    await crashed.cut_short(HALF)
    async with crashed.resumed() as session:
        (capture,) = [c for c in session.state.items["only"].captures if c.step == STEP]
        stored = crashed.world.folder / capture.path
        sound = stored.read_bytes()
        stored.write_bytes(b"rubbish")
        await answer(session, "partly")
        await session.until(lambda: session.state.pause_reason and examined(session.state))
        assert "can't be undone" in session.state.step(STEP).error
        stored.write_bytes(sound)
        assert await session.send(cmd.ResolveUnknown, step=STEP, answer="partly") == ""
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)
    assert crashed.line == ONCE


@pytest.mark.parametrize(
    "point",
    [
        "after:CommandAccepted+UnknownResolved+RunRequested",
        "before:CaptureRestored",
        "restored:only:base.txt",
        "before:StepReset",
    ],
)
async def test_a_new_engine_goes_on_undoing_what_a_person_said_is_partly_done(
    crashed: Crashed, point: str
) -> None:
    await crashed.cut_short(HALF)
    await crashed.die(point, cmd.ResolveUnknown, examined, step=STEP, answer="partly")
    async with crashed.resumed() as session:
        await session.until(lambda: session.state.step(STEP).status is StepStatus.PENDING)
        assert crashed.line == "zero\n"
        await session.run(auto=False)
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)
    assert crashed.line == ONCE
    assert crashed.resolved().answer is Progress.PARTLY


@pytest.mark.parametrize("point", FOUND)
@pytest.mark.parametrize("policy", ["check", ""])
async def test_unattended_the_check_decides(crashed: Crashed, point: str, policy: str) -> None:
    await crashed.cut_short(point)
    async with crashed.resumed() as session:
        await session.run(unattended=True, unknown=policy)
        await session.until(lambda: session.state.items["only"].status is ItemStatus.SUCCEEDED)
    assert crashed.line == ONCE
    assert crashed.applied() == (2 if point == HALF else 1)


async def test_the_policy_retry_runs_it_again_whatever_its_check_finds(crashed: Crashed) -> None:
    await crashed.cut_short(APPLIED)
    async with crashed.resumed() as session:
        await session.run(unattended=True, unknown="retry")
        await session.until(lambda: session.state.items["only"].status is ItemStatus.SUCCEEDED)
    assert (crashed.applied(), crashed.line) == (2, f"{ONCE}one\n")


async def test_the_policy_rollback_undoes_the_item(crashed: Crashed) -> None:
    await crashed.cut_short(APPLIED)
    async with crashed.resumed() as session:
        await session.run(unattended=True, unknown="rollback")
        await session.until(lambda: session.state.items["only"].status is ItemStatus.ROLLED_BACK)
    assert crashed.line == "zero\n"


@pytest.mark.parametrize(("unattended", "spoilt"), [(True, True), (False, False)])
async def test_without_a_verdict_or_a_policy_it_is_left_to_a_person(
    crashed: Crashed, unattended: bool, spoilt: bool
) -> None:
    await crashed.cut_short(HALF)
    if spoilt:
        spoil(crashed)
    async with crashed.resumed() as session:
        await session.run(unattended=unattended)
        await session.until(lambda: session.state.pause_reason)
        assert session.state.step(STEP).status is StepStatus.UNKNOWN
        assert "its check" in session.state.pause_reason
    assert crashed.applied() == 1


@pytest.mark.parametrize(
    ("point", "first"),
    [
        (APPLIED, "▌1 It is done  take it as succeeded; so its check finds"),
        (HALF, "▌1 It is partly done  restore 1 capture, run again; so its check finds"),
        (NOT_BEGUN, "▌1 It is not done  run it again as it is; so its check finds"),
    ],
)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_on_the_screen_a_person_sees_the_evidence_and_follows_the_check_by_enter(
    crashed: Crashed, point: str, first: str, size: tuple[int, int]
) -> None:
    await crashed.cut_short(point)
    found, evidence = FOUND[point]
    async with crashed.resumed() as session:
        app = RunbookApp(session.client, now=lambda: session.state.at)
        async with app.run_test(size=size) as pilot:
            await until_true(pilot, lambda: app.session_screen.panel.choices)
            await press(pilot, "enter")
            await until_shown(pilot, first)
            shown = text(pilot)
            assert f"Its check finds: {found.value.upper()}" in shown
            assert evidence in shown
            assert shown.count("; AGAINST its check") == 2
            await press(pilot, "enter")
            await until_shown(pilot, "next: 1.2 only.next")
    assert crashed.line == ONCE
    assert not crashed.resolved().against_check


async def test_on_the_screen_a_check_that_can_not_run_leaves_all_answers_open(
    crashed: Crashed,
) -> None:
    await crashed.cut_short(HALF)
    spoil(crashed)
    async with crashed.resumed() as session:
        app = RunbookApp(session.client, now=lambda: session.state.at)
        async with app.run_test(size=(120, 40)) as pilot:
            await until_shown(pilot, "Its check could not run: UnicodeDecodeError")
            shown = text(pilot)
            assert "AGAINST" not in shown
            for label in ("It is partly", "It is not", "It is done", "Ask its check again"):
                assert f"· {label}" in shown
            (crashed.world.root / "base.txt").write_text("zero\none")
            await press(pilot, "enter", "4")
            await until_shown(pilot, "Its check finds: PARTLY")

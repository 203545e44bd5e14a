"""What other programs of this kind got wrong: this screen on an engine that really works.

docs/trust.md lists the promises. Engine, journal, log store and captures are the real ones, on the
world of the engine's tests; only containers are missing.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from runbook_app.adapters.logs import SqliteLogReader
from runbook_app.adapters.threads import in_thread
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.clock import to_text
from runbook_app.domain.plan import Call, Item, Plan, Step
from runbook_app.domain.state import StepState, StepStatus
from runbook_app.domain.verdict import Overall, overall
from runbook_app.engine.client import SessionClient
from runbook_app.headless.summary import session_state, status_lines
from runbook_app.ports.action import Action, Run, check
from runbook_app.tui.app import RunbookApp
from runbook_app.tui.commands.all import SESSION_COMMANDS
from runbook_app.tui.view.node import Node, NodeKind
from runbook_app.tui.widgets.log_view import LogView
from tests.engine.world import PLAN, Actions, World, line, plan_of, step
from tests.engine.world import until as until_folded
from tests.tui.conftest import WIDE
from tests.tui.screen import notices, text

MANY = 300_000
PATIENCE = 60.0
LOOK = 0.01


@check
async def floods(run: Run, *, gate: str, lines: int, width: int) -> None:
    """Log so many short lines and one of 5 MB, then lines of a width until a file appears."""
    for first in range(0, lines, 10_000):
        block = (b"line %06d\n" % number for number in range(first, min(first + 10_000, lines)))
        run.recorder.output_bytes(b"".join(block))
        await asyncio.sleep(0)
    if lines:
        run.recorder.output_bytes(b"x" * 5_000_000 + b"\n")
    late = 0
    while not (run.folder / gate).exists():
        late += 1
        run.recorder.output_bytes(f"late {late:06d} {'.' * width}\n".encode())
        await asyncio.sleep(LOOK)


@check
async def fails(run: Run, *, gate: str) -> None:
    """Fail once a file is there."""
    while not (run.folder / gate).exists():
        await asyncio.sleep(LOOK)
    run.fail("the disk is gone", hint="Bring it back.")


@check
async def stubborn(run: Run, *, gate: str) -> None:
    """Block in a thread, which nothing can interrupt, until a file appears."""
    await in_thread(_until_there, run.folder / gate)


def _until_there(path: Path) -> None:
    while not path.exists():
        time.sleep(LOOK)


class More(Actions):
    def __init__(self) -> None:
        super().__init__()
        self._actions |= {action.name: action for action in (floods, fails, stubborn)}


def ours(step_id: str, action: Action, **parameters: object) -> Step:
    return Step(id=step_id, title=step_id, call=Call(action=action.name, parameters=parameters))


def failing(item: str, number: int) -> Item:
    return Item(
        id=item, number=number, title=item, steps=(ours(f"{item}.a", fails, gate="base.txt"),)
    )


@dataclass
class Seat:
    """Somebody at a screen whose engine works."""

    pilot: Pilot[int]
    client: SessionClient
    world: World
    engine: asyncio.Task[None]
    ahead: timedelta = field(default_factory=timedelta)
    """How far the screen's clock is put forward."""

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"never came true; the screen shows\n{text(self.pilot)}")
            await self.pilot.pause(LOOK)

    async def shown(self, words: str) -> None:
        await self.until(lambda: words in text(self.pilot))

    async def stands(self, step_id: str, status: StepStatus) -> None:
        await self.until(lambda: self.step(step_id).status is status)

    def step(self, step_id: str) -> StepState:
        return self.client.state.step(step_id)

    def open(self, gate: str) -> None:
        (self.world.root / gate).touch()

    @property
    def app(self) -> RunbookApp:
        assert isinstance(self.pilot.app, RunbookApp)
        return self.pilot.app

    @property
    def log(self) -> LogView:
        return self.app.session_screen.log_pane.view

    def told(self, *kinds: type) -> list[Any]:
        """Bodies of a kind in the journal, oldest first."""
        return [e.body for e in self.client._journal.read() if isinstance(e.body, kinds)]

    async def left(self) -> None:
        await self.until(lambda: not self.app.is_running)


Sit = Callable[..., AbstractAsyncContextManager[Seat]]


@pytest.fixture
def sit(tmp_path: Path) -> Sit:
    """Begin a session of a plan, with an engine, and open its screen."""

    @asynccontextmanager
    async def begin(plan: Plan, *, read_only: bool = False) -> AsyncIterator[Seat]:
        world = World(tmp_path, plan).make()
        world.registry = More()
        await world.begin()
        engine = asyncio.create_task(world.drive())
        client = world.client(read_only=read_only)
        await until_folded(client, lambda: client.state.epoch == 1)
        seats: list[Seat] = []

        def now() -> str:
            return to_text(datetime.now(UTC) + seats[0].ahead if seats else datetime.now(UTC))

        app = RunbookApp(client, now)
        try:
            async with app.run_test(size=WIDE, notifications=True) as pilot:
                seats.append(Seat(pilot, client, world, engine))
                await pilot.pause()
                yield seats[0]
        finally:
            for gate in ("gate", "second"):
                (world.root / gate).touch()
            if not engine.done():
                operator = world.client()
                await operator.send(cmd.Stop)
                operator.close()
            await engine
            client.close()

    return begin


def surfaces(seat: Seat) -> dict[str, str]:
    """What tells of a session beside its own screens."""
    client = seat.client
    return {
        "status": "\n".join(status_lines(client, client.state.at)),
        "home": session_state(client),
        "verdict": str(overall(client.state)),
    }


async def pages(seat: Seat) -> dict[str, str]:
    """The session screen and the pages beside it, as they are shown now."""
    found = {"session": text(seat.pilot)}
    for key in ("p", "t", "v"):
        await seat.press(key)
        await seat.until(lambda: seat.app.session_screen.page is not None)
        await seat.pilot.pause()
        found[key] = text(seat.pilot)
        await seat.press("escape")
        await seat.until(lambda: seat.app.session_screen.page is None)
    return found


# Logs


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_300000_lines_and_one_of_5_mb_freeze_nothing(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []
    lines = SqliteLogReader.lines

    def counting(self: SqliteLogReader, first: int, count: int):
        asked.append(count)
        return lines(self, first, count)

    monkeypatch.setattr(SqliteLogReader, "lines", counting)
    async with sit(plan_of(ours("only.a", floods, gate="gate", lines=MANY, width=80))) as seat:
        await seat.press("a", "l", "l")
        await seat.shown("late ")
        assert seat.log.rows.stored > MANY
        for key, words in (
            ("home", "line 000000"),
            ("end", "late "),
            ("pageup", "HELD"),
            ("w", "wrapped"),
            ("E", "NOT FOUND: errors"),
        ):
            await seat.press(key)
            await seat.shown(words)
        await seat.press("slash", *"e 123456", "enter")
        await seat.shown("line 123456")
        await seat.press("end", "ctrl+r", "slash", *["backspace"] * 8, *"x{900}$", "enter")
        await seat.shown("search /x{900}$/")
        await seat.until(lambda: seat.log.rows.search.searched > MANY)
        assert seat.step("only.a").status is StepStatus.RUNNING
    assert max(asked) < 4 * WIDE[1]


async def test_scrolled_up_the_place_holds_while_lines_arrive_to_the_side_too(sit: Sit):
    async with sit(plan_of(ours("only.a", floods, gate="gate", lines=0, width=400))) as seat:
        await seat.press("a", "l")
        await seat.until(lambda: seat.log.rows.stored > 2 * WIDE[1])
        await seat.press("pageup", "right", "right")
        await seat.until(lambda: seat.log.scroll_offset.x == 40)
        place, stored = seat.log.scroll_offset, seat.log.rows.stored
        seen = [seat.log.render_line(y).text for y in range(seat.log.size.height)]
        await seat.until(lambda: seat.log.rows.stored > stored + 100)
        await seat.shown("HELD")
        assert seat.log.scroll_offset == place
        assert [seat.log.render_line(y).text for y in range(seat.log.size.height)] == seen
        assert seat.step("only.a").status is StepStatus.RUNNING


# Failures


async def test_when_all_steps_have_failed_the_screen_stays(sit: Sit):
    plan = replace(PLAN, items=(failing("one", 1), failing("two", 2)))
    async with sit(plan) as seat:
        await seat.press("a")
        await seat.stands("one.a", StepStatus.FAILED)
        await seat.client.send(cmd.Run, auto=True, items=("two",))
        await seat.stands("two.a", StepStatus.FAILED)
        await seat.until(lambda: not seat.client.state.intent.active)
        assert {found.status for found in seat.client.state.steps()} == {StepStatus.FAILED}
        assert seat.app.is_running
        for key, words in (("t", "planned"), ("question_mark", "run next")):
            await seat.press(key)
            await seat.shown(words)
            await seat.press("escape")
        await seat.shown("· Retry")
        await seat.press("q")
        await seat.shown("Nothing is running.")


async def test_the_timer_stops_on_failure_and_the_failed_step_is_selected(sit: Sit):
    plan = plan_of(ours("only.a", fails, gate="gate"), step("only.b", "write", path="b", text="b"))
    async with sit(plan) as seat:
        await seat.press("a")
        await seat.stands("only.a", StepStatus.RUNNING)
        seat.ahead = timedelta(hours=3)
        await seat.until(lambda: "3:00:" in text(seat.pilot))
        await seat.press("l", "1", "home")
        assert seat.app.session_screen.plan_tree.node == Node(NodeKind.ITEM, "only")
        seat.ahead = timedelta()
        seat.open("gate")
        await seat.shown("· Retry")
        node = seat.app.session_screen.plan_tree.node
        assert node == Node(NodeKind.STEP, "only", "only.a")
        seat.ahead = timedelta(hours=5)
        seat.app.session_screen.show()
        await seat.pilot.pause()
        assert re.search(r"elapsed 5h", text(seat.pilot))
        assert "5:00:" not in text(seat.pilot)
        await seat.press("enter", "enter")
        await seat.until(lambda: seat.step("only.a").attempt == 2)


async def test_a_failed_state_shows_on_every_surface_at_once(sit: Sit):
    async with sit(plan_of(ours("only.a", fails, gate="gate"))) as seat:
        await seat.press("a")
        await seat.stands("only.a", StepStatus.RUNNING)
        seat.open("gate")
        await seat.until(lambda: "FAILED" in text(seat.pilot))
        header, _, banner, *body = text(seat.pilot).splitlines()
        assert "✗ FAILED" in header
        assert "1.1 only.a failed: the disk is gone" in banner
        tree, panel = ("\n".join(row[part] for row in body) for part in TREE_AND_PANEL)
        assert "✗" in tree
        assert "✗ FAILED" in panel
        told = surfaces(seat)
        assert told["home"] == "failed"
        assert "Item only: step only.a failed: the disk is gone" in told["status"]
        assert told["verdict"] == "INCOMPLETE"
        for page in (await pages(seat)).values():
            assert "failed" in page.lower()


TREE_AND_PANEL = (slice(0, 46), slice(46, None))


async def test_ten_failed_retries_never_advance(sit: Sit):
    plan = plan_of(step("only.a", "lie"), step("only.b", "write", path="b", text="b"))
    async with sit(plan) as seat:
        await seat.press("a")
        for attempt in range(1, 12):
            await seat.until(lambda done=attempt: len(seat.told(ev.StepFailed)) == done)  # type: ignore[misc]  # it can't infer a default's type
            await seat.stands("only.a", StepStatus.FAILED)
            assert seat.step("only.b").status is StepStatus.PENDING
            if attempt <= 10:
                await seat.shown("· Retry")
                await seat.press("enter", "1")
        await seat.until(lambda: not seat.client.state.intent.active)
        assert len(seat.told(ev.StepFailed)) == 11
        assert seat.told(ev.StepSucceeded) == []
        assert not (seat.world.root / "b").exists()


# Completeness


SAID = re.compile(r"\b(finished|completed?|Nothing is left)\b", re.IGNORECASE)


@pytest.mark.slow
async def test_nothing_says_complete_while_anything_runs(sit: Sit):
    plan = plan_of(
        step("only.a", "waits", gate="gate"), success=(line("met", "waits", gate="second"),)
    )
    async with sit(plan) as seat:

        async def nothing_says_so() -> None:
            for name, found in ((await pages(seat)) | surfaces(seat)).items():
                said = [row for row in found.splitlines() if SAID.search(row)]
                assert [row for row in said if not _promise(row)] == [], name

        await seat.press("a")
        await seat.stands("only.a", StepStatus.RUNNING)
        await nothing_says_so()
        seat.open("gate")
        await seat.stands("only.a", StepStatus.SUCCEEDED)
        await seat.shown("at: Success criteria of 1")
        await nothing_says_so()
        seat.open("second")
        await seat.shown("✓ finished")
        assert overall(seat.client.state) is Overall.COMPLETE
        (seat.world.root / "second").unlink()
        await seat.client.send(cmd.Recheck)
        await seat.shown("measuring the criteria again")
        await nothing_says_so()
        seat.open("second")
        await seat.shown("✓ finished")


def _promise(row: str) -> bool:
    """Tells of a time to come, or that it is not so."""
    return "INCOMPLETE" in row or "Estimated completion" in row


# Stopping


async def test_stop_never_retries_and_asks_once(sit: Sit):
    retried = replace(ours("only.a", fails, gate="gate"), retries=3)
    async with sit(plan_of(retried)) as seat:
        await seat.press("a")
        await seat.stands("only.a", StepStatus.RUNNING)
        await seat.press("q")
        await seat.shown("Stop the engine")
        await seat.press("2")
        await seat.until(lambda: seat.client.state.stop_requested)
        await seat.shown("Stopping when 1.1 only.a has ended")
        assert len(seat.app.screen_stack) == 1
        seat.open("gate")
        await seat.left()
        await seat.engine
        assert len(seat.told(cmd.Stop)) == 1
        assert len(seat.told(ev.StepStarted)) == 1
        (failed,) = seat.told(ev.StepFailed)
        assert failed.error == "the disk is gone"
        assert len(seat.told(ev.EngineStopped)) == 1
        assert seat.app.return_value == 0


async def test_it_says_so_when_a_running_action_can_not_be_interrupted(sit: Sit):
    async with sit(plan_of(ours("only.a", stubborn, gate="gate"))) as seat:
        await seat.press("a")
        await seat.stands("only.a", StepStatus.RUNNING)
        await seat.press("c")
        await seat.shown("1.1 only.a can't be interrupted: it runs until its work has ended")
        assert "It runs until its work has really ended." in text(seat.pilot)
        assert seat.step("only.a").status is StepStatus.RUNNING
        await seat.press("q")
        await seat.shown("it can't be interrupted; a stop waits for its end")
        await seat.press("escape")
        seat.open("gate")
        await seat.stands("only.a", StepStatus.FAILED)
        await seat.shown("cancelled by")


async def test_stop_works_while_waiting(sit: Sit):
    async with sit(PLAN) as seat:
        await seat.press("a")
        await seat.shown("▶ Ready to begin")
        await seat.press("escape", "q")
        await seat.shown("A question is open")
        await seat.press("2")
        await seat.left()
        await seat.engine
        assert seat.app.return_value == 0
        assert len(seat.told(ev.QuestionWithdrawn)) == 1
        assert len(seat.told(ev.EngineStopped)) == 1


# Questions


async def test_an_answer_given_while_the_run_is_pausing_is_kept(sit: Sit):
    plan = plan_of(
        step("only.a", "asks", text="Which one?"), step("only.b", "write", path="b", text="b")
    )
    async with sit(plan) as seat:
        await seat.press("a")
        await seat.shown("Which one?")
        await seat.until(lambda: len(seat.app.screen_stack) == 2)
        await seat.press("escape", "space")
        await seat.until(lambda: seat.client.state.pause_reason)
        await seat.press("enter")
        await seat.until(lambda: len(seat.app.screen_stack) == 2)
        await seat.press("down", "enter")
        await seat.stands("only.a", StepStatus.SUCCEEDED)
        assert seat.step("only.a").outputs == {"answer": "red"}
        assert seat.step("only.b").status is StepStatus.PENDING
        await seat.shown("paused by")
        await seat.press("a")
        await seat.stands("only.b", StepStatus.SUCCEEDED)
        assert len(seat.told(ev.QuestionAsked)) == len(seat.told(ev.QuestionAnswered)) == 1


async def test_a_prompt_inside_an_action_is_shown_and_recorded(sit: Sit):
    async with sit(plan_of(step("only.a", "asks", text="Which one?"))) as seat:
        await seat.press("a")
        await seat.until(lambda: len(seat.app.screen_stack) == 2)
        await seat.shown("Which one?")
        await seat.press("enter")
        await seat.stands("only.a", StepStatus.SUCCEEDED)
        await seat.shown("answer = blue")
        (asked,), (answered,) = seat.told(ev.QuestionAsked), seat.told(ev.QuestionAnswered)
        assert (asked.text, asked.step) == ("Which one?", "only.a")
        assert (answered.id, answered.answer) == (asked.id, "blue")


async def test_a_program_that_prompts_is_shown_and_never_hangs(sit: Sit):
    script = (
        "printf 'Password: '; read -r word || echo 'nobody answers';"
        " printf 'At the terminal: '; read -r word </dev/tty || echo 'there is none'"
    )
    async with sit(plan_of(step("only.a", "child", argv=["sh", "-c", script]))) as seat:
        await seat.press("a", "l")
        await seat.stands("only.a", StepStatus.SUCCEEDED)
        await seat.shown("Password: nobody answers")
        await seat.shown("At the terminal:")


# Observers


async def test_a_read_only_observer_can_trigger_no_verb(sit: Sit):
    plan = replace(PLAN, items=(failing("one", 1), *PLAN.items))
    async with sit(plan, read_only=True) as seat:
        operator = seat.world.client()
        await operator.send(cmd.Run, auto=True)
        operator.close()
        await seat.stands("one.a", StepStatus.FAILED)
        await seat.until(lambda: not seat.client.state.commands)
        sent, files = seat.told(cmd.Command), sorted(seat.world.folder.rglob("*"))
        tried = {command.key for command in SESSION_COMMANDS if command.drives} - {"q"}
        for key in sorted(tried):
            await seat.press("1", key)
            assert "read-only" in notices(seat.pilot), key
            seat.app.clear_notifications()
            assert len(seat.app.screen_stack) == 1, key
        verbs = {f"({command.key})" for command in SESSION_COMMANDS if command.drives} - {"(n)"}
        offered = seat.app.get_system_commands(seat.app.screen)
        found = [command for command in offered if command.title.rpartition(" ")[2] in verbs]
        assert [command for command in found if "read-only" not in command.help] == []
        await seat.pilot.pause()
        assert seat.told(cmd.Command) == sent
        assert sorted(seat.world.folder.rglob("*")) == files

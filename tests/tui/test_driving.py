"""Keys of the session screen, and the commands they send."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest
from msgspec.structs import replace
from textual.command import Command, CommandList
from textual.pilot import Pilot

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.errors import JournalError, LockedError
from runbook_app.domain.plan import Plan
from runbook_app.testing.session import FakeSession
from runbook_app.tui import commands
from runbook_app.tui.commands.all import SESSION_COMMANDS
from runbook_app.tui.commands.base import UserCommand
from runbook_app.tui.commands.replay import InReplay
from runbook_app.tui.pages import PAGES
from runbook_app.tui.screens.choose import ChooseDialog
from runbook_app.tui.screens.session import SessionScreen
from runbook_app.tui.screens.text import TextDialog
from runbook_app.tui.styled import StyledApp
from runbook_app.tui.view.node import Node, NodeKind
from tests.domain.story import SCORED, Story
from tests.tui import stage
from tests.tui.conftest import Open
from tests.tui.screen import (
    nothing_sent,
    notices,
    press,
    sent,
    session_screen,
    text,
    until,
    until_shown,
)


async def test_enter_runs_the_next_unit(session: FakeSession, opened: Open):
    stage.started(session)
    async with opened(session) as pilot:
        await press(pilot, "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.Run)
    assert not command.auto


async def test_a_runs_by_itself(session: FakeSession, opened: Open):
    stage.started(session)
    async with opened(session) as pilot:
        await press(pilot, "a")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.Run)
    assert command.auto


async def test_space_pauses_what_goes_on_by_itself(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        await press(pilot, "space")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.Pause)


async def test_space_says_why_when_nothing_goes_on(session: FakeSession, opened: Open):
    stage.started(session)
    async with opened(session) as pilot:
        await press(pilot, "space")
        await nothing_sent(pilot, session)
        assert "nothing to pause" in notices(pilot)


async def test_enter_sends_nothing_while_a_step_runs(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        await press(pilot, "enter")
        await nothing_sent(pilot, session)


async def test_r_rolls_the_selected_item_back_at_once(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        assert "r restores 2 TLS/HTTPS enforcement" in text(pilot)
        assert "docker-compose.staging.yml, nginx/nginx.conf" in text(pilot)
        await press(pilot, "r")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.RollBackItem)
    assert command.item == "tls"


async def test_r_sends_nothing_for_an_item_without_captures(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        await press(pilot, "home", "r")
        await nothing_sent(pilot, session)
        assert "nothing to roll back" in notices(pilot)


async def test_a_rejection_is_shown_with_its_reason(session: FakeSession, opened: Open):
    stage.tls_running(session)
    session.answer = lambda command: "Item tls can't be rolled back alone: [b]secrets[/b]."
    async with opened(session) as pilot:
        await press(pilot, "r")
        await until(pilot, lambda: "was rejected" in notices(pilot))
        assert "RollBackItem was rejected: Item tls can't be rolled back alone" in notices(pilot)
        await until_shown(pilot, "[b]secrets[/b]")


async def test_c_cancels_the_running_step(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        await press(pilot, "c")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.CancelStep)


async def test_a_note_is_about_what_is_selected(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        await press(pilot, "n")
        await until_shown(pilot, "What should the record say?")
        await press(pilot, *"slow", "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AddNote)
    assert (command.text, command.item, command.step) == ("slow", "tls", "tls.test")


async def test_a_blocker_is_raised_and_cleared(session: FakeSession, opened: Open):
    stage.started(session)
    async with opened(session) as pilot:
        await press(pilot, "b")
        await until_shown(pilot, "What blocks the work?")
        await press(pilot, *"dns", "enter")
        command = await sent(pilot, session)
        assert isinstance(command, cmd.RaiseBlocker)
        session.emit(ev.BlockerRaised(id="b1", text="dns", by="op", item="headers"))
        await until_shown(pilot, "blocked: dns")
        await press(pilot, "B")
        cleared = await sent(pilot, session, 2)
    assert isinstance(cleared, cmd.ClearBlocker)
    assert cleared.blocker == "b1"


ALL_COMMANDS = (*SESSION_COMMANDS, *(c for kind in PAGES for c in kind.commands))


def command_classes() -> set[type[UserCommand]]:
    """Every class of a command that has a key, in any module of them."""
    found: set[type[UserCommand]] = set()
    for module in pkgutil.walk_packages(commands.__path__, f"{commands.__name__}."):
        for kind in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(kind) and issubclass(kind, UserCommand) and hasattr(kind, "key"):
                found.add(kind)
    return found


def test_every_command_can_be_given_on_the_session_screen_or_a_page():
    assert command_classes() == {type(command) for command in ALL_COMMANDS}


DRIVING = sorted({command.key for command in ALL_COMMANDS if command.drives})


@pytest.mark.parametrize("key", DRIVING)
async def test_an_observer_can_send_nothing(session: FakeSession, opened: Open, key: str):
    session.read_only = True
    stage.tls_failed(session)
    async with opened(session) as pilot:
        assert "read-only" in text(pilot)
        await press(pilot, key)
        await nothing_sent(pilot, session)
        assert "read-only" in notices(pilot)
        assert session.engines_started == session.exports == 0
        assert session.by_hand.went == []
        assert len(pilot.app.screen_stack) == 1


@pytest.mark.parametrize(
    "command",
    {type(c): c for c in ALL_COMMANDS if not (c.drives or isinstance(c, InReplay))}.values(),
    ids=lambda command: type(command).__name__,
)
async def test_a_command_that_an_observer_has_sends_nothing_whoever_gives_it(
    session: FakeSession, opened: Open, command: UserCommand, monkeypatch: pytest.MonkeyPatch
):
    """It does not say that it drives, and then nothing else keeps an observer from giving it."""
    monkeypatch.setattr(StyledApp, "has_terminal", True)
    stage.fill_log(stage.tls_failed(session))
    session.alive = False
    async with opened(session) as pilot:
        await press(pilot, "l")
        session_screen(pilot).give(command)
        while any(worker.group == "commands" for worker in pilot.app.workers):
            await _answer(pilot)
        await nothing_sent(pilot, session)
        assert session.engines_started == session.exports == 0


async def _answer(pilot: Pilot[int]) -> None:
    """Say something where a text is asked for, and take the first of what may be chosen."""
    match pilot.app.screen:
        case SessionScreen():
            await pilot.pause(0.01)
        case TextDialog():
            await press(pilot, "1", "enter")
        case ChooseDialog():
            await press(pilot, "enter")
        case _:
            await press(pilot, "escape")


async def test_an_observer_gets_no_failure_menu_to_choose_from(session: FakeSession, opened: Open):
    session.read_only = True
    stage.tls_failed(session)
    async with opened(session) as pilot:
        await press(pilot, "2", "tab", "shift+tab")
        session_screen(pilot).panel.focus_menu()
        await press(pilot, "enter")
        await nothing_sent(pilot, session)
        assert "read-only" in notices(pilot)


async def test_a_dead_engine_is_shown_and_e_starts_a_new_one(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        session.alive = False
        await until_shown(pilot, "ENGINE DEAD")
        assert "engine ✗ DEAD" in text(pilot)
        assert "INTERRUPTED" in text(pilot)
        await press(pilot, "c")
        await nothing_sent(pilot, session)
        await press(pilot, "e")
        await until(pilot, lambda: session.engines_started == 1)
        await until_shown(pilot, "engine ● alive")
        assert "ENGINE DEAD" not in text(pilot)


EDITED = "-      title: Test HTTPS\n+      title: Test HTTPS again"


def retitled(session: FakeSession) -> Plan:
    first, *rest = session.plan.items
    return replace(session.plan, items=(replace(first, title="Headers, as edited"), *rest))


async def test_an_edited_plan_is_shown_and_no_engine_starts_before_it_is_accepted(
    session: FakeSession, opened: Open
):
    stage.tls_running(session)
    session.alive = False
    session.edited, session.edited_plan = EDITED, retitled(session)
    async with opened(session) as pilot:
        await press(pilot, "e")
        await until_shown(pilot, "plan.yaml was edited since this session began")
        for row in EDITED.splitlines():
            assert row in text(pilot)
        await press(pilot, "enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        assert session.engines_started == 0
        assert "Headers, as edited" not in text(pilot)


async def test_an_edited_plan_is_asked_about_again_when_it_is_another_by_then_and_shown_anew(
    session: FakeSession, opened: Open
):
    stage.tls_running(session)
    session.alive = False
    session.edited, session.edited_plan = EDITED, retitled(session)
    async with opened(session) as pilot:
        await press(pilot, "e")
        await until_shown(pilot, "+      title: Test HTTPS again")
        session.edited = "+ something else"
        await press(pilot, "2")
        await until_shown(pilot, "+ something else")
        await press(pilot, "2")
        await until_shown(pilot, "Headers, as edited")
        await until_shown(pilot, "engine ● alive")
        assert session.engines_started == 1
        session.emit(ev.NoteAdded(text="heard of", by="op"))
        await until(pilot, lambda: "heard of" in [n.text for n in session.state.notes])


async def test_why_no_engine_starts_with_an_accepted_plan_is_shown_above_the_new_one(
    session: FakeSession, opened: Open
):
    stage.tls_running(session)
    session.alive = False
    session.edited, session.edited_plan = EDITED, retitled(session)
    session.engine_failure = LockedError("host-b drives this target since 09:01.")
    async with opened(session) as pilot:
        await press(pilot, "e")
        await until_shown(pilot, "Go on with the edited plan")
        await press(pilot, "2")
        await until_shown(pilot, "host-b drives this target")
        await press(pilot, "enter")
        await until_shown(pilot, "Headers, as edited")


async def test_a_lock_held_elsewhere_is_shown_until_it_is_dismissed(
    session: FakeSession, opened: Open
):
    stage.tls_running(session)
    session.alive = False
    session.engine_failure = LockedError("host-b drives this target since 09:01.")
    async with opened(session) as pilot:
        await press(pilot, "e")
        await until_shown(pilot, "host-b drives this target")
        assert "host-b" not in notices(pilot)
        await press(pilot, "enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        assert "ENGINE DEAD" in text(pilot)


async def test_a_new_session_gets_its_engine_without_a_key(session: FakeSession, opened: Open):
    session.alive = False
    async with opened(session) as pilot:
        await until(pilot, lambda: session.engines_started == 1)


async def test_a_stopped_session_is_not_started_by_looking_at_it(
    session: FakeSession, opened: Open
):
    stage.started(session)
    session.emit(ev.EngineStopped(epoch=1, reason="stopped by the operator"))
    session.alive = False
    async with opened(session) as pilot:
        assert "engine ■ stopped" in text(pilot)
        assert session.engines_started == 0


async def test_an_unreadable_journal_is_shown_until_it_can_be_read(
    session: FakeSession, opened: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("runbook_app.tui.feed.PATIENCE", 0.5)
    stage.started(session)
    async with opened(session) as pilot:
        session.failure = JournalError("The journal can't be read: disk I/O error.")
        session.emit(ev.NoteAdded(text="one", by="op"))
        await until_shown(pilot, "disk I/O error")
        await until(pilot, lambda: "disk I/O error" not in text(pilot))
        session.emit(ev.NoteAdded(text="two", by="op", item="headers", step="headers.measure"))
        await until_shown(pilot, "two")


async def test_an_escaped_exception_is_shown_and_the_screen_goes_on(
    session: FakeSession, opened: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("runbook_app.tui.feed.PATIENCE", 0.5)
    stage.started(session)
    async with opened(session) as pilot:
        session.failure = KeyError("surprise")
        session.emit(ev.NoteAdded(text="one", by="op"))
        await until_shown(pilot, "This screen has a fault: KeyError: 'surprise'")
        session.emit(ev.NoteAdded(text="two", by="op", item="headers", step="headers.measure"))
        await until_shown(pilot, "two")
        assert "fault" not in text(pilot)


async def test_q_detaches_and_leaves_the_engine_alone(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        await press(pilot, "q")
        await until_shown(pilot, "A stop waits until it has ended")
        await press(pilot, "enter")
        await until(pilot, lambda: not pilot.app.is_running)
        assert pilot.app.return_value == 0
    assert session.sent == []


async def test_stop_waits_for_the_engine_and_then_leaves(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        await press(pilot, "q")
        await until_shown(pilot, "Stop the engine")
        await press(pilot, "2")
        command = await sent(pilot, session)
        assert isinstance(command, cmd.Stop)
        assert pilot.app.is_running
        session.emit(ev.EngineStopped(epoch=1, reason="asked to"))
        await until(pilot, lambda: not pilot.app.is_running)


async def test_q_does_not_ask_again_once_a_stop_is_under_way(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        sent_id = await session.send(cmd.Stop, reason="stopped elsewhere")
        session.emit(ev.CommandAccepted(command=sent_id))
        await until_shown(pilot, "Stopping when")
        await press(pilot, "q")
        await until(pilot, lambda: not pilot.app.is_running)
        assert len(session.sent) == 1


async def test_the_selection_goes_along_with_the_work(session: FakeSession, opened: Open):
    stage.headers_done(stage.started(session))
    async with opened(session) as pilot:
        assert "Checkpoint of item 2" in text(pilot)
        await press(pilot, "home")
        assert "Item 1 · API security headers" in text(pilot)
        stage.checkpoint_open(session)
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        await press(pilot, "escape")
        assert "Item 1 · API security headers" in text(pilot)
        await press(pilot, "full_stop")
        assert "Checkpoint of item 2" in text(pilot)


async def test_a_failure_takes_the_selection(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        await press(pilot, "home")
        session.emit(ev.StepFailed(item="tls", step="tls.test", error="502 instead of 200"))
        await until_shown(pilot, "Step 2.4 · Test HTTPS access and redirects ✗ FAILED")
        shown = text(pilot)
    assert shown.count("FAILED") >= 3, shown
    assert "2.4 Test HTTPS access and redirects failed: 502 instead of 200" in shown


async def test_the_palette_has_every_command_and_says_why_one_can_t_be_given_now(
    session: FakeSession, opened: Open
):
    stage.tls_running(session)
    async with opened(session) as pilot:
        offered = [*pilot.app.get_system_commands(pilot.app.screen)]
        situation = session_screen(pilot).situation()
        refused = next(found for found in offered if found.title == "run next (enter)")
        refused.callback()
        await until(pilot, lambda: "Work is under way." in notices(pilot))
    every = [c for c in SESSION_COMMANDS if c.listed(situation)]
    titles = [found.title for found in offered]
    assert {f"{c.label_in(situation)} ({c.key})" for c in every} <= set(titles)
    assert titles.index("pause (space)") < titles.index("run next (enter)")
    assert refused.help == "not now: Work is under way."
    assert session.sent == []


async def test_the_palette_shows_first_what_can_be_given_now(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        offered = [found.title for found in pilot.app.get_system_commands(pilot.app.screen)]
        await press(pilot, "ctrl+p")
        shown = pilot.app.screen.query_one(CommandList)
        await until(pilot, lambda: shown.option_count == len(offered))
        hits = [option.hit for option in shown.options if isinstance(option, Command)]
        assert [hit.text for hit in hits] == offered


async def test_what_was_done_stays_selected_while_the_work_rests(
    session: FakeSession, opened: Open
):
    stage.started(session)
    session.emit(
        ev.RunRequested(auto=False),
        ev.StepStarted(item="headers", step="headers.measure", attempt=1, parameters={}),
    )
    async with opened(session) as pilot:
        await until_shown(pilot, "Measure the eight headers ● running")
        session.emit(ev.StepSucceeded(item="headers", step="headers.measure", evidence="8 of 8"))
        await until_shown(pilot, "8 of 8")
        assert "next: Success criteria of 1" in text(pilot)
        session.emit(ev.RunRequested(auto=False))
        await until_shown(pilot, "Success criteria of item 1")


async def test_a_fault_in_drawing_is_shown_and_passes(
    session: FakeSession, opened: Open, monkeypatch: pytest.MonkeyPatch
):
    stage.started(session)
    async with opened(session) as pilot:
        with monkeypatch.context() as broken:
            broken.setattr("runbook_app.tui.view.panel.body", _broken)
            session.emit(ev.NoteAdded(text="one", by="op"))
            await until_shown(pilot, "This screen has a fault: ValueError: no such thing")
        session.emit(ev.NoteAdded(text="two", by="op", item="headers", step="headers.measure"))
        await until_shown(pilot, "two")
        assert "fault" not in text(pilot)


def _broken(*_given: object, **_named: object) -> None:
    raise ValueError("no such thing")


async def test_x_exports_the_signal_also_without_an_engine(session: FakeSession, opened: Open):
    stage.started(session)
    session.alive = False
    async with opened(session) as pilot:
        await press(pilot, "x")
        await until(pilot, lambda: session.exports == 1)
        await until(pilot, lambda: "INCOMPLETE: " in notices(pilot))
        assert f"runbook verify {session.folder}/signal.json" in notices(pilot)


async def test_x_exports_nothing_for_an_observer(session: FakeSession, opened: Open):
    stage.started(session)
    session.read_only = True
    async with opened(session) as pilot:
        await press(pilot, "x")
        await until(pilot, lambda: "read-only" in notices(pilot))
    assert session.exports == 0


async def test_m_measures_the_score_and_capital_s_shows_it(opened: Open):
    scored = FakeSession(SCORED)
    stage.started(scored)
    async with opened(scored) as pilot:
        await press(pilot, "m")
        assert isinstance(await sent(pilot, scored), cmd.MeasureScore)
        await press(pilot, "S")
        await until_shown(pilot, "not looked at yet")
        entries = Story(SCORED).score("before", 1).entries[2:]
        scored.emit(*(entry.body for entry in entries))
        await until_shown(pilot, "seen 0")
        await press(pilot, "escape")
        await until_shown(pilot, "score 25 → target 95")


async def test_a_measurement_of_the_score_can_be_cancelled(opened: Open):
    scored = FakeSession(SCORED)
    stage.started(scored)
    scored.emit(ev.ScoreStarted(id="m", moment="before", by="the plan"))
    async with opened(scored) as pilot:
        await until_shown(pilot, "score 0/4 checks so far")
        await press(pilot, "c")
        assert isinstance(await sent(pilot, scored), cmd.CancelStep)


def tls_rolled_back(session: FakeSession) -> FakeSession:
    stage.tls_running(session)
    session.emit(
        ev.StepSucceeded(item="tls", step="tls.test"),
        ev.RollbackStarted(item="tls", by="op", reason=""),
        ev.RollbackFinished(item="tls", proven=True),
    )
    return session


async def test_capital_a_runs_a_rolled_back_item_again(session: FakeSession, opened: Open):
    tls_rolled_back(session)
    async with opened(session) as pilot:
        session_screen(pilot).plan_tree.select(Node(NodeKind.ITEM, "tls"))
        session_screen(pilot).show()
        await until_shown(pilot, "A run 2 again")
        await press(pilot, "A")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.RunItem)
    assert command.item == "tls"


async def test_capital_a_says_why_an_item_is_not_run(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        await press(pilot, "A")
        await nothing_sent(pilot, session)
        assert "Work is under way" in notices(pilot)

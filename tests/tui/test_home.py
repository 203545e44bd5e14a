"""The home screen: what it lists, how it begins and resumes, and what it returns."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from runbook_app.domain.errors import LockedError, Mistake, PlanError
from runbook_app.domain.plan import Position
from runbook_app.tui.commands.home import HOME_COMMANDS
from runbook_app.tui.screens.home import HomeApp
from runbook_app.tui.view.home import DAMAGED, HomeChoice, Start
from tests.tui.desk import ASKING, PLAN, RUNNING, SESSION, SMALL, FakeDesk
from tests.tui.screen import press, text, until, until_shown


async def chosen(desk: FakeDesk, *keys: str, shown: str = "") -> HomeChoice | None:
    """What the home screen returns after these keys."""
    app = HomeApp(desk)
    async with app.run_test(size=SMALL) as pilot:
        await until_shown(pilot, shown or ("INTERRUPTED" if desk.read else "start"))
        await press(pilot, *keys)
        await until(pilot, lambda: not app.is_running)
    return app.return_value


def notices(pilot: Pilot[HomeChoice]) -> str:
    return "\n".join(notice.message for notice in pilot.app._notifications)


async def test_a_session_has_its_state_target_progress_last_event_and_what_stands_in_the_way():
    async with HomeApp(FakeDesk([SESSION])).run_test(size=SMALL) as pilot:
        await until_shown(pilot, "INTERRUPTED  4/17  2025-10-24 09:12")
        assert "✗ Phase 1  /srv/staging" in text(pilot)
        for words in ("ENGINE DEAD, nothing runs", "4 of 17 items", "2025-10-24 09:12:00 UTC"):
            assert words in text(pilot)
        assert "+ Phase 1  phase1.yaml" in text(pilot)
        await press(pilot, "down")
        await until_shown(pilot, "plans/phase1.yaml")
        assert "ENGINE DEAD" not in text(pilot)


async def test_records_are_read_beside_the_screen_which_goes_on_meanwhile():
    desk = FakeDesk([SESSION])
    desk.readable.clear()
    async with HomeApp(desk).run_test(size=SMALL) as pilot:
        assert "… Phase 1  /srv/staging" in text(pilot)
        await press(pilot, "down")
        await until_shown(pilot, "plans/phase1.yaml")
        desk.readable.set()
        await until_shown(pilot, "INTERRUPTED  4/17")
        assert "plans/phase1.yaml" in text(pilot)


async def test_what_changes_is_shown_and_the_cursor_stays_on_what_it_was_on(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("runbook_app.tui.looker.ROUND", 0.01)
    desk = FakeDesk([SESSION])
    async with HomeApp(desk).run_test(size=SMALL) as pilot:
        await until_shown(pilot, "INTERRUPTED")
        await press(pilot, "down")
        desk.read = {"s2": RUNNING, "s1": replace(SESSION, shown=DAMAGED)}
        await until_shown(pilot, "● Phase 1")
        await until_shown(pilot, "CAN'T BE READ")
        assert "▌+ Phase 1" in text(pilot)


async def test_a_session_is_attached_to():
    assert await chosen(FakeDesk([SESSION]), "enter") == HomeChoice(session="s1")


async def test_a_session_is_watched_read_only():
    assert await chosen(FakeDesk([SESSION]), "w") == HomeChoice(session="s1", read_only=True)


async def test_a_session_is_told_again_and_a_plan_can_t_be():
    desk = FakeDesk([SESSION])
    assert await chosen(desk, "down", "v", "up", "v") == HomeChoice(session="s1", replay=True)


async def test_an_interrupted_session_is_resumed_with_a_new_engine():
    desk = FakeDesk([SESSION])
    assert await chosen(desk, "e") == HomeChoice(session="s1")
    assert desk.resumed == ["s1"]


async def test_why_a_session_can_t_be_resumed_is_shown_until_it_is_dismissed_and_home_stays():
    desk = FakeDesk([RUNNING, SESSION])
    desk.refusal = LockedError("Session s9 drives /srv/staging.", hint="Wait for it, or attach.")
    app = HomeApp(desk)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await until_shown(pilot, "INTERRUPTED")
        await press(pilot, "e")
        assert "It is running: there is nothing to resume." in notices(pilot)
        await press(pilot, "down", "e")
        await until_shown(pilot, "Session s9 drives /srv/staging.")
        assert "Wait for it, or attach." in text(pilot)
        assert "s9" not in notices(pilot)
        await press(pilot, "enter")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert app.is_running
    assert desk.resumed == []


EDITED = "-      - {id: second, title: Find it}\n+      - {id: second, title: Find it again}"


async def test_lines_of_a_plan_that_were_edited_are_shown_and_gone_on_with_when_accepted():
    desk = FakeDesk([SESSION])
    desk.edited = [EDITED]
    app = HomeApp(desk)
    async with app.run_test(size=SMALL) as pilot:
        await until_shown(pilot, "INTERRUPTED")
        await press(pilot, "e")
        await until_shown(pilot, "phase1.yaml was edited since this session began")
        for row in EDITED.splitlines():
            assert row in text(pilot)
        await press(pilot, "enter")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert (app.is_running, desk.resumed) == (True, [])
        await press(pilot, "e")
        await until_shown(pilot, "Go on with the edited plan")
        desk.edited = ["+ something else"]
        await press(pilot, "2")
        await until_shown(pilot, "+ something else")
        await press(pilot, "2")
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == HomeChoice(session="s1")
    assert desk.resumed == ["s1"]


async def test_a_plan_is_started_on_a_target():
    desk = FakeDesk([SESSION])
    app = HomeApp(desk)
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "down", "enter")
        await until_shown(pilot, "Target: the folder of the project")
        await press(pilot, "end", *"-2", "enter")
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == HomeChoice(session="new")
    assert desk.begun == [Start(plan=PLAN.path, target="/srv/staging-2")]


async def test_starting_asks_for_variables_window_and_whom_to_seal_to():
    desk = FakeDesk()
    app = HomeApp(desk)
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "enter")
        await until_shown(pilot, "Seal secrets to")
        await press(pilot, "tab", *"a=b c=d", "tab", *"me.pub", "tab", *"now", "enter")
        await until(pilot, lambda: not app.is_running)
    assert desk.begun == [
        Start(
            plan=PLAN.path,
            target="/srv/staging",
            settings="a=b c=d",
            seal_to="me.pub",
            window_from_now=True,
        )
    ]


async def test_what_the_plan_asks_is_one_form_with_its_defaults_judged_in_place():
    desk = FakeDesk(plans=[ASKING])
    app = HomeApp(desk)
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "enter")
        await until_shown(pilot, "Seal secrets to")
        await press(pilot, "enter")
        await until_shown(pilot, "How deep?")
        assert "region, one of eu, us" in text(pilot)
        await press(pilot, "end", "x", "enter")
        await until_shown(pilot, "'eux' is not one of eu, us.")
        await press(pilot, "backspace", "backspace", "backspace", *"us")
        await until(pilot, lambda: "is not one of" not in text(pilot))
        await press(pilot, "enter", *"many", "enter")
        await until_shown(pilot, "'many' is not a whole number.")
        assert desk.begun == []
        await press(pilot, *["backspace"] * 4, "3", "enter")
        await until(pilot, lambda: not app.is_running)
    assert [start.answers for start in desk.begun] == [{"region": "us", "depth": "3"}]


async def test_leaving_the_questions_begins_nothing_and_goes_back_to_the_start():
    desk = FakeDesk(plans=[ASKING])
    app = HomeApp(desk)
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "enter")
        await until_shown(pilot, "Seal secrets to")
        await press(pilot, "enter")
        await until_shown(pilot, "How deep?")
        await press(pilot, "escape")
        await until(pilot, lambda: "How deep?" not in text(pilot))
        assert "Seal secrets to" in text(pilot)
    assert desk.begun == []


async def test_a_passphrase_is_asked_for_twice_and_never_shown():
    desk = FakeDesk()
    app = HomeApp(desk)
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "enter")
        await until_shown(pilot, "Seal secrets to")
        assert "The same again" not in text(pilot)
        await press(pilot, "tab", "tab", *"passphrase")
        await until_shown(pilot, "The same again")
        await press(pilot, "tab", *"Xyzzy", "tab", *"Xyzz", "enter")
        await until_shown(pilot, "two different passphrases")
        assert desk.begun == []
        assert "Xyzz" not in text(pilot)
        await press(pilot, "end", "y", "enter")
        await until(pilot, lambda: not app.is_running)
    assert [(start.seal_to, start.passphrase) for start in desk.begun] == [("passphrase", "Xyzzy")]
    assert "Xyzzy" not in repr(desk.begun)


async def test_what_is_wrong_with_plan_or_target_is_shown_whole_and_can_be_mended():
    desk = FakeDesk()
    desk.refusal = PlanError(
        tuple(
            Mistake(
                message=f"unknown key 'frob{line}'",
                position=Position(file="plan.yaml", line=line, column=1),
                source_line=f"frob{line}: 1",
            )
            for line in range(1, 13)
        )
    )
    app = HomeApp(desk)
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "enter")
        await until_shown(pilot, "Target: the folder")
        await press(pilot, "enter")
        await until_shown(pilot, "plan.yaml:1:1: error: unknown key 'frob1'")
        await press(pilot, *["pagedown"] * 3)
        await until_shown(pilot, "plan.yaml:12:1: error: unknown key 'frob12'")
        await press(pilot, "escape")
        await until_shown(pilot, "It was not begun.")
        desk.refusal = None
        await press(pilot, "enter")
        await until(pilot, lambda: not app.is_running)
    assert len(desk.begun) == 1


async def test_another_plan_is_opened_by_its_file():
    app = HomeApp(FakeDesk())
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await press(pilot, "o")
        await until_shown(pilot, "Its file, or the name")
        await press(pilot, *"none.yaml", "enter")
        await until_shown(pilot, "There is no plan file none.yaml")
        await press(pilot, "enter", "o", *"other.yaml", "enter")
        await until_shown(pilot, "Start Other")


async def test_the_first_run_explains_itself():
    async with HomeApp(FakeDesk()).run_test(size=SMALL) as pilot:
        for words in ("No session yet.", "nothing is changed before", "runbook demo"):
            assert words in text(pilot)


async def test_help_and_palette_have_every_command():
    async with HomeApp(FakeDesk([SESSION])).run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "INTERRUPTED")
        await press(pilot, "question_mark")
        await until_shown(pilot, "those of this folder")
        for command in HOME_COMMANDS:
            assert command.label in text(pilot)
        await press(pilot, "escape")
        offered = [command.title for command in pilot.app.get_system_commands(pilot.app.screen)]
        usable = [f"{c.label} ({c.key})" for c in HOME_COMMANDS if not c.why_not(SESSION)]
        assert offered == [*usable, "theme"]
        assert len(usable) == len(HOME_COMMANDS) - 1, "a dry run is of a plan"


async def test_a_first_click_selects_and_a_second_one_opens():
    app = HomeApp(FakeDesk([SESSION, RUNNING]))
    async with app.run_test(size=SMALL) as pilot:
        await until_shown(pilot, "● Phase 1")
        await pilot.click("#things", offset=(5, 1))
        await until_shown(pilot, "▌● Phase 1")
        assert app.is_running
        await pilot.click("#things", offset=(5, 1))
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == HomeChoice(session="s2")


async def test_why_what_was_chosen_could_not_be_shown_is_said():
    async with HomeApp(FakeDesk(), "Entry 3 can't be read.").run_test(size=SMALL) as pilot:
        await until_shown(pilot, "Entry 3 can't be read.")
        await press(pilot, "escape")
        await until_shown(pilot, "No session yet.")


async def test_leaving_chooses_nothing():
    assert await chosen(FakeDesk([SESSION]), "q") is None

"""The home screen: what it lists and what it returns."""

from __future__ import annotations

from pathlib import Path

from runbook_app.tui.screens.home import HomeApp
from runbook_app.tui.view.home import HomeChoice, HomePlan, HomeSession
from tests.tui.screen import press, text, until, until_shown

PLAN = HomePlan(path=Path("plans/phase1.yaml"), title="Phase 1", target="/srv/staging")
SESSION = HomeSession(
    id="s1", plan="Phase 1", target="/srv/staging", status="interrupted", done=4, total=17
)


async def test_it_lists_sessions_and_plans():
    async with HomeApp([SESSION], [PLAN]).run_test(size=(80, 24)) as pilot:
        shown = text(pilot)
    assert "✗ Phase 1  /srv/staging" in shown
    assert "INTERRUPTED  4/17" in shown
    assert "+ Phase 1  phase1.yaml" in shown


async def test_a_session_is_returned_to():
    app = HomeApp([SESSION], [PLAN])
    async with app.run_test() as pilot:
        await press(pilot, "enter")
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == HomeChoice(session="s1")


async def test_a_session_is_told_again_and_a_plan_can_t_be():
    app = HomeApp([SESSION], [PLAN])
    async with app.run_test() as pilot:
        await press(pilot, "down", "v", "up", "v")
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == HomeChoice(session="s1", replay=True)


async def test_a_plan_is_started_on_a_target():
    app = HomeApp([SESSION], [PLAN])
    async with app.run_test() as pilot:
        await press(pilot, "down", "enter")
        await until_shown(pilot, "Target: the folder of the project")
        await press(pilot, "end", *"-2", "enter")
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == HomeChoice(plan=PLAN.path, target=Path("/srv/staging-2"))


async def test_the_first_run_explains_itself():
    async with HomeApp([], [PLAN]).run_test(size=(80, 24)) as pilot:
        assert "No session yet." in text(pilot)
        assert "runbook demo" in text(pilot)


async def test_leaving_chooses_nothing():
    app = HomeApp([SESSION], [])
    async with app.run_test() as pilot:
        await press(pilot, "q")
        await until(pilot, lambda: not app.is_running)
    assert app.return_value is None

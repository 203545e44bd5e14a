"""The dry run's page: made beside the screen, ended with it, and read like the other pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from runbook_app.domain import events as ev
from runbook_app.domain.errors import UsageError
from runbook_app.domain.forecast import Certainty
from runbook_app.engine.replay import ReplayedSession
from runbook_app.testing.session import FakeDryRun, FakeSession
from runbook_app.tui.screens.dry_run import DryRunScreen
from runbook_app.tui.screens.home import HomeApp
from runbook_app.tui.view.dry_run import pieces, sought
from runbook_app.tui.view.home import Start
from runbook_app.tui.view.words import Tone
from tests.tui import stage
from tests.tui.conftest import SMALL, Open
from tests.tui.desk import ASKING, PLAN, SESSION, FakeDesk
from tests.tui.foreseen import AHEAD, FORESEEN
from tests.tui.places import PLACES, as_replay, at
from tests.tui.screen import notices, press, session_screen, text, until, until_shown


@pytest.fixture
def rested(session: FakeSession) -> FakeSession:
    stage.headers_done(stage.started(session))
    session.foreseen.found = FORESEEN
    return session


def page(pilot: Pilot[int]) -> DryRunScreen:
    assert isinstance(pilot.app.screen, DryRunScreen)
    return pilot.app.screen


def test_each_statement_has_its_label_in_words_and_in_a_tone():
    labels = {piece.label: piece.label_tone for piece in pieces(FORESEEN) if piece.label}
    assert set(labels) == {certainty.value for certainty in Certainty}
    assert len(set(labels.values())) == len(Certainty)


def test_lines_of_a_diff_keep_every_blank_and_have_their_tone():
    found = {piece.text: piece for piece in pieces(FORESEEN) if piece.exact}
    assert found["+listen 8443 ssl;"].tone is Tone.GOOD
    assert found["-listen 8000;"].tone is Tone.BAD
    assert found[" worker_processes 1;"].tone is Tone.DIM
    assert "ALTER SYSTEM SET ssl = 'on'" in found


def test_what_is_sought_is_found_below_and_above_round_the_ends():
    rows = pieces(FORESEEN)
    first = sought(rows, "CANNOT KNOW", 0, 1)
    last = sought(rows, "cannot know", 0, -1)
    assert first is not None
    assert last is not None
    assert first < last
    assert sought(rows, "cannot know", last, 1) == first
    assert sought(rows, "no such words", 0, 1) is None


async def test_it_is_marked_as_a_dry_run_by_words_and_the_shape_of_its_border(tmp_path: Path):
    async with at(PLACES["dry run"], tmp_path, SMALL) as pilot:
        shown = text(pilot)
    assert shown.startswith("  DRY RUN  of staging, what is still to do")
    assert "Nothing was changed: something to do." in shown
    assert "┏" in shown
    assert "╭" not in shown


async def test_while_it_is_made_the_screen_goes_on_and_says_how_far_it_is(
    rested: FakeSession, opened: Open
):
    rested.foreseen.ahead = (AHEAD,)
    rested.foreseen.may_end.clear()
    async with opened(rested, SMALL) as pilot:
        await press(pilot, "D")
        await until_shown(pilot, "step 2 of 5  2.2 Create Nginx configuration")
        await press(pilot, "question_mark")
        await until_shown(pilot, "Make the dry run anew")
        await press(pilot, "escape")
        rested.foreseen.may_end.set()
        await until_shown(pilot, "+listen 8443 ssl;")
        assert not rested.foreseen.cancelled.is_set()


async def test_escape_ends_one_that_goes_on(rested: FakeSession, opened: Open):
    rested.foreseen.may_end.clear()
    async with opened(rested, SMALL) as pilot:
        await press(pilot, "D")
        await until_shown(pilot, "reading plan and target")
        await press(pilot, "escape")
        await until(pilot, rested.foreseen.cancelled.is_set)
        await until(pilot, lambda: pilot.app.screen is session_screen(pilot))


async def test_leaving_the_program_ends_it_too(rested: FakeSession, opened: Open):
    rested.foreseen.may_end.clear()
    async with opened(rested, SMALL) as pilot:
        await press(pilot, "D")
        await until_shown(pilot, "reading plan and target")
    assert rested.foreseen.cancelled.is_set()


async def test_it_is_made_anew_when_asked_for_and_what_came_of_the_first_is_not_shown(
    rested: FakeSession, opened: Open
):
    first = rested.foreseen
    first.may_end.clear()
    async with opened(rested, SMALL) as pilot:
        await press(pilot, "D")
        await until_shown(pilot, "reading plan and target")
        rested.foreseen = FakeDryRun()
        await press(pilot, "u")
        await until_shown(pilot, "Nothing is left to do.")
        assert first.cancelled.is_set()
        assert rested.dry_runs == 2
        await pilot.pause()
        assert "listen 8443" not in text(pilot)


async def test_why_there_is_none_is_shown_with_what_to_do_next(rested: FakeSession, opened: Open):
    rested.foreseen.found = UsageError("No Docker engine answers.", hint="Start it.")
    async with opened(rested, SMALL) as pilot:
        await press(pilot, "D")
        await until_shown(pilot, "No Docker engine answers.")
        assert "There is no dry run, and nothing was changed." in text(pilot)
        assert "Start it." in text(pilot)


async def test_items_and_texts_are_gone_to_and_all_is_copied(rested: FakeSession, opened: Open):
    async with opened(rested, SMALL) as pilot:
        await press(pilot, "D")
        await until_shown(pilot, "▌Item 2 TLS/HTTPS Enforcement (tls)")
        await press(pilot, "]")
        await until_shown(pilot, "▌Item 3 Database hardening (database)")
        await press(pilot, "[")
        await until_shown(pilot, "▌Item 2 TLS/HTTPS Enforcement (tls)")
        await press(pilot, "n")
        await until(pilot, lambda: "Nothing is sought" in notices(pilot))
        await press(pilot, "slash", *"alter system", "enter")
        await until_shown(pilot, "▌      ALTER SYSTEM SET ssl = 'on'")
        await press(pilot, "slash", *["backspace"] * 12, *"proved", "enter")
        await until_shown(pilot, "▌    proved       size: 9 MB")
        await press(pilot, "N")
        await until_shown(pilot, "▌    proved       not done: nginx holds nothing of ours")
        await press(pilot, "y")
        copied = pilot.app.clipboard
    assert copied.startswith("DRY RUN  of staging")
    for row in ("      +listen 8443 ssl;", "    cannot know  what it measures, once 2.2 has run"):
        assert row in copied.splitlines()


@pytest.mark.parametrize("size", [SMALL, (120, 40), (40, 10)])
async def test_nothing_of_a_long_line_is_lost_at_any_width(
    rested: FakeSession, opened: Open, size: tuple[int, int]
):
    long = "+ssl_certificate /certs/certificate.pem; # the one that step 2.1 makes,"
    async with opened(rested, size) as pilot:
        await press(pilot, "D")
        await until(pilot, lambda: page(pilot)._rows.row_count() > 20)
        rows = page(pilot)._rows
        at_it = next(n for n, p in enumerate(rows.pieces) if p.text.startswith(long))
        shown = [rows._rows[n][-1][0] for n, of in enumerate(rows._of) if of == at_it]
        assert "".join(shown) == rows.pieces[at_it].text
        assert all(len(part) <= size[0] - 8 for part in shown)


async def test_a_resized_terminal_keeps_the_place(rested: FakeSession, opened: Open):
    async with opened(rested, (120, 40)) as pilot:
        await press(pilot, "D")
        await until_shown(pilot, "▌Item 2")
        await press(pilot, "]")
        await pilot.resize_terminal(60, 20)
        await until_shown(pilot, "▌Item 3 Database hardening")


async def test_work_that_goes_on_refuses_it_and_a_dead_engine_does_not(
    session: FakeSession, opened: Open
):
    stage.tls_running(session)
    session.foreseen.found = FORESEEN
    async with opened(session, SMALL) as pilot:
        await press(pilot, "D")
        await until(pilot, lambda: "Work is under way" in notices(pilot))
        session.alive = False
        session_screen(pilot).look_at_engine()
        await press(pilot, "D")
        await until_shown(pilot, "+listen 8443 ssl;")


async def test_a_question_that_waits_does_not_keep_it_from_being_made(
    session: FakeSession, opened: Open
):
    stage.checkpoint_open(stage.headers_done(stage.started(session)))
    session.emit(ev.RunRequested(auto=True))
    stage.asked(session, "q1", "TLS guide reviewed")
    session.foreseen.found = FORESEEN
    async with opened(session, SMALL) as pilot:
        await until_shown(pilot, "confirm?")
        await press(pilot, "escape", "D")
        await until_shown(pilot, "+listen 8443 ssl;")


async def test_an_observer_may_look_ahead_and_a_replay_has_nothing_ahead(
    rested: FakeSession, opened: Open
):
    rested.read_only = True
    async with opened(rested, SMALL) as pilot:
        await press(pilot, "D")
        await until_shown(pilot, "+listen 8443 ssl;")
    replayed = as_replay(rested)
    assert isinstance(replayed, ReplayedSession)
    async with opened(replayed, SMALL) as pilot:
        await press(pilot, "D")
        await until(pilot, lambda: "A replay shows the record" in notices(pilot))
    with pytest.raises(UsageError, match="nothing is ahead"):
        replayed.dry_run()


async def test_home_asks_for_the_target_and_begins_no_session():
    desk = FakeDesk([SESSION])
    app = HomeApp(desk)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await until_shown(pilot, "INTERRUPTED")
        await press(pilot, "D")
        await until(pilot, lambda: "Select a plan first" in notices(pilot))
        await press(pilot, "end", "D")
        await until_shown(pilot, "Dry run of Phase 1")
        await press(pilot, "end", *"-2", "tab", *"a=b", "enter")
        await until_shown(pilot, "+listen 8443 ssl;")
        assert text(pilot).startswith("  DRY RUN  of Phase 1 on /srv/staging-2")
        await press(pilot, "escape")
        await until_shown(pilot, "sessions and plans")
    assert desk.foreseen_of == [Start(plan=PLAN.path, target="/srv/staging-2", settings="a=b")]
    assert desk.begun == []


async def test_home_asks_what_the_plan_asks_before_its_dry_run():
    desk = FakeDesk(plans=[ASKING])
    async with HomeApp(desk).run_test(size=SMALL) as pilot:
        for key in ("escape", "enter"):
            await press(pilot, "D")
            await until_shown(pilot, "Dry run of Asking")
            await press(pilot, "enter")
            await until_shown(pilot, "How deep?")
            await press(pilot, "tab", "3", key)
            await until(pilot, lambda: "How deep?" not in text(pilot))
        await until_shown(pilot, "+listen 8443 ssl;")
    assert [start.answers for start in desk.foreseen_of] == [{"region": "eu", "depth": "3"}]


async def test_what_is_wrong_with_plan_or_target_is_said_on_the_page():
    desk = FakeDesk()
    desk.refusal = UsageError("'x' is not written name=value.")
    async with HomeApp(desk).run_test(size=SMALL) as pilot:
        await press(pilot, "D")
        await until_shown(pilot, "Dry run of Phase 1")
        await press(pilot, "enter")
        await until_shown(pilot, "'x' is not written name=value.")
        assert "nothing was changed" in text(pilot)

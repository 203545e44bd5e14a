"""What is shown, as plain text: trees, clocks, panels, banners, menus, keys."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from runbook_app.domain import events as ev
from runbook_app.domain.clock import Estimate
from runbook_app.domain.measure import Measurement, Progress, Verdict
from runbook_app.domain.plan import Plan, Score, Window
from runbook_app.domain.state import ItemStatus, SessionState, StepStatus
from runbook_app.domain.verdict import overall
from runbook_app.domain.window import undo_by
from runbook_app.testing.session import FakeSession
from runbook_app.tui import paint
from runbook_app.tui.commands.all import SESSION_COMMANDS, footer, meant
from runbook_app.tui.screens.waiver import Waiver, lacking
from runbook_app.tui.situation import Situation
from runbook_app.tui.view import clocks, panel, words
from runbook_app.tui.view.banner import Outside, banner
from runbook_app.tui.view.keys import bar
from runbook_app.tui.view.measured import measurement_lines
from runbook_app.tui.view.menu import Way, choices
from runbook_app.tui.view.node import Node, NodeKind, children, current, nodes
from runbook_app.tui.view.tree import row
from runbook_app.tui.view.words import Line, Tone, sign, text_of, time_of_day
from tests.domain.story import PLAN, SCORED, Story, again, complete, measured
from tests.tui import stage

TEST = Node(NodeKind.STEP, "tls", "tls.test")
TLS = Node(NodeKind.ITEM, "tls")


def read(session: FakeSession) -> SessionState:
    session.refresh()
    return session.state


def joined(lines: list[Line]) -> str:
    return "\n".join(text_of(line) for line in lines)


def all_clocks(session: FakeSession, now: str = stage.NOW) -> str:
    shown = clocks.clocks(session.plan, read(session), now)[clocks.Words.FULL]
    return " | ".join(text_of(part) for part in shown)


@pytest.mark.parametrize("state", [*StepStatus, *ItemStatus, *Verdict])
def test_every_state_has_a_glyph_and_a_word(state: StepStatus):
    shown = sign(state)
    assert len(shown.glyph) == 1
    assert shown.word


def test_no_two_step_states_look_alike_without_colour():
    signs = [(sign(state).glyph, sign(state).word) for state in StepStatus]
    assert len(set(signs)) == len(signs)


# Tree


def test_a_closed_item_hides_its_units(session: FakeSession):
    assert [node.kind for node in nodes(session.plan, ())] == [NodeKind.ITEM] * 3
    opened = nodes(session.plan, {"tls"})
    assert [node.kind.value for node in opened] == [
        "item", "item", "checkpoint", "step", "step", "step", "step", "verify", "item"
    ]  # fmt: skip


def test_an_items_row_counts_its_steps(session: FakeSession):
    found = row(session.plan, read(stage.tls_running(session)), TLS, opened=True, now=stage.NOW)
    assert text_of(found.left) == "▾ ● 2 TLS/HTTPS enforcement"
    assert text_of(found.right) == "running 3/4 ▓▓▓░"


def test_an_item_between_two_steps_does_not_say_that_it_runs(session: FakeSession):
    state = read(stage.checkpoint_open(stage.started(session)))
    assert "in progress" in text_of(
        row(session.plan, state, TLS, opened=False, now=stage.NOW).right
    )


def test_a_running_step_shows_its_time(session: FakeSession):
    found = row(session.plan, read(stage.tls_running(session)), TEST, opened=True, now=stage.NOW)
    assert text_of(found.right) == "running 3:10"


def test_the_timer_stops_on_failure(session: FakeSession):
    found = row(session.plan, read(stage.tls_failed(session)), TEST, opened=True, now=stage.NOW)
    assert text_of(found.right) == "FAILED 1:10"


def test_under_a_dead_engine_nothing_runs_and_no_timer_goes_on(session: FakeSession):
    state = read(stage.tls_running(session))
    found = row(session.plan, state, TEST, opened=True, now=stage.NOW, dead=True)
    assert text_of(found.right) == "INTERRUPTED 0:00"
    assert "INTERRUPTED" in text_of(
        row(session.plan, state, TLS, opened=True, now=stage.NOW, dead=True).right
    )
    assert "INTERRUPTED" in text_of(panel.heading(session.plan, state, TEST, dead=True))


def test_a_missing_action_is_unavailable(session: FakeSession):
    node = Node(NodeKind.STEP, "database", "database.pgcrypto")
    found = row(session.plan, read(stage.started(session)), node, opened=True, now=stage.NOW)
    assert "unavailable" in text_of(found.right)


def test_rows_can_be_drawn_before_the_first_entry(session: FakeSession):
    for item in session.plan.items:
        for node in (Node(NodeKind.ITEM, item.id), *children(item)):
            assert row(session.plan, SessionState(), node, opened=True, now=stage.NOW).left
            assert panel.heading(session.plan, SessionState(), node)
            panel.body(session.plan, SessionState(), node)


# Where the work is


@pytest.mark.parametrize(
    ("arrange", "node"),
    [
        (stage.started, Node(NodeKind.STEP, "headers", "headers.measure")),
        (stage.tls_running, TEST),
        (stage.tls_failed, TEST),
        (stage.tls_unknown, TEST),
    ],
)
def test_where_the_work_is(session: FakeSession, arrange, node: Node):
    assert current(read(arrange(session))) == node


def test_an_open_question_is_where_the_work_is(session: FakeSession):
    stage.asked(stage.checkpoint_open(stage.headers_done(stage.started(session))), "q", "Read?")
    assert current(read(session)) == Node(NodeKind.CHECKPOINT, "tls")


def test_nothing_is_left_when_all_is_over_or_unavailable(session: FakeSession):
    stage.tls_running(session)
    session.emit(
        ev.StepSucceeded(item="tls", step="tls.test"),
        ev.ItemVerified(item="tls"),
        ev.ItemCommitted(item="tls", commit="c" * 40, paths=("nginx/nginx.conf",)),
    )
    state = read(session)
    assert current(state) is None
    shown = clocks.status_sign(state, alive=True)
    assert shown.word == "ended"


# Drift


def test_a_criterion_that_does_not_hold_any_more_shows_in_tree_panel_and_banner() -> None:
    slow = measured("P95", 120.5, unit="ms", limit="<= 100", ok=False)
    story = complete().recheck(again("fast", slow, verdict=Verdict.FAILED, evidence="too slow"))
    verify = Node(NodeKind.VERIFY, "tls")
    for node, said in ((TLS, "DRIFTED"), (verify, "DRIFTED 1/2")):
        shown = row(PLAN, story.state, node, opened=False, now=story.at)
        assert said in text_of(shown.right)
    body = joined(panel.body(PLAN, story.state, verify))
    assert "✗ P95 below 100 ms  DRIFTED held at 08:00, no longer at 08:0" in body
    assert "120.5 ms  limit <= 100 ms  OUTSIDE" in body
    assert "too slow" in body
    said = text_of(banner(PLAN, story.state, Outside(alive=True)).line)
    assert said.startswith("✗ drift: item 2 (TLS/HTTPS Enforcement): criterion fast held at")


def test_a_recheck_that_goes_on_is_said_and_can_be_cancelled() -> None:
    story = complete().tell(ev.RecheckStarted(id="r", by="op", probes=False), again("https"))
    said = text_of(banner(PLAN, story.state, Outside(alive=True)).line)
    assert said == "● measuring the criteria again: 1 so far"
    situation = Situation(plan=SCORED, state=story.state, node=None, alive=True, read_only=False)
    (cancel,) = (command for command in SESSION_COMMANDS if command.key == "c")
    assert cancel.refusal(situation) == ""
    (measure,) = (command for command in SESSION_COMMANDS if command.key == "m")
    assert measure.refusal(situation) == "Work is under way."


# Clocks


def test_the_clocks_of_a_running_session(session: FakeSession):
    assert all_clocks(stage.tls_running(session)) == (
        "elapsed 1h12m | active 56m10s | ETA 09:25–09:38 | window closes 20:00"
        " | undo by 19:50 | score not measured"
    )


def scored(before: int | None = None, now: int | None = None) -> Story:
    """So many of the four checks held before the first change, and hold now."""
    story = Story(SCORED)
    story = story if before is None else story.score("before", before)
    return story if now is None else story.score("asked", now)


@pytest.mark.parametrize(
    ("story", "full", "short"),
    [
        (scored(), "score not measured → target 95", "score ?→?→95"),
        (scored(1), "score 25 → target 95", "score 25→?→95"),
        (scored(1, 3), "score 25 → 75 → target 95", "score 25→75→95"),
        (scored(now=3), "score 75 → target 95", "score ?→75→95"),
    ],
)
def test_the_score_stands_before_and_now_and_beside_its_target(
    story: Story, full: str, short: str
) -> None:
    assert clocks.score_text(story.plan, story.state) == full
    assert clocks.score_text(story.plan, story.state, short=True) == short


def test_a_score_without_a_target_is_told_without_it() -> None:
    plan = replace(SCORED, score=replace(SCORED.score, declared_target=None))
    assert clocks.score_text(plan, scored(1, 3).state) == "score 25 → 75"
    for story, short in (
        (scored(1, 3), "score 25→75"),
        (scored(1), "score 25"),
        (scored(), "no score"),
    ):
        assert clocks.score_text(plan, story.state, short=True) == short


def test_a_score_from_before_a_rollback_is_told_as_outdated() -> None:
    story = Story(SCORED).score("before", 1).run().score("asked", 3).rollback()
    assert clocks.score_text(SCORED, story.state) == "score 25 → 75 (outdated) → target 95"
    assert clocks.score_text(SCORED, story.state, short=True) == "score 25→75?→95"
    story.score("asked", 2)
    assert clocks.score_text(SCORED, story.state) == "score 25 → 50 → target 95"


def test_a_measurement_that_goes_on_says_how_far_it_is() -> None:
    story = Story(SCORED).tell(ev.ScoreStarted(id="m", moment="before", by="x"))
    assert clocks.score_text(SCORED, story.state) == "score 0/4 checks so far"
    assert clocks.score_text(SCORED, story.state, short=True) == "scoring 0/4"
    alive, dead = (
        text_of(banner(SCORED, story.state, Outside(alive=alive)).line) for alive in (True, False)
    )
    first, second, *_ = SCORED.score.checks()
    assert alive.endswith(f"measuring the score: 0 of 4 checks so far, now: {first.title}")
    assert "measuring" not in dead
    story.tell(
        ev.ScoreChecked(
            id="m",
            category="c",
            check=first.id,
            title="",
            weight=1,
            source="",
            points=1,
            verdict="passed",
            evidence="",
        )
    )
    shown = text_of(banner(SCORED, story.state, Outside(alive=True)).line)
    assert shown.endswith(f"measuring the score: 1 of 4 checks so far, now: {second.title}")


def at_full_work(session: FakeSession, score: float = 100.0) -> SessionState:
    """Item 2 is at work, and the score was measured twice."""
    stage.tls_running(session)
    for moment, total in (("before", 70.0), ("asked", score)):
        session.emit(
            ev.ScoreStarted(id=moment, moment=moment, by="op"),
            ev.ScoreMeasured(id=moment, moment=moment, total=total, categories=()),
        )
    session.plan = replace(session.plan, score=Score(declared_current=70, declared_target=95))
    return read(session)


TOUR = Path(__file__).parents[2] / "docs" / "tour.md"
TIMES = "ETA 09:25–09:38  closes 20:00  undo by 19:50"
WIDE_ROW = (
    "elapsed 1h12m │ active 56m10s │ ETA 09:25–09:38 │ window closes 20:00"
    " │ undo by 19:50 │ score 70 → 100 → target 95"
)


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (80, f"1h12m/56m  {TIMES}  score 70→100→95"),
        (100, f"1h12m/56m active  {TIMES}  score 70→100→95"),
        (120, WIDE_ROW),
        (200, WIDE_ROW),
    ],
)
def test_the_clocks_are_told_in_the_words_that_a_row_has_room_for(
    session: FakeSession, columns: int, row: str
) -> None:
    state = at_full_work(session)
    parts, separator = clocks.fitted(session.plan, state, stage.NOW, columns - 2)
    assert joined_row(parts, separator) == row
    assert len(row) <= columns - 2


def test_on_80_columns_the_tour_s_example_just_fits(session: FakeSession) -> None:
    state = at_full_work(session, 78.0)
    row = joined_row(*clocks.fitted(session.plan, state, stage.NOW, 78))
    assert f"`{row}`" in TOUR.read_text(encoding="utf-8")


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120, 200])
def test_no_clock_is_cut_at_any_width(session: FakeSession, columns: int) -> None:
    """Times of another day are longer: then they go on in a second row."""
    state = at_full_work(session)
    late = "2025-10-23T09:12:00.000Z"
    parts, separator = clocks.fitted(session.plan, state, late, columns - 2)
    rows = paint.joined(parts, columns - 2, separator).plain.split("\n")
    assert separator.join(rows) == joined_row(parts, separator)
    assert all(len(row) <= columns - 2 for row in rows)
    figures = re.findall(r"\d+", rows[-1].rpartition("score")[2])
    assert figures == ["70", "100", "95"]


def joined_row(parts: list[Line], separator: str) -> str:
    return separator.join(text_of(part) for part in parts)


def test_waiting_for_a_person_is_not_active_time(session: FakeSession):
    stage.started(session).emit(ev.RunRequested(auto=True))
    stage.asked(stage.checkpoint_open(stage.headers_done(session)), "q", "Read?")
    assert "elapsed 1h12m | active 5m" in all_clocks(session)
    answered = ev.QuestionAnswered(id="q", answer="yes", by="op")
    session.emit(answered, at="2025-10-24T09:05:00.000Z")
    assert "elapsed 1h12m | active 12m" in all_clocks(session)
    stage.asked(session, "q2", "Told?")
    assert "elapsed 1h12m | active 5m" in all_clocks(session)


def test_a_failure_that_waits_is_not_active_time(session: FakeSession):
    stage.tls_failed(session)
    assert "elapsed 1h12m | active 54m10s" in all_clocks(session)
    assert "elapsed 3h20m | active 54m10s" in all_clocks(session, "2025-10-24T11:20:00.000Z")


def test_time_under_a_dead_engine_is_not_active_time(session: FakeSession):
    state = read(stage.tls_running(session))
    late = "2025-10-24T11:20:00.000Z"
    shown = clocks.clocks(session.plan, state, late, alive=False)[clocks.Words.FULL]
    assert [text_of(part) for part in shown[:2]] == ["elapsed 3h20m", "active 53m"]


def test_the_clocks_of_a_finished_session_stand_still():
    story = complete()
    last = story.state.items["tls"].finished_at
    took = clocks.clocks(story.plan, story.state, last)
    later = clocks.clocks(story.plan, story.state, "2025-10-24T15:00:00.000Z")
    for said, first in ((clocks.Words.FULL, 2), (clocks.Words.SHORT, 1), (clocks.Words.BARE, 1)):
        assert later[said][:first] == took[said][:first]


def test_a_closed_window_says_so(session: FakeSession):
    stage.tls_running(session)
    shown = all_clocks(session, "2025-10-24T20:30:00.000Z")
    assert "window CLOSED 20:00" in shown
    assert "undo by 19:50 PASSED" in shown


def test_undo_by_is_not_guessed_without_a_budget(session: FakeSession):
    stage.tls_running(session)
    plan = replace_item(session, rollback_budget=None)
    assert undo_by(plan, read(session)) is None


def test_undo_by_leaves_time_for_every_item_with_captures(session: FakeSession):
    stage.tls_running(session)
    plan = replace_item(session, rollback_budget=Estimate.parse("2h"))
    found = undo_by(plan, read(session))
    assert found is not None
    assert time_of_day(found) == "18:00"
    session.emit(ev.CaptureTaken(id="k9", item="headers", step="", kind="file", **KEPT))
    headers, *others = plan.items
    both = (replace(headers, rollback_budget=Estimate.parse("30m")), *others)
    found = undo_by(replace(plan, items=both), read(session))
    assert found is not None
    assert time_of_day(found) == "17:30"
    assert undo_by(plan, read(session)) is None


KEPT = {"name": "app.py", "path": "captures/k9", "sha256": "c" * 64, "summary": ""}


def test_undo_by_takes_the_longest_rollback_that_was_measured_in_the_session(session: FakeSession):
    stage.tls_running(session)
    state = read(session)
    for seconds in (3600.0, 60.0):
        done = ev.RollbackFinished(item="tls", proven=True, seconds=seconds)
        state.items["tls"].rollback_history.append(done)
    found = undo_by(session.plan, state)
    assert found is not None
    assert time_of_day(found) == "19:00"


def test_what_is_rolled_back_needs_no_time_to_be_undone(session: FakeSession):
    stage.tls_failed(session)
    assert "undo by 19:50" in all_clocks(session)
    session.emit(
        ev.RollbackStarted(item="tls", by="op", reason=""),
        ev.RollbackFinished(item="tls", proven=True, seconds=1),
    )
    assert "nothing to undo" in all_clocks(session)


@pytest.mark.parametrize(
    ("now", "tone"),
    [("19:19", Tone.STRONG), ("19:21", Tone.WARN), ("19:50", Tone.BAD)],
)
def test_undo_by_warns_half_an_hour_before(session: FakeSession, now: str, tone: Tone):
    assert tone_of(stage.tls_running(session), "undo by ", now) is tone


@pytest.mark.parametrize(
    ("now", "tone"), [("10:00", Tone.STRONG), ("19:50", Tone.WARN), ("20:00", Tone.BAD)]
)
def test_the_window_warns_when_the_work_may_end_after_it(
    session: FakeSession, now: str, tone: Tone
):
    stage.checkpoint_passed(stage.checkpoint_open(stage.headers_done(stage.started(session))))
    assert tone_of(session, "window ", now) is tone


def tone_of(session: FakeSession, clock: str, now: str) -> Tone:
    told = clocks.clocks(session.plan, read(session), f"2025-10-24T{now}:00.000Z")
    parts = told[clocks.Words.FULL]
    (found,) = [part for part in parts if part and part[0][0].startswith(clock)]
    return found[1][1]


def replace_item(session: FakeSession, **fields: Any) -> Plan:
    items = tuple(
        replace(item, **fields) if item.id == "tls" else item for item in session.plan.items
    )
    return replace(session.plan, items=items, window=Window(budget=timedelta(hours=12)))


def test_a_session_without_entries_has_clocks(session: FakeSession):
    assert all_clocks(session) == "session not started"


def test_a_time_on_another_day_says_which():
    assert time_of_day("2025-10-25T01:10:00Z", stage.NOW) == "01:10+1d"


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (190, "3:10"), (3730, "1:02:10")])
def test_running_times(seconds: float, shown: str):
    assert words.clock(seconds) == shown


def test_a_dead_engine_interrupts_what_ran(session: FakeSession):
    state = read(stage.tls_running(session))
    assert clocks.status_sign(state, alive=False).word == "INTERRUPTED"
    assert clocks.engine_sign(state, alive=False)[0] == "engine ✗ DEAD"


# Panel


def test_a_steps_panel_tells_all(session: FakeSession):
    state = read(stage.tls_running(session))
    shown = joined(panel.body(session.plan, state, TEST))
    for words_ in (
        "▸ 7 of 9 paths redirect",
        "✓ p95              41.3 ms  limit <= 100 ms  before 38.9 ms",
        "A redirect that loses the method breaks clients.",
        "tls.test",
        "attempts: 1 executed, 2 planned",
        "names: localhost, ::1",
        "◆ file nginx/nginx.conf  did not exist",
        "○ HTTPS answers 200  pending",
    ):
        assert words_ in shown, shown
    assert panel.timer(session.plan, state, TEST, stage.NOW) == "3:10 of 20:00"


def test_a_step_s_panel_tells_what_it_took_in_earlier_sessions():
    step = Node(NodeKind.STEP, "tls", "tls.test")
    assert "in earlier sessions" not in joined(panel.body(PLAN, Story().state, step))
    known = Story(earlier={"tls.test": (61.2, 90.0)}).state
    assert "estimate 20m  in earlier sessions 1m01s-1m30s" in joined(panel.body(PLAN, known, step))


def test_edited_parameters_are_marked(session: FakeSession):
    stage.tls_failed(session)
    session.emit(
        ev.ParametersEdited(item="tls", step="tls.test", before={}, after={"port": 9001}, by="op")
    )
    shown = joined(panel.body(session.plan, read(session), TEST))
    assert "port: 9001  edited" in shown


def test_a_command_of_several_lines_keeps_them(session: FakeSession):
    stage.tls_failed(session)
    command = "set -x\n  nginx -s reload\n"
    session.emit(
        ev.ParametersEdited(
            item="tls", step="tls.test", before={}, after={"command": command}, by="op"
        )
    )
    shown = [text_of(line) for line in panel.body(session.plan, read(session), TEST)]
    at = shown.index("  command:   edited")
    assert shown[at + 1 : at + 3] == ["    set -x", "      nginx -s reload"]


def test_a_stopping_step_says_that_it_has_not_ended(session: FakeSession):
    stage.tls_running(session)
    session.emit(ev.StepStopping(item="tls", step="tls.test", reason="cancelled by op"))
    state = read(session)
    assert "Stopping: cancelled by op" in joined(panel.body(session.plan, state, TEST))
    found = row(session.plan, state, TEST, opened=True, now=stage.NOW)
    assert "stopping running" in text_of(found.right)


def test_a_proven_rollback_says_what_it_compared_and_kept(session: FakeSession):
    stage.tls_failed(session)
    session.emit(
        ev.RollbackStarted(item="tls", by="op", reason=""),
        ev.RollbackFinished(
            item="tls",
            proven=True,
            kept=("3 rows of customers",),
            exclusions=("container logs: writable layers are exported, not restored",),
            revert_commit="d" * 40,
            seconds=72.0,
        ),
    )
    shown = joined(panel.body(session.plan, read(session), TLS))
    assert "Rolled back in 1:12, proven: equals the checkpoint." in shown
    assert "kept: 3 rows of customers" in shown
    assert "not compared: container logs" in shown
    assert "revert commit dddddddddd" in shown


def test_r_says_what_it_restores_and_what_goes_before(session: FakeSession):
    stage.tls_running(session)
    session.emit(
        ev.CheckpointOpened(item="database"),
        ev.CaptureTaken(
            id="k9",
            item="database",
            step="",
            kind="file",
            name="docker-compose.staging.yml",
            path="captures/k9",
            sha256="c" * 64,
            summary="",
        ),
        at="2025-10-24T09:09:00.000Z",
    )
    line = text_of(panel.undo_line(session.plan, read(session), TLS))
    assert line == (
        "r restores 2 TLS/HTTPS enforcement in 10m: docker-compose.staging.yml,"
        " nginx/nginx.conf  after database"
    )


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        (Measurement(name="n", value=1.5, unit="ms"), "· n  1.5 ms"),
        (Measurement(name="n", value=5, limit="= 5"), "✓ n  5  limit = 5"),
        (Measurement(name="n", value=6, limit="<= 5", ok=False), "✗ n  6  limit <= 5  OUTSIDE"),
        (Measurement(name="n", value="no", limit="holds", ok=False), "✗ n  no  DOES NOT HOLD"),
    ],
)
def test_a_measured_value_is_held_against_its_limit(measured: Measurement, shown: str):
    assert joined(measurement_lines([measured], {})) == shown


# Banner


def guarded(session: FakeSession) -> FakeSession:
    armed = ev.GuardArmed(item="tls", step="tls.test", within=600, pid=9, pid_started="1")
    stage.tls_running(session).emit(armed)
    return session


@pytest.mark.parametrize(
    ("arrange", "outside", "shown"),
    [
        (stage.started, Outside(alive=True), "next: 1.1 Measure the eight headers"),
        (stage.tls_running, Outside(alive=True), "● 2.4 Test HTTPS access and redirects: 7 of 9"),
        (stage.tls_failed, Outside(alive=True), "2.4 Test HTTPS access and redirects failed: GET"),
        (stage.tls_unknown, Outside(alive=True), "redirects is UNKNOWN: The engine ended"),
        (stage.tls_running, Outside(alive=False), "ENGINE DEAD, nothing runs; e starts a new one"),
        (
            stage.tls_running,
            Outside(alive=False, read_only=True),
            "an operator can start a new one",
        ),
        (
            stage.tls_running,
            Outside(alive=False, words="The disk is full.\nFree space."),
            "ENGINE DEAD: The disk is full, nothing runs",
        ),
        (stage.tls_running, Outside(alive=True, fault="disk full"), "has a fault: disk full"),
        (stage.tls_running, Outside(alive=True, damage="entry 3 …"), "is DAMAGED: entry 3 …"),
        (
            guarded,
            Outside(alive=True, reverts_in=492),
            "step tls.test reverts by itself in 8 min 12 s unless confirmed: runbook confirm",
        ),
        (guarded, Outside(alive=False, reverts_in=492), "ENGINE DEAD; e starts a new one"),
    ],
)
def test_the_banner_says_the_most_urgent(session: FakeSession, arrange, outside, shown: str):
    found = banner(session.plan, read(arrange(session)), outside)
    assert shown in text_of(found.line)


def test_a_dead_engine_with_children_warns_of_them(session: FakeSession):
    stage.tls_running(session)
    session.emit(ev.ChildStarted(pid=9, pid_started="1", argv=("docker-compose", "up")))
    found = banner(session.plan, read(session), Outside(alive=False))
    assert "1 child process may still run" in text_of(found.line)


# Menu


def ways(session: FakeSession, node: Node) -> list[Way]:
    return [choice.way for choice in choices(session.plan, read(session), node)]


def test_nothing_wrong_means_no_menu(session: FakeSession):
    assert ways(stage.tls_running(session), TEST) == []


def test_an_unknown_outcome_is_never_simply_retried(session: FakeSession):
    found = ways(stage.tls_unknown(session), TEST)
    assert set(found[:3]) == {Way.DONE, Way.NOT_DONE, Way.PARTLY}
    assert Way.RETRY not in found


@pytest.mark.parametrize(
    ("finding", "first"),
    [
        (Progress.DONE, Way.DONE),
        (Progress.NOT_DONE, Way.NOT_DONE),
        (Progress.PARTLY, Way.PARTLY),
        (None, Way.PARTLY),
    ],
)
def test_the_cursor_stands_on_what_the_steps_check_finds(
    session: FakeSession, finding: Progress | None, first: Way
):
    stage.tls_unknown(session)
    session.emit(ev.UnknownExamined(item="tls", step="tls.test", progress=finding, evidence="seen"))
    assert ways(session, TEST)[0] is first


def test_an_answer_says_what_it_does_and_that_it_goes_against_the_check(session: FakeSession):
    stage.tls_unknown(session)
    found = choices(session.plan, read(session), TEST)
    assert [(choice.way, choice.note) for choice in found[:4]] == [
        (Way.PARTLY, "restore 0 captures, run again; so its check finds"),
        (Way.NOT_DONE, "run it again as it is; AGAINST its check"),
        (Way.DONE, "take it as succeeded; AGAINST its check"),
        (Way.AGAIN, "changes nothing"),
    ]


def test_no_answer_is_offered_before_the_check_was_asked(session: FakeSession):
    stage.tls_unknown(session)
    session.emit(ev.StepBecameUnknown(item="tls", step="tls.test", reason="died again"))
    assert ways(session, TEST) == []
    assert "Its check is asked first" in joined(panel.body(session.plan, read(session), TEST))


def test_no_answer_is_offered_while_one_is_carried_out(session: FakeSession):
    stage.tls_unknown(session)
    session.emit(
        ev.UnknownResolved(
            item="tls",
            step="tls.test",
            answer=Progress.PARTLY,
            by="anna",
            found=Progress.DONE,
            evidence="200",
        )
    )
    assert ways(session, TEST) == []
    shown = joined(panel.body(session.plan, read(session), TEST))
    assert "Being undone: taken as partly done by anna after a crash, AGAINST its check" in shown


def test_a_failed_rollback_can_be_tried_again_once(session: FakeSession):
    stage.tls_failed(session)
    session.emit(
        ev.RollbackStarted(item="tls", by="op", reason=""),
        ev.RollbackFailed(item="tls", error="port 8001 is taken"),
    )
    assert ways(session, TLS).count(Way.ROLL_BACK) == 1


# Commands


def situation(session: FakeSession, **fields: object) -> Situation:
    values: dict[str, object] = {"alive": True, "read_only": False, "node": TEST, **fields}
    return Situation(plan=session.plan, state=read(session), **values)


def test_no_command_that_drives_is_enabled_for_an_observer(session: FakeSession):
    stage.tls_failed(session)
    found = situation(session, read_only=True)
    driving = [command for command in SESSION_COMMANDS if command.drives]
    assert driving
    assert not any(command.enabled(found) for command in driving)


def test_without_an_engine_one_can_be_started_and_the_signal_exported(session: FakeSession):
    stage.tls_failed(session)
    found = situation(session, alive=False)
    enabled = [c.label for c in SESSION_COMMANDS if c.drives and c.enabled(found)]
    assert enabled == ["start engine", "export"]


@pytest.mark.parametrize(
    ("arrange", "label"),
    [
        (stage.started, "run next"),
        (stage.tls_failed, "ways out"),
        (stage.tls_unknown, "ways out"),
    ],
)
def test_enter_means_what_is_needed_next(session: FakeSession, arrange, label: str):
    command, _ = meant("enter", situation(arrange(session)))
    assert command is not None
    assert command.label == label


def test_every_command_explains_itself():
    for command in SESSION_COMMANDS:
        assert command.key
        assert command.label
        assert command.help.endswith(".")


def test_no_key_is_shared_by_commands_that_are_enabled_together(session: FakeSession):
    stage.tls_failed(session)
    found = situation(session, log_focused=False)
    keys = [command.key for command in SESSION_COMMANDS if command.enabled(found)]
    assert len(set(keys)) == len(keys)


# Footer


def test_the_footer_keeps_leave_and_help_on_a_narrow_screen(session: FakeSession):
    keys = footer(situation(stage.tls_running(session)))
    (line,) = bar(keys, 40, 1)
    shown = text_of(line)
    assert len(shown) <= 40
    assert shown.endswith("q leave  ? help")


def test_the_footer_is_empty_without_keys():
    assert bar([], 80, 1) == []


def test_a_question_about_another_item_is_where_the_work_is(session: FakeSession):
    stage.headers_done(stage.started(session))
    stage.asked(session, "q", "Restore it?", item="headers", kind="changed")
    assert current(read(session)) == Node(NodeKind.ITEM, "headers")


def test_every_text_is_made_safe_where_it_is_painted():
    hostile = "\x1b]0;owned\x07 [bold]x[/] \u202e\nnext"
    painted = paint.line(((hostile, words.Tone.BAD),))
    assert painted.plain == "␛]0;owned␇ [bold]x[/] <U+202E> next"


def test_nested_parameters_stand_line_by_line(session: FakeSession):
    stage.tls_failed(session)
    session.emit(
        ev.ParametersEdited(
            item="tls", step="tls.test", before={}, after={"headers": {"A": "b"}}, by="op"
        )
    )
    shown = joined(panel.body(session.plan, read(session), TEST))
    assert "  headers:   edited\n    A: b" in shown


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        ({}, None),
        ({"reason": ""}, "reason"),
        ({"owner": ""}, "owner"),
        ({"expires": "soon"}, "expires"),
        ({"expires": "2025-10-24"}, "expires"),
    ],
)
def test_what_a_waiver_lacks(fields: dict[str, str], lacks: str | None):
    values = {"reason": "slow lab", "owner": "ops", "expires": "2025-11-01", **fields}
    found = lacking(Waiver(**values), stage.NOW)
    assert (found and found[0]) == lacks


# Rehearsals


def rehearsed(session: FakeSession, **fields: object) -> SessionState:
    known = {
        "item": "tls",
        "rehearsed_at": stage.NOW,
        "proven": True,
        "apply_seconds": 20.0,
        "rollback_seconds": 9.0,
        "plan_sha256": session.plan.sha256,
    }
    session.emit(ev.RehearsalNoted(**(known | fields)))
    return read(session)


def test_an_item_that_was_rehearsed_shows_it_until_it_begins(session: FakeSession):
    state = rehearsed(stage.started(session))
    found = row(session.plan, state, TLS, opened=False, now=stage.NOW)
    assert text_of(found.right).startswith("rollback proven just now · ")
    begun = row(session.plan, read(stage.tls_running(session)), TLS, opened=False, now=stage.NOW)
    assert "rollback proven" not in text_of(begun.right)


def test_a_checkpoint_that_waits_for_a_rehearsal_says_so_first(session: FakeSession):
    items = [replace(item, rehearsal_required=item.id == "tls") for item in session.plan.items]
    plan, gate = replace(session.plan, items=tuple(items)), Node(NodeKind.CHECKPOINT, "tls")
    state = read(stage.started(session))
    first = text_of(panel.body(plan, state, gate)[0])
    assert first == "Item tls has to be rehearsed first, and it was not: runbook rehearse"
    state = rehearsed(session)
    assert "rehearsed" not in text_of(panel.body(plan, state, gate)[0])


def taking_back(session: FakeSession, *names: str) -> Plan:
    """The plan, these steps of item 2 with a rollback of their own."""
    steps = session.plan.item("tls").steps
    own = tuple(replace(step, undoes=step.id.partition(".")[2] in names) for step in steps)
    return replace_item(session, steps=own, rollback_budget=Estimate.parse("10m"))


def test_what_begun_steps_take_back_themselves_is_said_before_the_captures(session: FakeSession):
    stage.tls_failed(session)
    plan, state = taking_back(session, "certificates", "nginx", "compose"), read(session)
    state.step("tls.compose").begun = False
    assert text_of(panel.undo_line(plan, state, TLS)) == (
        "r restores 2 TLS/HTTPS enforcement in 10m: what step 2.2 takes back itself,"
        " what step 2.1 takes back itself, docker-compose.staging.yml, nginx/nginx.conf"
    )
    (back,) = [c for c in choices(plan, state, TEST) if c.way is Way.ROLL_BACK]
    assert back.note == "takes 2 steps back, restores 2 captures, proves it"


def test_an_item_without_captures_can_have_something_to_take_back(session: FakeSession):
    stage.tls_running(session)
    state = read(session)
    state.items["tls"].captures.clear()
    assert undo_by(replace_item(session), state) is None
    assert "nothing to roll back" in text_of(panel.undo_line(session.plan, state, TLS))
    plan = taking_back(session, "nginx")
    assert undo_by(plan, state) is not None
    assert "what step 2.2 takes back itself" in text_of(panel.undo_line(plan, state, TLS))


def test_a_step_that_is_partly_done_is_taken_back_before_its_captures(session: FakeSession):
    stage.tls_unknown(session)
    plan = taking_back(session, "test")
    (partly,) = [c for c in choices(plan, read(session), TEST) if c.way is Way.PARTLY]
    assert partly.note.startswith("take it back, restore 0 captures, run again")


# The end


def said(session: FakeSession, *, read_only: bool = False) -> str:
    outside = Outside(alive=True, read_only=read_only)
    return text_of(banner(session.plan, read(session), outside).line)


def test_at_the_end_the_signal_is_offered_and_then_told(session: FakeSession):
    assert "x writes the completion signal" in said(stage.over(session))
    assert "x writes" not in said(session, read_only=True)
    verdict = str(overall(read(session)))
    session.emit(ev.SignalExported(verdict=verdict, sha256="a" * 64, path="signal.json"))
    assert said(session).endswith(f"Completion signal: {verdict}")


def test_at_the_end_the_items_that_could_still_be_run_are_named(session: FakeSession):
    assert "can be done here (rolled back: 2; A runs the selected one). x" in said(
        stage.over(session)
    )
    assert "can be done here (rolled back: 2)." in said(session, read_only=True)


def test_what_the_scope_leaves_out_is_named_and_can_be_run(session: FakeSession):
    stage.started(session)
    session.emit(ev.RunRequested(auto=True, items=("headers",)))
    stage.headers_done(session).emit(ev.NothingLeft())
    left_out = "outside of the session's scope: 2"
    assert f"can be done here ({left_out}; A runs the selected one). x" in said(session)
    assert meant("a", situation(session)) == (None, "Nothing is left that can be done here.")
    assert ("A", "run 2") in footer(situation(session, node=TLS))
    assert ("x", "export") in footer(situation(session))


def test_items_that_wait_for_one_that_is_rolled_back_leave_nothing_to_run(session: FakeSession):
    tls, headers = session.plan.item("tls"), session.plan.item("headers")
    plan = replace(session.plan, items=(tls, replace(headers, needs=("tls",))))
    waiting = FakeSession(plan, folder=session.folder)
    stage.started(waiting).emit(
        ev.CheckpointOpened(item="tls"),
        ev.RollbackStarted(item="tls", by="op", reason=""),
        ev.RollbackFinished(item="tls", proven=True, seconds=1),
        ev.NothingLeft(),
    )
    shown = footer(situation(waiting, node=TLS))
    assert {"enter", "a"}.isdisjoint(key for key, _ in shown)
    assert {("x", "export"), ("A", "run 2 again")} <= set(shown)
    assert "(rolled back: 2; A runs the selected one)" in said(waiting)


def test_where_a_run_was_to_end_is_not_the_end(session: FakeSession):
    stage.headers_done(stage.started(session))
    session.emit(ev.RunRequested(auto=True, until="headers.measure"), ev.NothingLeft())
    assert said(session) == "next: Checkpoint of 2 TLS/HTTPS enforcement"
    assert meant("a", situation(session))[1] == ""


def test_a_signal_that_does_not_hold_any_more_is_not_told_as_if_it_did(session: FakeSession):
    stage.over(session)
    session.emit(ev.SignalExported(verdict="COMPLETE", sha256="a" * 64, path="signal.json"))
    assert "COMPLETE does not hold any more: " in said(session)
    assert said(session).endswith("; x writes a new one.")


def test_at_the_end_the_footer_has_what_is_left_to_do(session: FakeSession):
    before = footer(situation(stage.tls_running(session)))
    assert ("x", "export") not in before
    shown = footer(situation(stage.over(session)))
    assert shown[0] == ("x", "export")
    assert {"enter", "a"}.isdisjoint(key for key, _ in shown)
    assert meant("a", situation(session)) == (None, "Nothing is left that can be done here.")

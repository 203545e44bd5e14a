"""The pages beside the session screen: score, evidence, reports, timeline."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.brief import handover_brief
from runbook_app.domain.clock import Estimate, parse_time
from runbook_app.domain.decisions import judge
from runbook_app.domain.estimate import paces
from runbook_app.domain.measure import Measurement, Verdict
from runbook_app.domain.plan import (
    Item,
    Plan,
)
from runbook_app.domain.state import SessionState
from runbook_app.domain.timeline import critical_path
from runbook_app.domain.window import undo_by
from runbook_app.testing.session import START, FakeSession
from runbook_app.tui.pages import PAGES
from runbook_app.tui.view.evidence import evidence_page
from runbook_app.tui.view.reports import reports_page
from runbook_app.tui.view.score import score_page
from runbook_app.tui.view.timeline import timeline_page
from runbook_app.tui.view.words import Line, text_of, time_of_day
from tests.domain.story import PLAN, Story
from tests.tui import stage
from tests.tui.conftest import SMALL, WIDE, Open
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
from tests.tui.told import CATEGORIES, plan_in, told_in

COLUMNS = 110


@pytest.fixture
def told(tmp_path: Path) -> FakeSession:
    return told_in(tmp_path)


def joined(rows: list[Line]) -> str:
    return "\n".join(text_of(row) for row in rows)


def read(session: FakeSession) -> SessionState:
    session.refresh()
    return session.state


def score_of(session: FakeSession) -> str:
    return joined(score_page(session.plan, read(session), COLUMNS))


def evidence_of(session: FakeSession, item: str = "tls") -> str:
    def size(path: str) -> int | None:
        return 2174 if path == "captures/k1" else None

    plan = session.plan
    return joined(evidence_page(plan, read(session), plan.item(item), size, COLUMNS))


def timeline_of(session: FakeSession, now: str = stage.NOW) -> str:
    return joined(timeline_page(session.plan, read(session), now, COLUMNS))


# Score


def test_every_check_stands_with_its_evidence_before_and_now(told: FakeSession):
    shown = score_of(told)
    assert "Measured 12/100 before, 25/100 now (the plan's claim: 70 → 95)." in shown
    assert "Transport  50 → 100  weight 1, the plan claims 40 → 100" in shown
    assert "✓ passed  Transport: first  5/5  before: FAILED 0/5\n      seen by asked" in shown
    assert all(name in shown for name in CATEGORIES)


def test_not_measured_not_applicable_and_waived_are_said_in_words(told: FakeSession):
    shown = score_of(told)
    assert "? not measured  Secrets: first  0/5  before: FAILED 0/5" in shown
    assert "· not applicable  Input: first  not counted  before: not applicable" in shown
    assert "Input  not applicable → not applicable" in shown
    assert "» waived: P95 below the limit, until 2025-11-01, owner anna: staging is slow" in shown


def test_a_score_that_was_never_measured_lists_its_checks(tmp_path: Path):
    session = stage.started(FakeSession(plan_in(tmp_path)))
    shown = score_of(session)
    assert "? not measured  Transport: first\n      not looked at yet" in shown
    assert "Transport  not measured → not measured" in shown


def test_a_score_that_is_being_measured_or_may_not_hold_any_more_says_so(told: FakeSession):
    told.emit(ev.RollbackStarted(item="tls", by="op", reason=""), at="2025-10-24T09:11:00.000Z")
    shown = score_of(told)
    assert "! Rolled back since, so that it may not hold any more: tls" in shown
    assert "being measured" not in shown
    told.emit(ev.ScoreStarted(id="m", moment="asked", by="op"))
    assert "● being measured: 0 of 9 checks so far" in score_of(told)


def test_a_category_without_a_check_and_a_check_that_is_excluded_say_why(tmp_path: Path):
    plan = plan_in(tmp_path)
    first, *others = plan.score.categories
    categories = (replace(first, checks=()), *others)
    plan = replace(plan, score=replace(plan.score, categories=categories))
    shown = score_of(stage.started(FakeSession(plan)))
    assert "Transport  not measured → not measured  weight 1" in shown
    assert "no check of the plan measures it" in shown
    assert "· not applicable  Input: first\n      the plan's vault is not in use" in shown


# Evidence


def test_what_checks_and_steps_saw_and_how_long_they_took_is_evidence():
    kept = {"name": "app.py", "path": "captures/k9", "sha256": "c" * 64, "summary": "mode 0640"}
    step = {"item": "tls", "step": "tls.certificates"}
    seen = {"verdict": Verdict.PASSED, "evidence": "200 from /health", "seconds": 42.0}
    story = Story().run().headers().checkpoint()
    story.tell(
        ev.CaptureTaken(id="k9", item="tls", step="", kind="file", dirty=True, **kept),
        ev.StepStarted(**step, attempt=1, parameters={}),
        ev.StepMeasured(**step, measurement=Measurement(name="days", value=365)),
        ev.StepSucceeded(**step, evidence="made certs/cert.pem"),
        ev.CheckFinished(item="tls", section="success", line="https", title="HTTPS", **seen),
    )
    tls = PLAN.item("tls")
    shown = joined(evidence_page(PLAN, story.state, tls, lambda _: 9, COLUMNS))
    assert "app.py  held changes that were not committed\n    mode 0640" in shown
    assert ", took 2s\n    · days  365\n    made certs/cert.pem" in shown
    assert ", took 42s\n    200 from /health" in shown


def test_criteria_have_their_values_and_when(told: FakeSession):
    shown = evidence_of(told)
    assert "✗ p95  120.5 ms  limit <= 100 ms  OUTSIDE" in shown
    assert "measured 2025-10-24 08:50:00 UTC" in shown


def test_confirmations_say_who_and_when(told: FakeSession):
    shown = evidence_of(told)
    assert "TLS guide reviewed  confirmed by op 08:20" in shown
    assert "confirmed by op 2025-10-24 08:20:00 UTC" in shown
    told.emit(ev.LineConfirmed(item="tls", line="read", by="op", assumed=True))
    assert "assumed (--yes, nobody confirmed it) by op" in evidence_of(told)


def test_captures_have_size_and_place_and_a_lost_one_is_said(told: FakeSession):
    shown = evidence_of(told)
    assert "2,174 bytes, encrypted  captures/k1  sha256 aaaaaaaaaaaa  by the checkpoint" in shown
    assert "✗ NOT THERE  captures/k2" in shown


def test_commit_and_proof_of_a_rollback_are_evidence(told: FakeSession):
    assert "commit\nnone" in evidence_of(told)
    told.emit(
        ev.ItemCommitted(item="tls", commit="c" * 40, paths=("nginx/nginx.conf",)),
        ev.RollbackStarted(item="tls", by="op", reason=""),
        ev.RollbackFinished(item="tls", proven=True, seconds=12),
    )
    shown = evidence_of(told)
    assert "at the checkpoint: sha256 ffffffffffff  fp" in shown
    assert "Rolled back in 0:12, proven: equals the checkpoint." in shown


# Reports, and the brief


def test_a_brief_says_where_we_are(told: FakeSession):
    lines = handover_brief(read(told), told.plan, stage.NOW)
    assert lines[0] == "Item: 2 - TLS/HTTPS enforcement"
    assert "State: failed, 1 of 3 items done" in lines
    assert "Waits for a person: nothing" in lines
    assert "Undo by: 19:50 UTC" in lines
    assert "Open risk: criterion p95 is waived until 2025-11-01" in lines
    assert "Open risk: blocker: no DNS" in lines
    assert lines[-1] == "Next action: Retry, skip or roll back (item 2)"


def test_a_brief_names_the_question_that_waits(told: FakeSession):
    stage.asked(told, "q", "TLS guide reviewed", person_required=True)
    lines = handover_brief(read(told), told.plan, stage.NOW)
    assert "Waits for a person: TLS guide reviewed (a person must answer)" in lines
    assert lines[-1] == "Next action: Answer: TLS guide reviewed"


def test_the_engine_puts_the_brief_on_record(told: FakeSession):
    state = read(told)
    command = cmd.WriteBrief(id="w", by="anna", epoch=1, seen=state.seq, expires="")
    (written,) = judge(state, told.plan, command)
    assert written == ev.BriefWritten(by="anna", lines=handover_brief(state, told.plan, state.at))


def test_reports_stand_newest_first(told: FakeSession):
    told.emit(ev.BriefWritten(by="anna", lines=("Item: 2",)), at="2025-10-24T09:11:00.000Z")
    shown = joined(reports_page(told.plan, read(told), stage.NOW, COLUMNS))
    places = [shown.index(at) for at in ("09:11:00 UTC", "09:10:00 UTC", "08:01:00 UTC")]
    assert places == sorted(places)
    assert "09:11:00 UTC  where we are, written by anna\n  Item: 2" in shown
    assert "3 reports on record" in shown


# Timeline and clocks


def test_planned_and_actual_stand_on_the_window(told: FakeSession):
    rows = timeline_of(told).splitlines()
    row = next(n for n, text in enumerate(rows) if "2 TLS" in text)
    assert "░░░░" in rows[row]
    assert "planned 45m-55m" in rows[row]
    assert "✗ FAILED" in rows[row + 1]
    assert rows[0].split() == ["window", "08:00", "14:00", "20:00"]
    assert "now 09:12" in rows[1]
    assert "undo by: 19:50 UTC" in rows
    assert "08:00-11:00" in next(text for text in rows if "Block 1" in text)


def test_blocks_and_items_are_planned_from_the_window_s_opening(told: FakeSession):
    told.plan = replace(told.plan, window=replace(told.plan.window, starts=_at("08:30")))
    rows = timeline_of(told).splitlines()
    assert rows[0].split() == ["window", "08:00", "14:15", "20:30"]
    block, item = (next(text for text in rows if words in text) for words in ("Block 1", "1 API"))
    assert "08:30-11:30" in block
    assert block.index("░") == item.index("░")


def _at(time: str) -> datetime:
    return parse_time(f"2025-10-24T{time}:00Z")


def test_the_bar_of_what_was_done_lies_where_it_was_done(told: FakeSession):
    rows = timeline_of(told).splitlines()
    row = next(n for n, text in enumerate(rows) if "2 TLS" in text)
    wide = COLUMNS - 34 - 26
    hour = wide / 12
    first = rows[row + 1].index("█") - 34
    assert first == int(hour * 5 / 60)  # its checkpoint opened at 08:05
    now = rows[1].index("now")
    assert now - 34 == int(hour * 72 / 60)
    first = next(n for n, text in enumerate(rows) if "1 API" in text)
    assert {text[now] for text in rows[first : first + 2]} == {"│"}


def test_overruns_and_the_suspiciously_fast_are_said_in_words(told: FakeSession):
    shown = timeline_of(told)
    assert "! 2.3 Update docker-compose.staging.yml: 18m12s of 10m, OVER by 8m12s" in shown
    assert "? 2.1 Generate TLS certificates: 4s of 5m, suspiciously fast" in shown
    assert "2.2 Create nginx" not in shown


@pytest.mark.parametrize(
    ("seconds", "words"), [(4, "4s, FAST"), (300, "5m"), (1500, "25m, OVER by 15m")]
)
def test_an_item_that_took_too_long_or_too_little_says_so_in_its_row(seconds: int, words: str):
    story = Story(gap=0).step("headers.measure", seconds).tell(ev.ItemVerified(item="headers"))
    rows = joined(timeline_page(PLAN, story.state, story.at, COLUMNS)).splitlines()
    at = next(n for n, text in enumerate(rows) if "1 API" in text)
    assert rows[at + 1].endswith(f" {words}")


def test_the_critical_path_follows_what_items_need(told: FakeSession):
    chain, span = critical_path(told.plan, read(told), stage.NOW)
    assert [item.id for item in chain] == ["headers", "tls", "database"]
    # 3 min 10 s were taken, 55 and 15 minutes are planned at most.
    assert span.total_seconds() == 190 + 55 * 60 + 15 * 60
    shown = timeline_of(told)
    assert "* critical path: items 1 → 2 → 3, 1h13m" in shown
    assert [f"*{item.number} {item.title}" in shown for item in told.plan.items] == [True] * 3
    free = replace(told.plan, items=tuple(replace(i, needs=()) for i in told.plan.items))
    assert critical_path(free, read(told), stage.NOW)[0] == []


def test_a_measured_rollback_longer_than_its_budget_moves_undo_by(told: FakeSession):
    def by(plan: Plan) -> str:
        found = undo_by(plan, read(told))
        return time_of_day(found) if found else "unknown"

    assert by(told.plan) == "19:50"
    told.emit(
        ev.RehearsalNoted(
            item="tls",
            rehearsed_at=START,
            proven=True,
            apply_seconds=60,
            rollback_seconds=1800,
            plan_sha256=told.plan.sha256,
        )
    )
    assert by(told.plan) == "19:30"
    unbudgeted = tuple(replace(item, rollback_budget=None) for item in told.plan.items)
    assert by(replace(told.plan, items=unbudgeted)) == "19:30"


def test_a_session_slower_than_planned_is_expected_to_stay_slow(told: FakeSession):
    state = read(told)

    def late(estimate: str) -> float:
        items = tuple(_planned(item, estimate) for item in told.plan.items)
        return paces(state, replace(told.plan, items=items))[False][1]

    assert late("1h") == 1.0
    # Four steps are done: 3 min 10 s, 4 s, 9 min and 18 min 12 s.
    assert late("1m") == pytest.approx((190 + 4 + 540 + 1092) / (4 * 60))


def _planned(item: Item, estimate: str) -> Item:
    steps = tuple(replace(step, estimate=Estimate.parse(estimate)) for step in item.steps)
    return replace(item, steps=steps)


# The screens

KEYS = pytest.mark.parametrize(
    ("key", "words"),
    [
        ("S", "Security score"),
        ("v", "Evidence"),
        ("p", "Reports"),
        ("t", "Timeline"),
        ("d", "has changed since"),
    ],
    ids=["score", "evidence", "reports", "timeline", "diff"],
)


@KEYS
async def test_a_page_is_one_key_away(told: FakeSession, opened: Open, key: str, words: str):
    async with opened(told) as pilot:
        await press(pilot, key)
        await until_shown(pilot, words)
        await press(pilot, "escape")
        assert len(pilot.app.screen_stack) == 1


@KEYS
async def test_a_page_has_its_own_help(told: FakeSession, opened: Open, key: str, words: str):
    kind = next(kind for kind in PAGES if kind.key == key)
    async with opened(told) as pilot:
        await press(pilot, key)
        await until_shown(pilot, words)
        await press(pilot, "question_mark")
        await until_shown(pilot, kind.about[:40])
        shown = text(pilot)
        assert all(command.label in shown for command in kind.commands)
        assert "ROLL BACK" not in shown


async def test_from_one_page_to_another_none_stays_below(told: FakeSession, opened: Open):
    async with opened(told) as pilot:
        for key, words in (("S", "seen by asked"), ("t", "critical path"), ("p", "on record")):
            await press(pilot, key)
            await until_shown(pilot, words)
        assert len(pilot.app.screen_stack) == 2
        await press(pilot, "q")
        assert len(pilot.app.screen_stack) == 1


async def test_a_failure_shows_on_every_page_and_the_page_goes_on(told: FakeSession, opened: Open):
    async with opened(told) as pilot:
        await press(pilot, "p")
        await until_shown(pilot, "failed: GET /health answered 502.")
        told.emit(ev.BriefWritten(by="zoe", lines=("Item: 2",)))
        await until_shown(pilot, "written by zoe")


async def test_the_session_is_laid_out_anew_when_the_terminal_changed_under_a_page(
    told: FakeSession, opened: Open
):
    async with opened(told, WIDE) as pilot:
        await press(pilot, "p")
        await until_shown(pilot, "on record")
        await pilot.resize_terminal(*SMALL)
        await until_shown(pilot, "? help")
        await press(pilot, "escape")
        await until_shown(pilot, "Step 2.4")
        assert session_screen(pilot).has_class("narrow")


async def test_evidence_goes_to_the_next_item(told: FakeSession, opened: Open):
    async with opened(told) as pilot:
        await press(pilot, "v")
        await until_shown(pilot, "2 TLS/HTTPS enforcement")
        await press(pilot, "]")
        await until_shown(pilot, "3 Database hardening")
        await press(pilot, "[", "[")
        await until_shown(pilot, "1 API security headers")


@pytest.mark.parametrize("keys", ["W", "pW"])
async def test_one_key_writes_where_we_are(told: FakeSession, opened: Open, keys: str):
    async with opened(told) as pilot:
        await press(pilot, *keys)
        assert isinstance(await sent(pilot, told), cmd.WriteBrief)


async def test_a_read_only_observer_reads_and_copies_but_writes_nothing(
    told: FakeSession, opened: Open
):
    told.read_only = True
    async with opened(told) as pilot:
        await press(pilot, "p", "W")
        await until(pilot, lambda: "read-only" in notices(pilot))
        await nothing_sent(pilot, told)
        assert "W write" not in text(pilot)
        await press(pilot, "y")
        await until(pilot, lambda: "Item: 2 - TLS/HTTPS" in pilot.app.clipboard)
        assert "│" not in pilot.app.clipboard

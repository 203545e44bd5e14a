"""The completion signal: its verdicts, and that no figure in it is made up."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from runbook_app.domain import events as ev
from runbook_app.domain.measure import Verdict
from runbook_app.domain.plan import Claim
from runbook_app.domain.signal import Signal, build_signal, signal_markdown

from .story import (
    HEADERS,
    PLAN,
    SCORED,
    SIGN_OFF,
    TLS,
    WHOLE,
    Story,
    checked,
    complete,
    line,
    measured,
)


def signal(story: Story) -> Signal:
    return build_signal(story.state, story.plan, story.at)


def waived(story: Story) -> Story:
    return story.tell(
        ev.CriterionWaived(item="tls", line="fast", reason="lab", owner="bo", expires="2026-01-01")
    )


def test_complete_when_every_item_is_done_and_every_line_was_confirmed_by_a_person() -> None:
    found = signal(complete())
    assert found.verdict == "COMPLETE"
    assert found.reasons == ()
    assert found.not_confirmed == ()


def test_unattended_when_a_confirmation_was_assumed() -> None:
    found = signal(complete(assumed=True))
    assert found.verdict == "COMPLETE (unattended)"
    assert [(line.item, line.title, line.by) for line in found.not_confirmed] == [
        ("tls", "TLS guide reviewed", "anna")
    ]
    assert "Not confirmed by a person" in signal_markdown(found)
    assert "assumed (--yes, anna, 2025-10-24 08:00" in signal_markdown(found)


def test_unattended_when_an_actions_question_was_answered_by_nobody() -> None:
    story = complete()
    story.tell(
        ev.QuestionAsked(id="q", item="tls", step="tls.test", kind="choice", text="Go on?"),
        ev.QuestionAnswered(id="q", answer="yes", by="anna", assumed=True),
    )
    assert signal(story).verdict == "COMPLETE (unattended)"
    assert signal(story).not_confirmed[0].title == "Go on?: yes"


def test_a_step_s_statement_that_nobody_confirmed_is_listed_with_its_time() -> None:
    story = complete()
    story.tell(
        ev.QuestionAsked(id="q", item="tls", step="tls.test", kind="statement", text="It is neat"),
        ev.QuestionAnswered(id="q", answer="yes", by="anna", assumed=True),
    )
    found = signal(story)
    assert found.verdict == "COMPLETE (unattended)"
    (line,) = found.not_confirmed
    assert (line.item, line.line, line.title, line.at) == (
        "tls",
        "tls.test",
        "It is neat",
        story.at,
    )


def test_ended_when_an_item_was_rolled_back() -> None:
    found = signal(complete().rollback())
    assert found.verdict == "ENDED"
    page = signal_markdown(found)
    assert "Item 2: rolled back, proven, in 12s (the plan's budget: 5m-10m)" in page
    assert "2 rows written since" in page
    assert "history is never rewritten" in page


def test_ended_when_a_criterion_was_waived_and_the_waiver_is_listed() -> None:
    story = Story().run().headers().checkpoint()
    story.step("tls.certificates").step("tls.test")
    story.tell(checked("tls", "https"), checked("tls", "fast", verdict=Verdict.FAILED))
    waived(story).tell(
        ev.ItemVerified(item="tls"), ev.ItemCommitted(item="tls", commit="c" * 40, paths=())
    )
    found = signal(story)
    assert found.verdict == "ENDED"
    assert [(w.line, w.owner, w.expires) for w in found.waivers] == [("fast", "bo", "2026-01-01")]


def test_ended_when_a_step_was_skipped() -> None:
    story = Story().run().headers().checkpoint().step("tls.certificates")
    story.tell(
        ev.StepSkipped(item="tls", step="tls.test", reason="r", owner="bo", expires="2026-01-01"),
        checked("tls", "https"),
        checked("tls", "fast"),
        ev.ItemVerified(item="tls"),
        ev.ItemCommitted(item="tls", commit="c" * 40, paths=()),
    )
    assert signal(story).verdict == "ENDED"


@pytest.mark.parametrize(
    ("bodies", "reason"),
    [
        ((), "not started"),
        (
            (ev.StepStarted(item="tls", step="tls.test", attempt=1, parameters={}),),
            "still running",
        ),
        (
            (
                ev.StepStarted(item="tls", step="tls.test", attempt=1, parameters={}),
                ev.StepFailed(item="tls", step="tls.test", error="port 8001 refused"),
            ),
            "step tls.test failed: port 8001 refused",
        ),
        (
            (
                ev.StepStarted(item="tls", step="tls.test", attempt=1, parameters={}),
                ev.StepBecameUnknown(item="tls", step="tls.test", reason="engine died"),
            ),
            "tls.test is unknown after a crash",
        ),
        (
            (ev.CheckpointOpened(item="tls"), ev.CheckpointFailed(item="tls", reason="no openssl")),
            "checkpoint failed: no openssl",
        ),
        (
            (checked("tls", "fast", verdict=Verdict.NOT_MEASURED, evidence="no answer"),),
            "criterion fast could not be measured: no answer",
        ),
        ((ev.BlockerRaised(id="b", text="no key", by="bo"),), "blocker: no key"),
    ],
)
def test_incomplete_names_what_is_open(bodies: tuple[ev.AnyEvent, ...], reason: str) -> None:
    found = signal(Story().run().headers().tell(*bodies))
    assert found.verdict == "INCOMPLETE"
    assert any(reason in text for text in found.reasons)


def test_incomplete_while_an_action_is_not_installed_and_what_needs_it_is_named_too() -> None:
    story = Story(WHOLE).run().headers().tls()
    found = signal(story)
    assert found.verdict == "INCOMPLETE"
    missing = "the actions of these steps are not installed: database.pgcrypto"
    assert found.reasons == (
        f"item 3 (Database Hardening): {missing}",
        "item 7 (Sign-off): it needs database, which can't be done here",
    )
    states = {s.id: s.state for item in found.items for s in item.steps}
    assert states["database.pgcrypto"] == "unavailable"


def test_incomplete_while_a_rollback_is_not_proven() -> None:
    found = signal(complete().rollback(proven=False))
    assert found.verdict == "INCOMPLETE"
    assert "1 differences remain" in found.reasons[0]
    assert "differs: port:8001: was api, is none" in signal_markdown(found)


def test_p95_is_compared_with_the_measurement_before() -> None:
    found = signal(complete()).p95
    assert (found.before.value, found.after.value, found.after.limit) == (38.9, 41.3, "<= 100")


def test_figures_that_nobody_measured_say_so() -> None:
    found = signal(Story().run().headers())
    assert (found.p95.before.value, found.p95.after.value) == (None, None)
    assert found.score.measured is None
    page = signal_markdown(found)
    assert "Test coverage: not measured" in page
    assert "Performance P95: not measured" in page
    assert "Breaking changes: not measured" in page
    assert "Security score: not measured (the plan's claim: 70 → 95)" in page


def test_a_claim_stands_beside_what_was_measured_or_is_called_unproven() -> None:
    before = signal(Story().run().headers())
    assert [claim.id for claim in before.unproven] == ["p95-claim", "lines"]
    after = signal(complete())
    assert [claim.id for claim in after.unproven] == ["lines"]
    assert "- secrets.py has 350+ lines (lines prove nothing)" in signal_markdown(after)
    assert [(c.id, c.measured_by, c.verdict) for c in after.claims] == [
        ("p95-claim", "fast", "passed")
    ]
    assert after.claims[0].measurements[0].value == 41.3


def test_what_an_undone_item_measured_proves_nothing_any_more() -> None:
    found = signal(complete().rollback())
    assert found.p95.after.value is None
    assert [claim.id for claim in found.unproven] == ["p95-claim", "lines"]


def test_a_session_that_is_not_complete_is_ready_for_nothing() -> None:
    assert signal(complete()).ready_for == "Phase 2: Operational Hardening"
    assert signal(complete()).next_task == "Task #9: 24-Hour Monitoring"
    open_session = signal(Story().run().headers())
    assert open_session.ready_for == ""
    assert open_session.next_task == "Item 2: TLS/HTTPS Enforcement"


def test_what_another_session_did_is_named_with_it() -> None:
    story = Story()
    done = ev.DoneBefore(item="tls", session="s0", at=story.at)
    begun = msgspec.structs.replace(story.entries[0].body, done_before=(done,))
    found = build_signal(Story().tell(begun).state, PLAN, story.at)
    assert found.done_before == ("tls in session s0, 2025-10-24 08:00:02 UTC",)
    assert "- Done before this session: tls in session s0" in signal_markdown(found)


def test_it_speaks_of_the_journals_tip_and_of_the_pinned_plan() -> None:
    story = complete()
    found = signal(story)
    assert (found.journal.seq, found.journal.hash) == (story.entries[-1].seq, story.state.hash)
    assert found.plan_sha256 == PLAN.sha256
    assert found.commits == ("c" * 40 + " (item 2)",)


def test_the_time_waited_for_people_is_not_time_at_work() -> None:
    asked = ev.QuestionAsked(id="q", item="tls", step="", kind="confirm", text="Sure?")
    story = Story(gap=0).run().headers().tell(asked)
    story.tell(ev.QuestionAnswered(id="q", answer="yes", by="bo"), after=600)
    times = signal(story.tls()).times
    assert times.active == pytest.approx(38)
    assert times.elapsed == pytest.approx(638)


def test_text_of_the_target_stays_text() -> None:
    hostile = "](http://evil) <script>alert(1)</script> | # x\n\x1b[2J\u202e `"
    story = Story().run()
    story.step("headers.measure", 1.0, measured(hostile, 1))
    story.tell(checked("headers", "every-answer", evidence=hostile, verdict=Verdict.FAILED))
    page = signal_markdown(signal(story))
    assert "<script>" not in page.replace("\\<", "")
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "](http" not in page.replace("\\](", "")
    rows = [text for text in page.splitlines() if "script" in text and text.startswith("|")]
    assert all(text.replace("\\|", "").count("|") in (4, 6) for text in rows)
    assert rows


def test_the_score_stands_before_and_after_with_every_check() -> None:
    story = Story(SCORED).score("before", 1).run().headers().tls().score("after", 3)
    found = signal(story).score
    assert (found.before.total, found.after.total, found.measured) == (25, 75, 75)
    share = found.after.categories[0]
    assert (share.name, share.score, share.claimed_before) == ("API Security", 75, 100)
    assert [(line.id, line.points, line.of) for line in share.checks][:2] == [
        ("api-0", 1, 1),
        ("api-1", 1, 1),
    ]
    assert share.checks[3].evidence == "seen 3"
    assert share.checks[3].measurements[0].value == 3
    page = signal_markdown(signal(story))
    assert "Security score: measured 25/100 before, 75/100 now (the plan's claim: 70 → 95)" in page
    assert "| line 3 | CIS 3 | 0/1 | 0/1 | seen 3 |" in page


def test_a_score_from_before_a_rollback_says_so() -> None:
    story = Story(SCORED).score("before", 1).run().headers().tls().score("after", 3)
    assert signal(story).score.outdated == ()
    assert signal(story.rollback()).score.outdated == ("tls",)
    assert "may not hold any more: tls." in signal_markdown(signal(story))
    assert signal(story.score("asked", 1)).score.outdated == ()


def test_only_a_score_that_came_to_its_end_counts() -> None:
    begun = ev.ScoreStarted(id="m", moment="before", by="the plan")
    found = signal(Story(SCORED).tell(begun)).score
    assert (found.measured, found.before) == (None, None)


def test_what_was_measured_on_top_of_an_undone_item_does_not_hold_any_more() -> None:
    over = replace(SIGN_OFF, needs=("tls",), success=(line("final-p95", "P95 at the end"),))
    claimed = Claim(id="end", text="It is fast", measured_by="final-p95")
    story = Story(replace(PLAN, items=(HEADERS, TLS, over), claims=(claimed,))).run()
    story.headers().tls().step("sign-off.suite", 30.0, measured("coverage", 99.0, unit="%"))
    story.tell(
        checked("sign-off", "final-p95", measured("P95", 50.0, unit="ms", limit="<= 100")),
        ev.ItemVerified(item="sign-off"),
    )
    before = signal(story)
    assert (before.coverage.value, before.p95.after.value) == (99.0, 50.0)
    after = signal(story.rollback())
    assert (after.coverage.value, after.p95.after.value) == (None, None)
    assert [claim.id for claim in after.unproven] == ["end"]
    assert "Sign-off (succeeded; measured before item 2 was rolled back;" in signal_markdown(after)
    assert [item.reason for item in after.items if item.id == "headers"] == [""]


def test_an_item_that_was_rolled_back_and_run_again_says_so_when_it_is_done() -> None:
    story = complete().rollback().tell(ev.ItemTakenUpAgain(item="tls", by="anna"))
    at = story.at
    found = signal(story.tls())
    assert found.verdict == "COMPLETE"
    tls = next(item for item in found.items if item.id == "tls")
    assert [rollback.run_again for rollback in tls.rollbacks] == [at]
    assert ", and run again at 2025-10-24 08:0" in signal_markdown(found)


def test_a_rollback_after_which_nothing_was_run_again_does_not_say_so() -> None:
    assert "run again" not in signal_markdown(signal(complete().rollback()))

"""The status report, and the documents that a session keeps in its target."""

from __future__ import annotations

from unicodedata import category

import pytest

from runbook_app.domain import events as ev
from runbook_app.domain.markdown import escape, figure, plain
from runbook_app.domain.markdown import measured as as_text
from runbook_app.domain.measure import Measurement, Verdict
from runbook_app.domain.report import (
    audit_document,
    progress_document,
    report_lines,
    status_report,
)

from .story import WHOLE, Story, checked, complete, measured


def test_no_character_that_is_hidden_passes_as_plain() -> None:
    hidden = [c for c in map(chr, range(0x20000)) if category(c).startswith("C")]
    assert [c for c in hidden if c.isprintable()] == []  # what `plain` takes as they are
    assert set(plain("a".join(hidden))) == {"a", " "}
    assert plain(" a \u2028b  é漢 ") == "a b é漢"


def report(story: Story) -> ev.StatusReported:
    return status_report(story.state, story.plan, story.at)


def in_tls() -> Story:
    story = Story(gap=0).run().headers().checkpoint().step("tls.certificates", 60)
    return story.tell(ev.StepStarted(item="tls", step="tls.test", attempt=1, parameters={}))


def test_a_report_before_anything_has_begun() -> None:
    found = report(Story())
    assert found.started == "nothing yet"
    assert found.next == "Item 1 - API Security Headers (10m)"


def test_a_report_in_the_middle_of_an_item_has_the_plans_form() -> None:
    assert report_lines(report(in_tls())) == [
        "Started: Item 2 - TLS/HTTPS Enforcement (08:00 UTC)",
        "Current: Test HTTPS access",
        "Status: ✓ Checkpoint passed, ✓ Generate TLS certificates (1m), ⏳ Test HTTPS access (0s)",
        "Next: Verify the success criteria",
        "Estimated Completion: 08:02-08:21 UTC",
    ]


def test_the_estimate_is_a_range_from_the_pace_so_far_to_the_plans_own() -> None:
    story = in_tls()
    # 64 s were taken where 15 minutes were planned, and 20 minutes are planned for the rest.
    assert report(story).estimated_completion == "08:02-08:21 UTC"


def test_a_completion_after_the_window_says_so() -> None:
    story = in_tls().tell(ev.NoteAdded(text="lunch", by="bo"), after=12 * 3600)
    story.tell(ev.StepFailed(item="tls", step="tls.test", error="x"), after=0)
    story.tell(ev.StepReset(item="tls", step="tls.test", reason="again"), after=0)
    assert "after the window closes" in report(story).estimated_completion


@pytest.mark.parametrize(
    ("body", "current"),
    [
        (
            ev.QuestionAsked(id="q", item="tls", step="tls.test", kind="text", text="Which name?"),
            "Waiting for a person: Which name?",
        ),
        (
            ev.QuestionAsked(
                id="q", item="tls", step="tls.test", kind="blast_radius", text="Sure?\n  container"
            ),
            "Waiting for a person: Sure?",
        ),
        (
            ev.StepFailed(item="tls", step="tls.test", error="refused"),
            "step tls.test failed: refused",
        ),
        (
            ev.StepProgressed(item="tls", step="tls.test", text="7 of 9"),
            "Test HTTPS access (7 of 9)",
        ),
        (
            ev.StepStopping(item="tls", step="tls.test", reason="timed out"),
            "Test HTTPS access (stopping: timed out)",
        ),
        (ev.RollbackStarted(item="tls", by="bo", reason=""), "Rolling back item 2"),
    ],
)
def test_the_current_work_is_named(body: ev.AnyEvent, current: str) -> None:
    assert report(in_tls().tell(body)).current == current


def test_blockers_are_part_of_the_report() -> None:
    story = in_tls().tell(ev.BlockerRaised(id="b", text="no DNS", by="bo"))
    assert "blocker: no DNS" in report(story).status


def lock_taken(how: str) -> ev.LockTaken:
    return ev.LockTaken(
        session="s0",
        operator="ada",
        host="host-b",
        pid=12,
        since="2025-10-24T07:00:00.000Z",
        heartbeat="2025-10-24T07:30:00.000Z",
        how=how,
        by="bo",
        reason="" if how == "ended" else "it |hangs|",
    )


@pytest.mark.parametrize(
    ("how", "words"), [("killed", "its engine killed"), ("stopped", "stopped at a safe point")]
)
def test_a_driver_that_was_displaced_is_in_the_fold_the_report_and_the_progress(
    how: str, words: str
) -> None:
    story = in_tls().tell(lock_taken(how))
    assert [taken for taken, _ in story.state.taken_over()] == [lock_taken(how)]
    (said,) = report(story).status[-1:]
    for part in ("s0", "ada", "host-b", "12", "07:00:00 UTC", "07:30:00 UTC", "by bo", words):
        assert part in said
    assert said.endswith(": it |hangs|")
    page = progress_document(story.state, story.plan, story.at)
    assert "## Locks taken from others" in page
    assert r"it \|hangs\|" in page


def test_the_lock_of_a_process_that_had_ended_is_on_record_and_needs_no_attention() -> None:
    story = in_tls().tell(lock_taken("ended"))
    assert story.state.taken_over() == []
    assert not any("s0" in said for said in report(story).status)
    page = progress_document(story.state, story.plan, story.at)
    assert "whose process had ended" in page


def test_nothing_is_next_when_all_is_done() -> None:
    found = report(complete())
    assert found.next == "nothing in this scope"
    assert found.estimated_completion == "nothing is open in this scope"


def test_what_cannot_be_done_here_is_not_next() -> None:
    assert report(Story(WHOLE).run().headers().tls()).next == "nothing in this scope"


def test_progress_shows_planned_against_actual_and_who_confirmed() -> None:
    story = complete()
    page = progress_document(story.state, story.plan, story.at)
    assert "| Test HTTPS access | succeeded | 20m | 30s | 1 |" in page
    assert "| TLS guide reviewed | confirmed | by anna |" in page
    assert "P95: 41.3 ms (limit \\<= 100 ms)" in page
    assert "Committed as `" + "c" * 40 in page


def test_progress_says_what_no_person_confirmed() -> None:
    story = complete(assumed=True)
    page = progress_document(story.state, story.plan, story.at)
    assert "assumed (--yes, anna, 2025-10-24 08:00:" in page
    assert "## Not confirmed by a person" in page
    assert "Not confirmed" not in progress_document(complete().state, story.plan, story.at)


def test_progress_keeps_notes_blockers_and_the_proof_of_a_rollback() -> None:
    story = complete().rollback()
    story.tell(
        ev.NoteAdded(text="retry on Monday", by="bo"),
        ev.BlockerRaised(id="b", text="no DNS", by="bo"),
        ev.BlockerCleared(id="b", by="bo"),
        ev.LogLost(source="nginx", expected=10, stored=9),
    )
    page = progress_document(story.state, story.plan, story.at)
    assert "Rolled back, proven, in 12s, budget 5m-10m, by anna." in page
    assert "retry on Monday" in page
    assert "no DNS (cleared 2025-10-24" in page
    assert "nginx: 9 of 10 lines stored" in page


def test_progress_names_what_differs_after_an_unproven_rollback() -> None:
    story = complete().rollback(proven=False)
    page = progress_document(story.state, story.plan, story.at)
    assert "Rolled back, NOT proven" in page
    assert "Differs: port:8001: was api, is none" in page


def test_the_audit_has_every_measurement_with_its_evidence() -> None:
    story = Story().run().headers()
    page = audit_document(story.state, story.plan, story.at)
    assert "| 1 API Security Headers | COMPLETE | verified: every criterion holds |" in page
    assert "| headers | 8 | = 8 | yes |" in page
    assert "| answers | 6 | = 6 | yes |" in page


def test_the_audit_never_takes_the_plans_word() -> None:
    untouched = Story().run()
    page = audit_document(untouched.state, untouched.plan, untouched.at)
    assert "| 1 API Security Headers | COMPLETE | not measured |" in page
    story = Story().run().step("headers.measure")
    seven = measured("headers on 404", 7, limit="= 8", ok=False)
    story.tell(checked("headers", "every-answer", seven, verdict=Verdict.FAILED, evidence="CSP"))
    page = audit_document(story.state, story.plan, story.at)
    assert "NOT verified: criterion every-answer is not met: CSP" in page
    assert "| headers on 404 | 7 | = 8 | NO |" in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# heading", "\\# heading"),
        ("- item", "\\- item"),
        ("1. one", "1\\. one"),
        ("a | b", "a \\| b"),
        ("<b>&amp;", "\\<b\\>\\&amp;"),
        ("[x](y) `c` *d* _e_ ~f~", "\\[x\\](y) \\`c\\` \\*d\\* \\_e\\_ \\~f\\~"),
        ("two\nlines\r\n\x1b[31mred\u202e", "two lines \\[31mred"),
        ("0.35", "0.35"),
    ],
)
def test_markdown_shows_text_as_it_is(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_figures_are_written_for_people() -> None:
    assert figure(41.349999, "ms") == "41.35 ms"
    assert figure(12345.678) == "12345.7"
    assert figure(92.5, "%") == "92.5%"
    assert figure(True) == "yes"
    assert figure(None) == "nothing"
    below = Measurement(name="coverage", value=88.0, unit="%", limit=">= 90", ok=False)
    assert as_text(below) == "coverage: 88% (limit >= 90%) - NOT MET"

"""Whether a rehearsal still counts, and how that is said."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from runbook_app.domain import events as ev
from runbook_app.domain.clock import to_text
from runbook_app.domain.rehearsal import Footing, ago, badge_words, counts, missing, outdated
from runbook_app.domain.report import progress_document, report_lines, status_report
from runbook_app.domain.state import SessionState

from .story import PLAN, START, TLS, Story

HERE = Footing(plan_sha256="p", variables="v", commit="c1", changes="none")
REQUIRED = replace(TLS, rehearsal_required=True)
texts = st.sampled_from(["a", "b"])
footings = st.builds(Footing, plan_sha256=texts, variables=texts, commit=texts, changes=texts)


def noted(**fields: object) -> ev.RehearsalNoted:
    known = {
        "item": "tls",
        "rehearsed_at": to_text(START - timedelta(hours=2)),
        "proven": True,
        "apply_seconds": 20.0,
        "rollback_seconds": 9.0,
        "plan_sha256": PLAN.sha256,
    }
    return ev.RehearsalNoted(**(known | fields))


def told(**fields: object) -> Story:
    return Story().tell(noted(**fields))


def words(story: Story) -> str:
    return badge_words(story.state, story.state.items["tls"], story.at)


@given(footings, footings, st.booleans())
def test_it_counts_only_on_the_same_plan_values_and_files(
    then: Footing, now: Footing, only_own: bool
) -> None:
    same_commit = then.commit == now.commit or only_own
    rest = msgspec.structs.replace(now, commit=then.commit) == then
    assert (outdated(then, now, only_own=only_own) == "") == (same_commit and rest)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"plan_sha256": "q"}, "the plan changed since"),
        ({"variables": "w"}, "the plan's values changed since"),
        ({"commit": "c2"}, "the target changed since"),
        ({"changes": "some"}, "the target changed since"),
    ],
)
def test_the_reason_is_named(change: dict[str, str], reason: str) -> None:
    now = msgspec.structs.replace(HERE, **change)
    assert outdated(HERE, now, only_own=False) == reason


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (0, "just now"),
        (1, "1 min ago"),
        (59, "59 min ago"),
        (60, "1 h ago"),
        (47 * 60, "47 h ago"),
        (48 * 60, "2 d ago"),
    ],
)
def test_the_age_is_short(minutes: int, text: str) -> None:
    assert ago(to_text(START), to_text(START + timedelta(minutes=minutes))) == text


def test_a_proven_rollback_is_shown_with_its_age() -> None:
    assert words(told()) == "rollback proven 2 h ago"


def test_what_changed_since_is_said_with_it() -> None:
    changed = told(outdated="the target changed since")
    assert words(changed) == "rollback proven 2 h ago, the target changed since"


def test_a_plan_that_was_edited_in_the_session_takes_the_badge_away() -> None:
    outline = Story().state.items["tls"].outline
    edit = ev.PlanChangeAccepted(sha256="b" * 64, difference="", by="op", outline=(outline,))
    story = told().tell(edit)
    assert words(story) == "rollback proven 2 h ago, the plan changed since"
    assert not counts(story.state, story.state.items["tls"])


def test_a_failed_rehearsal_is_no_badge() -> None:
    story = told(proven=False)
    assert words(story) == "rehearsal failed 2 h ago"
    assert not counts(story.state, story.state.items["tls"])


def test_an_item_that_has_begun_needs_no_badge() -> None:
    assert words(told().headers().checkpoint()) == ""


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (Story().state, "it was not"),
        (told(proven=False).state, "its rehearsal failed"),
        (told(outdated="the target changed since").state, "the target changed since"),
    ],
)
def test_a_required_rehearsal_that_is_missing_is_named(state: SessionState, reason: str) -> None:
    assert missing(state, REQUIRED) == f"item tls has to be rehearsed first, and {reason}"
    assert missing(state, TLS) == ""


def test_a_badge_that_counts_lets_the_item_begin() -> None:
    assert missing(told().state, REQUIRED) == ""


def test_the_reports_show_it() -> None:
    story = told()
    assert "rollback proven 2 h ago" in progress_document(story.state, PLAN, story.at)
    story.headers()
    assert "rollback proven 2 h ago" in "\n".join(
        report_lines(status_report(story.state, PLAN, story.at))
    )

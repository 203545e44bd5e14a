"""Drift: what a recheck finds, what it does to the verdict, and which signal it withdraws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_app.domain import events as ev
from runbook_app.domain.entry import decode, encode
from runbook_app.domain.measure import Verdict
from runbook_app.domain.outcome import Outcome, drifts_measured, outcome
from runbook_app.domain.progress import progress_document
from runbook_app.domain.signal import build_signal, signal_markdown
from runbook_app.domain.state import ItemStatus
from runbook_app.domain.status import status_report
from runbook_app.domain.verdict import incomplete_reasons, overall
from runbook_app.domain.withdrawal import withdrawal

from .story import Story, again, checked, complete, measured

SLOW = measured("P95", 120.5, unit="ms", limit="<= 100", ok=False)
FAST = measured("P95", 41.0, unit="ms", limit="<= 100")
DRIFTED = again("fast", SLOW, verdict=Verdict.FAILED, evidence="P95 is 120.5, limit <= 100")
HOLDS = again("fast", FAST)
UNKNOWN = again("fast", verdict=Verdict.NOT_MEASURED, evidence="no control")


def drifted(story: Story) -> list[str]:
    return [line.id for item in story.state.items.values() for line in item.drifted]


def test_a_recheck_that_finds_drift_makes_a_complete_session_incomplete() -> None:
    story = complete().recheck(again("https"), DRIFTED)
    assert overall(story.state) == "INCOMPLETE"
    (reason,) = incomplete_reasons(story.state)
    assert reason.startswith(
        "item 2 (TLS/HTTPS Enforcement): criterion fast held at 2025-10-24 08:"
    )
    assert ", no longer at 2025-10-24 08:" in reason
    assert story.state.items["tls"].status is ItemStatus.SUCCEEDED
    assert drifts_measured(story.state.items["tls"])[0].endswith(
        "P95: 120.5 ms (limit <= 100 ms) - NOT MET"
    )


def test_a_later_recheck_in_which_it_holds_again_clears_it() -> None:
    story = complete().recheck(DRIFTED).recheck(HOLDS)
    assert overall(story.state) == "COMPLETE"
    line = story.state.items["tls"].success["fast"]
    assert line.held_at > line.at


def test_what_was_cut_short_counts_for_nothing_on_either_side() -> None:
    assert drifted(complete().recheck(DRIFTED, cut_short=True)) == []
    assert drifted(complete().recheck(DRIFTED).recheck(HOLDS, cut_short=True)) == ["fast"]


def test_nothing_counts_while_the_recheck_goes_on() -> None:
    story = complete().tell(ev.RecheckStarted(id="r", by="anna", probes=False), DRIFTED)
    assert drifted(story) == []
    assert story.state.status == "running"


def test_what_could_not_be_measured_leaves_what_was_found_before() -> None:
    assert drifted(complete().recheck(UNKNOWN)) == []
    assert drifted(complete().recheck(DRIFTED).recheck(UNKNOWN)) == ["fast"]


def test_the_first_time_and_the_newest_figure_are_kept() -> None:
    slower = measured("P95", 300, unit="ms", limit="<= 100", ok=False)
    story = complete().recheck(DRIFTED)
    reasons = incomplete_reasons(story.state)
    story.recheck(again("fast", slower, verdict=Verdict.FAILED))
    assert incomplete_reasons(story.state) == reasons
    assert "300 ms" in drifts_measured(story.state.items["tls"])[0]


def test_a_waiver_ends_the_drift_and_the_verdict_is_ended() -> None:
    story = complete().recheck(DRIFTED)
    story.tell(
        ev.CriterionWaived(item="tls", line="fast", reason="lab", owner="bo", expires="2026-01-01")
    )
    assert overall(story.state) == "ENDED"


def test_a_rollback_ends_the_drift() -> None:
    story = complete().recheck(DRIFTED).rollback()
    assert drifted(story) == []
    assert overall(story.state) == "ENDED"


def test_an_item_that_is_measured_anew_by_its_verification_has_no_drift() -> None:
    story = complete().recheck(DRIFTED).tell(checked("tls", "fast", FAST))
    assert drifted(story) == []


def test_what_was_cut_short_stays_so() -> None:
    story = complete().recheck(DRIFTED, cut_short=True)
    abandoned = story.entries[-1].body
    assert isinstance(abandoned, ev.RecheckAbandoned)
    over = ev.RecheckFinished(id=abandoned.id, held=0, failed=1, not_measured=0)
    assert drifted(story.tell(over)) == []


def test_a_line_of_a_recheck_that_is_not_under_way_is_no_drift() -> None:
    assert drifted(complete().tell(DRIFTED)) == []
    assert drifted(complete().recheck().tell(DRIFTED)) == []


VERDICTS = st.sampled_from(list(Verdict))
RECHECKS = st.lists(
    st.tuples(st.dictionaries(st.sampled_from(["https", "fast"]), VERDICTS), st.booleans()),
    max_size=6,
)


@given(RECHECKS)
def test_drift_is_what_the_newest_whole_measurement_of_each_criterion_says(
    rechecks: list[tuple[dict[str, Verdict], bool]],
) -> None:
    story, known = complete(), dict.fromkeys(["https", "fast"], Verdict.PASSED)
    for found, cut_short in rechecks:
        story.recheck(*(again(i, verdict=v) for i, v in found.items()), cut_short=cut_short)
        if not cut_short:
            known |= {i: v for i, v in found.items() if v is not Verdict.NOT_MEASURED}
    assert set(drifted(story)) == {i for i, v in known.items() if v is Verdict.FAILED}
    assert (overall(story.state) == "INCOMPLETE") == (Verdict.FAILED in known.values())
    assert build_signal(story.state, story.plan, story.at).reasons == tuple(
        incomplete_reasons(story.state)
    )


def test_a_scope_with_drift_is_not_done() -> None:
    assert outcome(complete().state) is Outcome.DONE
    assert outcome(complete().recheck(DRIFTED).state) is Outcome.FAILED
    assert outcome(complete().recheck(DRIFTED).state, ["headers"]) is Outcome.DONE


# In the documents


def test_the_signal_shows_what_drifted_with_its_figures() -> None:
    story = complete().recheck(DRIFTED)
    found = build_signal(story.state, story.plan, story.at)
    criterion = found.items[1].criteria[1]
    assert (criterion.verdict, criterion.measurements) == ("drifted", (SLOW,))
    assert criterion.held_at < criterion.at
    assert (found.p95.after.value, found.p95.after.ok) == (120.5, False)
    assert found.claims[0].verdict == "failed"
    assert found.next_task == "Item 2: TLS/HTTPS Enforcement"
    page = signal_markdown(found)
    assert "⏳ Item 2: TLS/HTTPS Enforcement (succeeded; 1 of 2 criteria hold" in page
    drift = page.partition("## Drift")[2].partition("##")[0]
    assert "| 2 TLS/HTTPS Enforcement | P95 below 100 ms |" in drift
    assert "P95: 120.5 ms (limit \\<= 100 ms) - NOT MET" in drift


def test_progress_file_and_status_report_show_it() -> None:
    story = complete().recheck(DRIFTED)
    page = progress_document(story.state, story.plan, story.at)
    assert "criterion fast held at" in page.partition("## Items")[2].partition("##")[0]
    assert "| P95 below 100 ms | held, and does not any more |" in page
    report = status_report(story.state, story.plan, story.at)
    assert any(mark.startswith("✗ drift: item 2") for mark in report.status)
    assert "✓ Success criteria hold" not in report.status


# Withdrawal


def test_a_signal_that_still_holds_is_not_withdrawn() -> None:
    assert withdrawal(complete().state) is None
    assert withdrawal(complete().export().state) is None
    assert withdrawal(complete().export().recheck(HOLDS, UNKNOWN).state) is None


def test_drift_withdraws_the_signal_and_says_why() -> None:
    story = complete().export("a" * 64)
    exported_at = story.at
    found = withdrawal(story.recheck(DRIFTED).state)
    assert found is not None
    assert (found.sha256, found.verdict, found.at) == ("a" * 64, "COMPLETE", exported_at)
    assert found.why == tuple(incomplete_reasons(story.state))
    signal = build_signal(story.state, story.plan, story.at)
    assert signal.withdraws == found
    page = signal_markdown(signal)
    assert "**Withdraws** the signal COMPLETE of" in page
    assert f"SHA-256 `{'a' * 64}`" in page


def test_the_same_drift_is_not_withdrawn_twice() -> None:
    story = complete().export().recheck(DRIFTED).export()
    assert withdrawal(story.recheck(DRIFTED).state) is None


def test_when_it_holds_again_the_withdrawal_is_withdrawn() -> None:
    story = complete().export().recheck(DRIFTED).export("b" * 64)
    found = withdrawal(story.recheck(HOLDS).state)
    assert found is not None
    assert (found.sha256, found.verdict) == ("b" * 64, "INCOMPLETE")
    assert found.why == ("the session is COMPLETE now",)


def test_drift_that_is_settled_beside_another_reason_is_told() -> None:
    story = complete().tell(ev.BlockerRaised(id="b", text="no key", by="anna"))
    story.recheck(DRIFTED).export().recheck(HOLDS)
    found = withdrawal(story.state)
    assert found is not None
    assert found.why[0].startswith("settled since: item 2")


@pytest.mark.parametrize(("line", "withdrawn"), [(HOLDS, False), (DRIFTED, True)])
def test_an_incomplete_signal_of_an_older_version_is_withdrawn_by_drift_alone(
    line: ev.CheckFinished, withdrawn: bool
) -> None:
    """Its record does not say what was open."""
    story = complete().tell(ev.BlockerRaised(id="b", text="no key", by="anna"))
    story.tell(ev.SignalExported(verdict="INCOMPLETE", sha256="1" * 64, path="signal.json"))
    found = withdrawal(story.recheck(line).state)
    assert (found is not None) == withdrawn
    assert found is None or len(found.why) == 1


def test_a_record_of_an_older_version_is_read() -> None:
    old = b'{"type":"SignalExported","verdict":"COMPLETE","sha256":"1","path":"signal.json"}'
    event = decode(old)
    assert isinstance(event, ev.SignalExported)
    assert (event.reasons, event.withdraws) == ((), None)
    whole = complete().export().recheck(DRIFTED).export().entries[-1].body
    assert decode(encode(whole)) == whole

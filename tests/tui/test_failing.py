"""Ways out of a failure, and the triage of an unknown outcome."""

from __future__ import annotations

import pytest

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.measure import Measurement
from runbook_app.testing.session import FakeSession
from tests.tui import stage
from tests.tui.conftest import Open
from tests.tui.screen import nothing_sent, press, sent, text, until, until_shown


async def test_the_panel_of_a_failed_step_is_the_menu(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    async with opened(session) as pilot:
        shown = text(pilot)
        assert "answered 502, expected 200" in shown
        assert "Look at nginx's last log lines" in shown
        for label in ("Retry", "Edit parameters", "Skip", "Roll the item back", "Go in by hand"):
            assert f"· {label}" in shown
        await press(pilot, "enter")
        await until_shown(pilot, "▌1 Retry")
        for label in ("2 Edit parameters", "4 Roll the item back", "7 Stop"):
            assert label in text(pilot)


async def test_the_menu_has_numbers_only_while_its_keys_are_heard(
    session: FakeSession, opened: Open
):
    stage.tls_failed(session)
    async with opened(session) as pilot:
        await press(pilot, "enter")
        await until_shown(pilot, "▌1 Retry")
        await press(pilot, "tab")
        await until_shown(pilot, "· Retry")
        await press(pilot, "1")
        await nothing_sent(pilot, session)
        assert "▌1 Retry" not in text(pilot)


async def test_retry_takes_two_deliberate_keys(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    async with opened(session) as pilot:
        await press(pilot, "enter")
        await nothing_sent(pilot, session)
        await press(pilot, "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.RetryStep)
    assert (command.step, command.parameters) == ("tls.test", None)


async def test_auto_does_not_run_past_a_failure(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    async with opened(session) as pilot:
        await press(pilot, "a")
        await nothing_sent(pilot, session)


async def test_parameters_are_edited_before_a_retry(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    async with opened(session) as pilot:
        await press(pilot, "enter", "2")
        await until_shown(pilot, "port: 8001")
        await press(pilot, *"zone: x", "enter", "ctrl+s")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.RetryStep)
    assert command.parameters == {"zone": "x", **stage.PARAMETERS}


async def test_parameters_that_are_no_mapping_are_refused(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    async with opened(session) as pilot:
        await press(pilot, "enter", "2")
        await until_shown(pilot, "port: 8001")
        await press(pilot, *"- [", "ctrl+s")
        await until_shown(pilot, "That is not YAML in line")
        await press(pilot, "escape")
        await nothing_sent(pilot, session)


async def test_a_skip_needs_a_reason_and_an_owner(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    async with opened(session) as pilot:
        await press(pilot, "enter", "3")
        await until_shown(pilot, "Skip: Test HTTPS access and redirects")
        await press(pilot, "enter", "enter", "enter")
        await until_shown(pilot, "A waiver needs a reason.")
        await press(pilot, *"slow", "enter", "enter", "enter")
        await until_shown(pilot, "A waiver needs an owner")
        await press(pilot, *"ops", "enter", "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.SkipStep)
    assert (command.step, command.reason, command.owner) == ("tls.test", "slow", "ops")
    assert command.expires_on == "2025-11-23"


async def test_a_required_step_is_never_offered_for_skipping(session: FakeSession, opened: Open):
    stage.checkpoint_passed(stage.checkpoint_open(stage.headers_done(stage.started(session))))
    session.emit(
        ev.StepStarted(item="tls", step="tls.certificates", attempt=1, parameters={}),
        ev.StepSucceeded(item="tls", step="tls.certificates"),
        ev.StepStarted(item="tls", step="tls.nginx", attempt=1, parameters={}),
        ev.StepFailed(item="tls", step="tls.nginx", error="nginx -t failed"),
    )
    async with opened(session) as pilot:
        assert "· Retry" in text(pilot)
        assert "Skip" not in text(pilot)
        await press(pilot, "s")
        await nothing_sent(pilot, session)


async def test_the_guide_opens_at_its_troubleshooting(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    async with opened(session) as pilot:
        await press(pilot, "enter", "6")
        await until_shown(pilot, "Look at nginx's log.")
        await press(pilot, "escape")
        await until_shown(pilot, "1 Retry")


async def test_without_a_guide_none_is_offered(session: FakeSession, opened: Open):
    stage.started(session)
    session.emit(
        ev.StepStarted(item="headers", step="headers.measure", attempt=1, parameters={}),
        ev.StepFailed(item="headers", step="headers.measure", error="502"),
    )
    async with opened(session) as pilot:
        await press(pilot, "enter")
        await until_shown(pilot, "Stop the engine")
        assert "troubleshooting" not in text(pilot)


async def test_a_failed_criterion_can_be_waived_or_measured_again(
    session: FakeSession, opened: Open
):
    stage.tls_running(session)
    slow = Measurement(name="p95", value=140.0, unit="ms", limit="<= 100", ok=False)
    session.emit(
        ev.StepSucceeded(item="tls", step="tls.test"),
        stage.passed("tls", "success", "https", "HTTPS answers 200"),
        stage.passed("tls", "success", "p95", "P95 below the limit", slow),
    )
    async with opened(session) as pilot:
        shown = text(pilot)
        assert "1 criterion not met" in shown
        assert "140 ms" in shown
        assert "OUTSIDE" in shown
        await press(pilot, "enter", "2")
        await until_shown(pilot, "Waive: P95 below the limit")
        await press(pilot, *"lab", "enter", *"ops", "enter", "enter")
        command = await sent(pilot, session)
        assert isinstance(command, cmd.WaiveCriterion)
        assert (command.item, command.line) == ("tls", "p95")
        assert (command.reason, command.owner) == ("lab", "ops")
        assert command.expires_on == "2025-11-23"
        await press(pilot, "1")
        again = await sent(pilot, session, 2)
    assert isinstance(again, cmd.Run)


@pytest.mark.parametrize(("key", "answer"), [("1", "partly"), ("2", "not done"), ("3", "done")])
async def test_an_unknown_step_shows_its_evidence_and_is_resolved(
    session: FakeSession, opened: Open, key: str, answer: str
):
    stage.tls_unknown(session)
    async with opened(session) as pilot:
        shown = text(pilot)
        assert "Its check finds: PARTLY" in shown
        assert "nginx answers, the redirect is missing" in shown
        assert "UNKNOWN" in shown
        await press(pilot, "enter", key)
        command = await sent(pilot, session)
    assert isinstance(command, cmd.ResolveUnknown)
    assert (command.step, command.answer) == ("tls.test", answer)


async def test_a_rollback_is_shown_with_its_proof(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    async with opened(session) as pilot:
        session.emit(ev.RollbackStarted(item="tls", by="op", reason=""))
        await until_shown(pilot, "Restoring the captures")
        assert "↶ rolling back 2 TLS/HTTPS enforcement" in text(pilot)
        gap = ev.Difference(field="ports of api", before="8001", after="none")
        session.emit(ev.RollbackFinished(item="tls", proven=False, differences=(gap,), seconds=72))
        await press(pilot, "home", "down")
        await until_shown(pilot, "NOT PROVEN")
        assert "ports of api: 8001 → none" in text(pilot)


async def test_the_menu_goes_when_the_step_runs_again(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    async with opened(session) as pilot:
        await press(pilot, "enter", "enter")
        session.emit(
            ev.StepReset(item="tls", step="tls.test", reason="retried by op"),
            ev.StepStarted(item="tls", step="tls.test", attempt=2, parameters={}),
        )
        await until_shown(pilot, "2 executed, 2 planned")
        await until(pilot, lambda: "1 Retry" not in text(pilot))

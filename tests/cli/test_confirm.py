"""`runbook confirm`: its own check first, then the confirmation."""

from __future__ import annotations

import pytest

from runbook_app import bootstrap
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.entry import Entry
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Finding, Progress
from tests.cli.conftest import Use, runbook
from tests.domain.test_guard import STEP, confirmed, waiting
from tests.headless.stage import Show, Stage, obedient

ASKED = ev.QuestionAsked(
    id="g1", item="tls", step=STEP, kind="guarded", text="Keep it?", choices=("yes", "no")
)
KEPT = ev.StepConfirmed(item="tls", step=STEP, by="op", how="runbook confirm")
REVERTED = (
    ev.RollbackStarted(item="tls", by="guard", reason="not confirmed within 10 min"),
    ev.RollbackFinished(item="tls", proven=True),
)


def keeping(*then: ev.AnyEvent):
    """An engine that asks, and does this when it is answered."""

    def react(stage: Stage, command: cmd.Command) -> None:
        match command:
            case cmd.AnswerQuestion():
                answer = ev.QuestionAnswered(id="g1", answer=command.answer, by="op")
                stage.emit(answer, *then)
            case cmd.Stop():
                stage.end(command.reason)

    return react


def stage(*then: ev.AnyEvent) -> Stage:
    session = Stage(react=keeping(*then))
    session.emit(*(entry.body for entry in waiting().entries[1:]), ASKED)
    session.refresh()
    session.left = 492.0
    session.alive = True
    return session


@pytest.fixture
def sees(monkeypatch: pytest.MonkeyPatch):
    """What the check in this process finds."""

    def put(progress: Progress, evidence: str = "it answers") -> None:
        found = Finding(progress=progress, evidence=evidence)
        monkeypatch.setattr(bootstrap, "check_afresh", lambda *_: found)

    return put


def test_a_check_that_passes_is_followed_by_the_confirmation(use: Use, sees) -> None:
    session = use(stage(KEPT))
    sees(Progress.DONE)
    found = runbook("confirm", STEP)
    assert found.exit_code == 0
    assert f"Confirmed: step {STEP} stays." in found.stderr
    (answer,) = session.sent
    assert isinstance(answer, cmd.AnswerQuestion)
    assert (answer.answer, answer.how) == (
        "yes",
        "runbook confirm; its own check: done: it answers",
    )


def test_a_check_that_fails_confirms_nothing_and_says_how_long_is_left(use: Use, sees) -> None:
    session = use(stage(KEPT))
    sees(Progress.NOT_DONE, "connection refused")
    found = runbook("confirm", "s1", STEP)
    assert found.exit_code == 1
    assert "connection refused" in found.stderr
    assert "reverts by itself in 8 min 12 s" in found.stderr
    assert session.sent == []


def test_a_check_that_can_t_run_confirms_nothing(use: Use, monkeypatch) -> None:
    def fail(*_: object) -> Finding:
        raise ActionError("no route to host")

    session = use(stage(KEPT))
    monkeypatch.setattr(bootstrap, "check_afresh", fail)
    found = runbook("confirm", STEP)
    assert found.exit_code == 1
    assert "no route to host" in found.stderr
    assert session.sent == []


def test_what_the_engine_s_own_check_refuses_is_not_confirmed(use: Use, sees) -> None:
    use(stage(ev.ConfirmationFailed(item="tls", step=STEP, evidence="it hangs", by="op")))
    sees(Progress.DONE)
    found = runbook("confirm", STEP)
    assert found.exit_code == 1
    assert "it hangs" in found.stderr


def test_too_late_is_said(use: Use, sees) -> None:
    use(stage(*REVERTED))
    sees(Progress.DONE)
    assert runbook("confirm", STEP).exit_code == 1
    again = runbook("confirm", STEP)
    assert again.exit_code == 2
    assert "not confirmed within 10 min" in again.stderr


@pytest.mark.parametrize(
    ("names", "said"),
    [((STEP,), "confirmed already"), (("tls.test",), "waits for no"), (("tls.x",), "no step")],
)
def test_a_step_that_waits_for_nothing_is_refused(use: Use, names, said) -> None:
    session = use(Stage())
    session.emit(*(entry.body for entry in confirmed().entries[1:]))
    session.refresh()
    found = runbook("confirm", *names)
    assert found.exit_code == 2
    assert said in found.stderr


def test_status_says_when_it_reverts(use: Use) -> None:
    use(stage())
    assert "Step tls.certificates reverts by itself in 8 min 12 s" in runbook("status").stdout


class Unanswered(Stage):
    """Nobody answers, and its guard has it reverted."""

    async def changes(self, timeout: float = 1.0) -> list[Entry]:
        news = await super().changes(timeout)
        if self.state.question and not news:
            self.emit(ev.QuestionWithdrawn(id="g1", reason="reverted"), *REVERTED)
        return news


async def test_a_headless_run_without_yes_waits_and_says_that_it_was_reverted() -> None:
    session = Unanswered(*(entry.body for entry in waiting().entries[3:]), ASKED)
    show = Show(session)
    assert await show.run() == 1
    assert session.sent_kinds() == ["Run", "Stop"]
    assert "Item tls was rolled back: not confirmed within 10 min." in show.said


async def test_yes_stands_in_for_the_confirmation() -> None:
    def react(stage: Stage, command: cmd.Command) -> None:
        obedient(stage, command)
        if isinstance(command, cmd.AnswerQuestion):
            keeping(KEPT, ev.RunPaused(reason="over"))(stage, command)

    session = Stage(*(entry.body for entry in waiting().entries[3:]), ASKED, react=react)
    await Show(session).run(unattended=True)
    answer = session.sent[1]
    assert isinstance(answer, cmd.AnswerQuestion)
    assert (answer.answer, answer.assumed) == ("yes", True)

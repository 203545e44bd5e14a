"""Measuring the criteria again without a screen: exit codes, words, and the withdrawn signal."""

from __future__ import annotations

import pytest

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.entry import Entry
from runbook_app.domain.errors import JournalError, LockedError
from runbook_app.domain.measure import Verdict
from runbook_app.domain.score import NEEDS_PROBE
from runbook_app.headless.recheck import RecheckDriver
from tests.domain.story import again, measured

from .stage import Reaction, Show, Stage, done, obedient

SLOW = measured("P95", 120.5, unit="ms", limit="<= 100", ok=False)
DRIFTED = again("fast", SLOW, verdict=Verdict.FAILED)
HOLDS = (again("https"), again("fast"))
PROBE = again("fast", verdict=Verdict.NOT_MEASURED, evidence=NEEDS_PROBE)
UNKNOWN = again("fast", verdict=Verdict.NOT_MEASURED, evidence="no control")
EXPORTED = ev.SignalExported(verdict="COMPLETE (unattended)", sha256="a" * 64, path="signal.json")


def measuring(*lines: ev.CheckFinished, over: str = "finished") -> Reaction:
    def act(stage: Stage, command: cmd.Command) -> None:
        if not isinstance(command, cmd.Recheck):
            obedient(stage, command)
            return
        stage.emit(ev.RecheckStarted(id=command.id, by="op", probes=command.probes), *lines)
        verdicts = [line.verdict for line in lines]
        if over == "finished":
            held, failed, missing = (verdicts.count(v) for v in Verdict)
            stage.emit(
                ev.RecheckFinished(
                    id=command.id, held=held, failed=failed, not_measured=missing, seconds=2
                )
            )
        elif over == "stopped":
            stage.emit(ev.RecheckAbandoned(id=command.id, reason="the engine was told to stop"))
            stage.end("Ctrl-C")
        else:
            stage.end("Ctrl-C")

    return act


def finished(*bodies: ev.AnyEvent, react: Reaction) -> Stage:
    """A session whose whole plan is done, and no engine runs."""
    session = Stage(react=react)
    session.emit(*done(), *bodies)
    session.refresh()
    return session


async def recheck(show: Show, *, probes: bool = False) -> int:
    driver = RecheckDriver(show.session, show.printer, show.interrupts, probes=probes)
    return await driver.run()


def asked_to_write(session: Stage) -> bool:
    command = session.sent[0]
    assert isinstance(command, cmd.Recheck)
    return command.probes


async def test_when_all_holds_it_exits_0_with_a_line_for_each() -> None:
    session = finished(react=measuring(*HOLDS))
    show = Show(session)
    assert await recheck(show) == 0
    assert "  https: holds" in show.printed
    assert "criteria measured again in 2s: 2 hold" in show.printed
    assert "Holds: 2 of 2 criteria." in show.said
    assert session.sent_kinds() == ["Recheck", "Stop"]


async def test_drift_exits_1_with_the_value_and_the_limit() -> None:
    show = Show(finished(react=measuring(again("https"), DRIFTED)))
    assert await recheck(show) == 1
    assert "1 hold, 1 do not, 0 not measured" in show.printed
    assert "Item tls: criterion fast held at" in show.said
    assert "P95: 120.5 ms (limit <= 100 ms) - NOT MET" in show.said
    assert "runbook recheck s1" in show.said


async def test_drift_found_before_and_not_measured_now_still_exits_1() -> None:
    earlier = ev.RecheckStarted(id="r", by="op", probes=True)
    whole = ev.RecheckFinished(id="r", held=0, failed=1, not_measured=0)
    show = Show(finished(earlier, DRIFTED, whole, react=measuring(PROBE)))
    assert await recheck(show) == 1
    assert "criterion fast held at" in show.said


async def test_what_has_to_write_is_told_and_left_out_without_consent() -> None:
    session = finished(react=measuring(again("https"), PROBE))
    show = Show(session)
    assert await recheck(show) == 0
    assert "criterion fast was not measured: it has to write" in show.said
    assert "Holds: 1 of 2 criteria." in show.said
    assert not asked_to_write(session)


async def test_consent_reaches_the_engine() -> None:
    session = finished(react=measuring(*HOLDS))
    assert await recheck(Show(session), probes=True) == 0
    assert asked_to_write(session)


async def test_what_could_not_be_measured_exits_1() -> None:
    show = Show(finished(react=measuring(again("https"), UNKNOWN)))
    assert await recheck(show) == 1
    assert "criterion fast was not measured: no control" in show.said


async def test_a_signal_that_holds_no_more_is_signed_anew_at_once() -> None:
    session = finished(EXPORTED, react=measuring(DRIFTED))
    show = Show(session)
    assert await recheck(show) == 1
    assert session.exports == 1
    assert "Signed anew: INCOMPLETE, /sessions/s1/signal.json." in show.said
    assert "withdraws the signal COMPLETE (unattended) of" in show.said
    assert "they can't know" in show.said


@pytest.mark.parametrize(
    ("bodies", "lines", "over"),
    [
        ((EXPORTED,), HOLDS, "finished"),
        ((), (DRIFTED,), "finished"),
        ((EXPORTED, ev.BlockerRaised(id="b", text="no key", by="op")), (DRIFTED,), "stopped"),
    ],
    ids=["it holds", "nothing was exported", "it was cut short"],
)
async def test_else_nothing_is_exported(
    bodies: tuple[ev.AnyEvent, ...], lines: tuple[ev.CheckFinished, ...], over: str
) -> None:
    session = finished(*bodies, react=measuring(*lines, over=over))
    await recheck(Show(session))
    assert session.exports == 0


@pytest.mark.parametrize("over", ["stopped", "ended"])
async def test_a_recheck_that_was_cut_short_exits_3_and_says_that_nothing_counts(
    over: str,
) -> None:
    show = Show(finished(react=measuring(DRIFTED, over=over)))
    assert await recheck(show) == 3
    assert "Nothing that was measured counts" in show.said
    assert "Item tls" not in show.said


async def test_its_own_recheck_counts_though_another_has_begun_since() -> None:
    act = measuring(*HOLDS)

    def react(stage: Stage, command: cmd.Command) -> None:
        act(stage, command)
        if isinstance(command, cmd.Recheck):
            stage.emit(ev.RecheckStarted(id="other", by="bo", probes=True))

    show = Show(finished(react=react))
    assert await recheck(show) == 0
    assert "Holds: 2 of 2 criteria." in show.said


async def test_a_refusal_exits_2_with_its_reason_and_ends_the_engine() -> None:
    session = finished(react=obedient)
    session.answer = lambda c: "Nothing is done." if isinstance(c, cmd.Recheck) else ""
    show = Show(session)
    assert await recheck(show) == 2
    assert "Not measured: Nothing is done." in show.said
    assert session.state.engine is None


async def test_a_refusal_withdraws_nothing_though_an_older_recheck_found_drift() -> None:
    earlier = ev.RecheckStarted(id="r", by="op", probes=True)
    whole = ev.RecheckFinished(id="r", held=0, failed=1, not_measured=0)
    session = finished(EXPORTED, earlier, DRIFTED, whole, react=obedient)
    session.answer = lambda c: "Work is under way." if isinstance(c, cmd.Recheck) else ""
    assert await recheck(Show(session)) == 2
    assert session.exports == 0


async def test_what_the_last_engine_left_running_is_settled_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = finished(react=measuring(*HOLDS))
    session.emit(ev.StepStarted(item="tls", step="tls.test", attempt=2, parameters={}))
    session.refresh()
    changes = session.changes

    async def settling(timeout: float = 1.0) -> list[Entry]:
        found = await changes(timeout)
        if not found and session.state.running_step:
            session.emit(ev.StepBecameUnknown(item="tls", step="tls.test", reason="died"))
        return found

    def answer(command: cmd.Command) -> str:
        return "A step runs." if session.state.running_step else ""

    monkeypatch.setattr(session, "changes", settling)
    session.answer = answer
    assert await recheck(Show(session)) == 0


async def test_a_question_waits_for_a_person() -> None:
    asked = ev.QuestionAsked(id="q", item="tls", step="", kind="choice", text="Which one?")

    def react(stage: Stage, command: cmd.Command) -> None:
        if isinstance(command, cmd.Recheck):
            stage.emit(ev.RecheckStarted(id=command.id, by="op", probes=False), asked)
        else:
            obedient(stage, command)

    show = Show(finished(react=react))
    assert await recheck(show) == 3
    assert "Which one?" in show.said


async def test_an_engine_that_somebody_else_started_is_left_running() -> None:
    session = finished(react=measuring(*HOLDS))
    session.ensure_engine()
    session.refresh()
    assert await recheck(Show(session)) == 0
    assert session.sent_kinds() == ["Recheck"]
    assert session.alive


async def test_a_second_driver_is_refused() -> None:
    session = finished(react=measuring(*HOLDS))
    session.engine_failure = LockedError("held by anna")
    with pytest.raises(LockedError):
        await recheck(Show(session))


async def test_a_signal_that_cannot_be_written_ends_the_engine_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = finished(EXPORTED, react=measuring(DRIFTED))

    async def full(out: object = None) -> None:
        raise JournalError("No space left on device")

    monkeypatch.setattr(session, "export", full)
    show = Show(session)
    with pytest.raises(JournalError):
        await recheck(show)
    assert "criterion fast held at" in show.said
    assert session.state.engine is None


async def test_leaving_stops_nothing_and_withdraws_nothing() -> None:
    def react(stage: Stage, command: cmd.Command) -> None:
        stage.emit(ev.RecheckStarted(id=command.id, by="op", probes=False))

    session = finished(EXPORTED, react=react)
    show = Show(session)
    show.interrupts.leave = "Ctrl-C"
    assert await recheck(show) == 3
    assert session.sent_kinds() == ["Recheck"]
    assert session.exports == 0

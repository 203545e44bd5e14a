"""Measuring the criteria of the items that are done again, on a target that may have drifted."""

from __future__ import annotations

import asyncio
import hashlib
import io
from contextlib import asynccontextmanager

from msgspec.structs import replace

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.measure import Verdict
from runbook_app.domain.plan import CheckLine, Plan
from runbook_app.domain.statement import read_envelope, read_statement
from runbook_app.domain.verdict import overall
from runbook_app.engine.client import SessionClient
from runbook_app.headless.interrupts import Interrupts
from runbook_app.headless.printer import LinePrinter
from runbook_app.headless.recheck import RecheckDriver

from .conftest import Driven
from .world import PLAN, PROGRESS, FileTarget, call, line, plan_of, step


def criteria(*lines: CheckLine) -> Plan:
    return plan_of(step("only.new", "write", path="new.txt", text="x"), success=lines)


def probed(line_id: str, action: str, **parameters: object) -> CheckLine:
    return replace(line(line_id, action, **parameters), probe=True)


NEW = line("there", "holds", path="new.txt")
PROBED = criteria(NEW, probed("touched", "touches"))
GATED = criteria(line("gated", "waits", gate="gate"), NEW)


async def finish(session: Driven) -> None:
    """Run the plan to its end."""
    await session.run(unattended=True)
    for _ in range(2):
        if session.world.plan is PLAN:
            await session.confirm()
    await session.until(lambda: session.state.nothing_left)


async def recheck(session: Driven, **fields: object) -> None:
    asked = await session.client.send(cmd.Recheck, **fields)
    assert await session.client.settled(asked) == ""
    await session.until(lambda: over(session, asked))


def over(session: Driven, asked: str) -> bool:
    taken = session.state.recheck
    return taken is not None and taken.started.id == asked and taken.over


def found(session: Driven) -> dict[str, Verdict]:
    return {line.line: line.verdict for line, _ in session.state.recheck.lines}


async def test_every_criterion_of_every_item_that_is_done_is_measured_again(driven) -> None:
    async with driven() as session:
        await finish(session)
        await recheck(session)
        assert found(session) == {"new-is-there": Verdict.PASSED, "base-holds": Verdict.PASSED}
        assert session.state.recheck.finished.held == 2
        assert session.state.items["first"].success["new-is-there"].held_at
        assert overall(session.state) == "COMPLETE"


async def test_an_item_that_is_not_done_is_left_out(driven) -> None:
    async with driven() as session:
        await session.run(items=("first",), unattended=True)
        await session.confirm()
        await session.until(lambda: session.state.nothing_left)
        await recheck(session)
        assert list(found(session)) == ["new-is-there"]


async def test_drift_is_found_with_its_figures_and_goes_when_it_is_mended(driven) -> None:
    async with driven() as session:
        await finish(session)
        new = session.world.root / "sub" / "new.txt"
        new.unlink()
        await recheck(session)
        (drifted,) = session.state.items["first"].drifted
        assert drifted.id == "new-is-there"
        assert [m.ok for m in drifted.drift.result.measurements] == [False]
        assert overall(session.state) == "INCOMPLETE"
        new.write_text("new\n")
        await recheck(session)
        assert session.state.items["first"].drifted == []
        assert overall(session.state) == "COMPLETE"


async def test_nothing_of_the_target_is_changed_but_the_record(driven) -> None:
    async with driven(PROBED) as session:
        await finish(session)
        before = session.world.files()
        await recheck(session, probes=True)
        assert found(session)["touched"] is Verdict.PASSED
        assert session.world.files() == before
        (session.world.root / "new.txt").unlink()
        await recheck(session)
    assert "criterion there held at" in (session.world.root / PROGRESS).read_text()


async def test_what_a_recheck_writes_and_takes_away_is_not_captured(driven) -> None:
    """It is no part of the item's work, and no rollback of the item puts it back."""
    async with driven(criteria(NEW)) as session:
        world = session.world
        await finish(session)
    world.plan = criteria(probed("there", "touches"))
    async with driven(world.plan, world=world, epoch=2) as session:
        captures = list(session.state.items["only"].captures)
        await recheck(session, probes=True)
        assert found(session) == {"there": Verdict.PASSED}
        assert session.state.items["only"].captures == captures


async def test_a_criterion_that_has_to_write_is_not_measured_without_consent(driven) -> None:
    async with driven(PROBED) as session:
        await finish(session)
        await recheck(session)
        assert found(session) == {"there": Verdict.PASSED, "touched": Verdict.NOT_MEASURED}
        assert "--probe" in session.state.recheck.lines[1][0].evidence
        assert session.state.items["only"].drifted == []


async def test_a_waived_criterion_is_not_measured_again(driven) -> None:
    plan = criteria(NEW, line("never", "holds", path="never.txt"))
    async with driven(plan) as session:
        await session.run(unattended=True)
        await session.until(lambda: session.state.items["only"].success["never"].result)
        await session.idle()
        waiver = {"reason": "lab", "owner": "bo", "expires_on": "2030-01-01"}
        assert await session.send(cmd.WaiveCriterion, item="only", line="never", **waiver) == ""
        await finish(session)
        await recheck(session)
        assert list(found(session)) == ["there"]


async def test_a_check_that_is_not_installed_any_more_is_no_drift(driven) -> None:
    async with driven(criteria(NEW)) as session:
        world = session.world
        await finish(session)
    world.plan = criteria(replace(NEW, call=call("gone")))
    async with driven(world.plan, world=world, epoch=2) as session:
        await recheck(session)
        assert found(session) == {"there": Verdict.NOT_MEASURED}
        assert "not installed" in session.state.recheck.lines[0][0].evidence


async def test_before_anything_is_done_there_is_nothing_to_measure_again(driven) -> None:
    async with driven() as session:
        assert "nothing to measure again" in await session.send(cmd.Recheck)


async def test_it_is_refused_while_work_is_under_way(driven) -> None:
    async with driven(GATED) as session:
        await session.run()
        await session.until(lambda: session.state.step("only.new").attempt)
        assert "under way" in await session.send(cmd.Recheck)
        (session.world.root / "gate").write_text("")
        await session.until(lambda: session.state.nothing_left)


@asynccontextmanager
async def gated(driven):
    """A session that is done, and whose recheck waits in its first criterion."""
    async with driven(GATED) as session:
        gate = session.world.root / "gate"
        gate.write_text("")
        await finish(session)
        gate.unlink()
        (session.world.root / "new.txt").unlink()
        assert await session.send(cmd.Recheck) == ""
        await session.until(lambda: session.state.measuring)
        try:
            yield session
        finally:
            gate.write_text("")


async def test_a_stop_cuts_it_short_on_record_and_nothing_counts(driven) -> None:
    async with gated(driven) as session:
        assert await session.send(cmd.Stop) == ""
        (session.world.root / "gate").write_text("")
        await session.until(lambda: session.state.engine_stopped)
        assert "told to stop" in session.state.recheck.abandoned.reason
        assert found(session) == {"gated": Verdict.PASSED}
        assert session.state.items["only"].drifted == []
        assert not session.state.measuring


async def test_a_cancel_cuts_it_short_on_record(driven) -> None:
    async with gated(driven) as session:
        assert await session.send(cmd.CancelStep) == ""
        await session.until(lambda: session.state.recheck.over)
        assert session.state.recheck.abandoned.reason.startswith("cancelled by")
        (session.world.root / "gate").write_text("")
        await recheck(session)
        assert [line.id for line in session.state.items["only"].drifted] == ["there"]


async def test_a_rollback_cuts_it_short_on_record(driven) -> None:
    async with gated(driven) as session:
        assert await session.send(cmd.RollBackItem, item="only", accept_changes=True) == ""
        await session.until(lambda: session.state.items["only"].rollback is not None)
        assert "is being rolled back" in session.state.recheck.abandoned.reason


async def test_a_stop_while_it_waits_for_an_answer_cuts_it_short_on_record(driven) -> None:
    async with driven(criteria(line("asks", "asks", text="Which one?"))) as session:
        await session.run()
        await session.confirm("blue")
        await session.until(lambda: session.state.nothing_left)
        await session.client.send(cmd.Recheck)
        await session.until(lambda: session.state.question is not None)
        assert await session.send(cmd.Stop) == ""
        await session.until(lambda: session.state.engine_stopped)
        assert "being stopped" in session.state.recheck.abandoned.reason


async def test_a_recheck_that_a_crash_cut_short_is_said_to_be_and_not_begun_again(driven) -> None:
    async with driven(criteria(NEW)) as session:
        world = session.world
        await finish(session)
    client = world.client()
    journal = client._journal
    await journal.append(
        ev.EngineStarted(epoch=2, pid=1, pid_started="0", host="h"),
        ev.RecheckStarted(id="r", by="op", probes=False),
        ev.CheckFinished(
            item="only", section="recheck", line="there", title="t", verdict=Verdict.FAILED
        ),
    )
    client.close()
    async with driven(criteria(NEW), world=world, epoch=3) as session:
        await session.until(lambda: session.state.recheck.over)
        assert "cut short when the engine ended" in session.state.recheck.abandoned.reason
        assert session.state.items["only"].drifted == []
        await recheck(session)
        assert found(session) == {"there": Verdict.PASSED}


async def test_it_waits_until_a_new_engine_has_recovered(driven, monkeypatch) -> None:
    async with driven(criteria(NEW)) as session:
        world = session.world
        await finish(session)

    async def waits_for_the_gate(*_: object) -> list[str]:
        while not (world.root / "gate").exists():
            await asyncio.sleep(0.01)
        return []

    monkeypatch.setattr(FileTarget, "end_survivors", waits_for_the_gate)
    async with driven(criteria(NEW), world=world, epoch=2) as session:
        asked = await session.client.send(cmd.Recheck)
        assert await session.send(cmd.AddNote, text="later") == ""
        assert session.state.recheck is None
        (world.root / "gate").write_text("")
        await session.until(lambda: over(session, asked))
        assert found(session) == {"there": Verdict.PASSED}


async def test_secrets_stay_out_of_its_record(driven) -> None:
    plan = criteria(NEW)
    async with driven(plan) as session:
        world = session.world
        await finish(session)
    world.plan = criteria(replace(NEW, call=call("leaks", path="new.txt")))
    (world.root / "new.txt").write_text("very-secret-value")
    async with driven(world.plan, world=world, epoch=2) as session:
        await recheck(session)
        assert found(session) == {"there": Verdict.FAILED}
        assert "very-secret-value" not in str([e.body for e in session.client._journal.read()])


async def test_the_signal_is_withdrawn_when_the_target_drifted_and_anew_when_it_is_mended(
    driven,
) -> None:
    async with driven(criteria(NEW)) as session:
        await finish(session)
        client, folder = session.client, session.world.folder
        new, signal = session.world.root / "new.txt", folder / "signal.json"
        await client.export()
        first = signal.read_bytes()
        assert await headless(client) == 0
        assert signal.read_bytes() == first
        new.unlink()
        assert await headless(client) == 1
        second = signal.read_bytes()
        assert withdrawn_by(second) == hashlib.sha256(first).hexdigest()
        assert await headless(client) == 1
        assert signal.read_bytes() == second
        new.write_text("x")
        assert await headless(client) == 0
        assert withdrawn_by(signal.read_bytes()) == hashlib.sha256(second).hexdigest()
        recorded = client.state.exported
        assert recorded is not None
        assert (recorded.verdict, recorded.withdraws.verdict) == ("COMPLETE", "INCOMPLETE")


async def headless(client: SessionClient) -> int:
    printer = LinePrinter(io.StringIO(), io.StringIO(), client.plan, colour=False)
    return await RecheckDriver(client, printer, Interrupts(), probes=False).run()


def withdrawn_by(signal: bytes) -> str:
    stated, _ = read_statement(read_envelope(signal).payload)
    assert stated.withdraws is not None
    return stated.withdraws.sha256

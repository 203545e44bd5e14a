"""Work by hand: on record before it begins, its end as well, and a rollback warns of it."""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
from pathlib import Path

from msgspec.structs import replace

from runbook_app.adapters.by_hand import SpooledTranscripts
from runbook_app.adapters.children import start_time
from runbook_app.adapters.logs import SqliteLogReader
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.hands import within
from runbook_app.domain.state import ItemStatus

from .conftest import Driven
from .test_rollback import ONE, finish, rolled_back
from .world import PLAN, plan_of, step

ASKS = plan_of(step("only.colour", "asks", text="Which?"))


async def go_in(session: Driven, *, item: str = "first", pid: int = 0) -> str:
    pid = pid or os.getpid()
    return await session.client.send(
        cmd.GoInByHand,
        way="shell",
        what="a shell in /srv",
        item=item,
        pid=pid,
        pid_started=start_time(pid) or "",
    )


async def is_in(session, hands: str) -> None:
    assert await session.client.settled(hands) == ""
    await session.until(lambda: hands in session.state.hands)


async def is_out(session: Driven, hands: str) -> ev.HandsCameOut:
    await session.until(lambda: session.state.hands[hands].came_out)
    out: ev.HandsCameOut | None = session.state.hands[hands].came_out
    assert out is not None
    return out


def logged(folder: Path, source: str = "hands") -> str:
    reader = SqliteLogReader(folder / "logs.db")
    found = "\n".join(
        line.text for line in reader.lines(0, reader.count()) if line.source == source
    )
    reader.close()
    return found


async def test_who_where_when_and_how_it_ended_are_on_record(driven) -> None:
    async with driven(ONE) as session:
        await finish(session)
        hands = await go_in(session)
        await is_in(session, hands)
        one = session.state.hands[hands]
        assert (one.went_in.item, one.went_in.step) == ("first", "first.more")
        assert (one.went_in.what, one.went_in.during) == ("a shell in /srv", "")
        assert one.went_in.by
        assert one.at
        assert await session.send(cmd.ComeOut, hands=hands, exit_code=3) == ""
        assert (await is_out(session, hands)).exit_code == 3
        assert one.out_at >= one.at


async def test_it_falls_to_the_step_that_runs_whatever_is_selected(driven) -> None:
    plan = replace(PLAN, items=(*ASKS.items, *PLAN.items))
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.question is not None)
        hands = await go_in(session, item="first")
        await is_in(session, hands)
        begun = session.state.hands[hands].went_in
        assert (begun.item, begun.step, begun.during) == ("only", "only.colour", "only.colour")
        await session.send(cmd.ComeOut, hands=hands, exit_code=0)
        await session.confirm("red")


async def test_what_the_terminal_showed_goes_into_the_log_masked_and_not_into_the_steps(
    driven,
) -> None:
    secret = secrets.token_hex(16)
    async with driven(ONE) as session:
        await finish(session)
        session.world.redactor.register("token", secret)
        hands = await go_in(session)
        await is_in(session, hands)
        spool = SpooledTranscripts(session.world.folder).create(hands)
        assert spool.stat().st_mode & 0o777 == 0o600
        spool.write_bytes(f"$ cat token\r\n{secret}\r\n$ exit\r\n".encode())
        await session.send(cmd.ComeOut, hands=hands, exit_code=0)
        out = await is_out(session, hands)
        shown = b"$ cat token\n[secret:token]\n$ exit\n"
        assert (out.recorded, out.sha256) == (len(shown), hashlib.sha256(shown).hexdigest())
        assert not spool.exists()
    text = logged(session.world.folder)
    assert text.splitlines()[1:] == ["$ cat token", "[secret:token]", "$ exit"]
    assert "step first.more by hand: a shell in /srv" in text


async def test_those_are_out_whose_screen_is_gone(driven) -> None:
    with subprocess.Popen(["sleep", "1000"]) as screen:
        async with driven(ONE) as session:
            hands = await go_in(session, pid=screen.pid)
            await is_in(session, hands)
            assert within(session.state)
            screen.kill()
            screen.wait()
            out = await is_out(session, hands)
            assert out.exit_code is None
            assert "nobody saw" in out.reason


async def test_a_rollback_warns_before_it_begins_and_says_so_in_its_proof(driven) -> None:
    async with driven(ONE) as session:
        await finish(session)
        hands = await go_in(session)
        await is_in(session, hands)
        (session.world.root / "left.txt").write_text("by hand\n")
        await session.send(cmd.ComeOut, hands=hands, exit_code=0)
        await is_out(session, hands)
        await session.send(cmd.RollBackItem, item="first")
        result = await rolled_back(session, "first")
        bodies = [entry.body for entry in session.client._journal.read(0)]
        at = {type(body): place for place, body in enumerate(bodies)}
        assert at[ev.RollbackWarned] == at[ev.RollbackStarted] - 1
        warned = next(body for body in bodies if isinstance(body, ev.RollbackWarned))
        assert "a shell in /srv" in warned.text
        assert "may not cover that" in warned.text
        assert [d.field for d in result.differences] == ["file:left.txt"]
        assert any("touched by hand before: a shell in /srv" in text for text in result.remarks)


async def test_a_rollback_of_an_untouched_item_warns_of_nothing(driven) -> None:
    async with driven(ONE) as session:
        await finish(session)
        await session.send(cmd.RollBackItem, item="first")
        await rolled_back(session, "first")
        bodies = [entry.body for entry in session.client._journal.read(0)]
        assert not any(isinstance(body, ev.RollbackWarned) for body in bodies)


async def test_an_item_that_is_run_again_is_untouched_and_the_record_keeps_it(driven) -> None:
    async with driven(ONE) as session:
        await finish(session)
        hands = await go_in(session)
        await session.send(cmd.ComeOut, hands=hands, exit_code=0)
        await session.send(cmd.RollBackItem, item="first")
        await rolled_back(session, "first")
        assert session.state.items["first"].hands
        await session.send(cmd.RunItem, item="first")
        await session.confirm()
        await session.until(lambda: session.state.items["first"].status is ItemStatus.SUCCEEDED)
        assert not session.state.items["first"].hands
        assert hands in session.state.hands

"""Rolling back without a screen."""

from __future__ import annotations

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.entry import Body
from runbook_app.headless.rollback import RollbackDriver, Wish
from tests.domain.story import Story

from .stage import Reaction, Show, Stage, obedient


def rolled(*, proven: bool = True) -> tuple[Body, ...]:
    story = Story().rollback(proven=proven)
    return tuple(entry.body for entry in story.entries[-2:])


def react(*bodies: Body) -> Reaction:
    def act(stage: Stage, command: cmd.Command) -> None:
        if isinstance(command, cmd.RollBackItem):
            stage.emit(*bodies)
        else:
            obedient(stage, command)

    return act


async def roll_back(show: Show, **wish: object) -> int:
    chosen = Wish(item="tls", **wish)
    return await RollbackDriver(show.session, show.printer, chosen, show.interrupts).run()


async def test_a_proven_rollback_exits_0_and_prints_its_proof_beside_the_budget() -> None:
    session = Stage(react=react(*rolled()))
    show = Show(session)
    assert await roll_back(show) == 0
    assert (
        "item 2 TLS/HTTPS Enforcement: rolled back, proven, in 12s (budget 5m-10m)" in show.printed
    )
    assert "kept: public.users: 2 rows" in show.printed
    assert "not compared: file:.git" in show.printed
    assert session.sent_kinds() == ["RollBackItem", "Stop"]


async def test_an_unproven_rollback_exits_1_and_names_what_differs() -> None:
    show = Show(Stage(react=react(*rolled(proven=False))))
    assert await roll_back(show) == 1
    assert "differs: port:8001: was api, is none" in show.printed


async def test_a_failed_rollback_exits_1_with_its_hint() -> None:
    failed = ev.RollbackFailed(item="tls", error="compose up failed", hint="Free port 8001.")
    started = ev.RollbackStarted(item="tls", by="op", reason="")
    show = Show(Stage(react=react(started, failed)))
    assert await roll_back(show) == 1
    assert "Free port 8001." in show.said


async def test_dependents_are_named_and_nothing_is_rolled_back() -> None:
    session = Stage()
    words = "database changed the same things later (--with-dependents does it)."
    session.answer = lambda c: words if isinstance(c, cmd.RollBackItem) else ""
    show = Show(session)
    assert await roll_back(show) == 2
    assert "--with-dependents" in show.said
    assert session.state.engine is None


async def test_the_wish_reaches_the_engine() -> None:
    session = Stage(react=react(*rolled()))
    await roll_back(Show(session), with_dependents=True, accept_changes=True, unattended=True)
    sent = session.sent[0]
    assert isinstance(sent, cmd.RollBackItem)
    assert (sent.with_dependents, sent.accept_changes, sent.unattended) == (True, True, True)


async def test_changes_by_hand_wait_for_a_person() -> None:
    asked = ev.QuestionAsked(id="q", item="tls", step="", kind="changed", text="nginx.conf: -a +b")
    session = Stage(react=react(asked))
    show = Show(session)
    assert await roll_back(show, unattended=True) == 3
    assert "nginx.conf: -a +b" in show.said
    assert "--accept-changes" in show.said
    assert session.sent_kinds() == ["RollBackItem", "Stop"]


async def test_an_engine_that_somebody_else_started_is_left_running() -> None:
    session = Stage(react=react(*rolled()))
    session.ensure_engine()
    session.refresh()
    assert await roll_back(Show(session)) == 0
    assert session.sent_kinds() == ["RollBackItem"]
    assert session.alive


async def test_an_earlier_rollback_is_not_taken_for_this_one() -> None:
    session = Stage(react=react(*rolled(proven=False)))
    session.emit(*rolled())
    session.refresh()
    assert await roll_back(Show(session)) == 1

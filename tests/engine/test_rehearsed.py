"""Items that have to be rehearsed before they may begin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from runbook_app.domain import events as ev
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import ItemStatus

from .world import FIRST, PLAN, SCORE, World

REQUIRED = replace(PLAN, items=(replace(FIRST, rehearsal_required=True),))


class Record:
    """Implements `ports.rehearsals.Rehearsals`."""

    def __init__(self, *found: ev.RehearsalNoted, is_copy: bool = False) -> None:
        self.found = found
        self.is_copy = is_copy

    async def noted(self) -> Sequence[ev.RehearsalNoted]:
        return self.found


def badge(**fields: object) -> ev.RehearsalNoted:
    known = {
        "item": "first",
        "rehearsed_at": "2026-01-01T00:00:00.000Z",
        "proven": True,
        "apply_seconds": 1.0,
        "rollback_seconds": 1.0,
        "plan_sha256": PLAN.sha256,
    }
    return ev.RehearsalNoted(**(known | fields))


async def made(tmp_path: Path, record: Record, plan: Plan = REQUIRED) -> World:
    world = World(tmp_path, plan).make()
    world.rehearsals = record
    await world.begin()
    return world


async def test_without_a_badge_nothing_is_begun_and_the_command_is_named(
    driven, tmp_path: Path
) -> None:
    world = await made(tmp_path, Record())
    before = world.files()
    async with driven(REQUIRED, world=world) as session:
        await session.run()
        await session.until(lambda: session.state.pause_reason)
        assert "item first has to be rehearsed first" in session.state.pause_reason
        assert f"runbook rehearse plan.yaml --target {world.root}" in session.state.pause_reason
        assert session.state.items["first"].status is ItemStatus.PENDING
    assert world.files() == before


async def test_not_even_the_score_is_measured_for_it(driven, tmp_path: Path) -> None:
    plan = replace(REQUIRED, score=SCORE)
    async with driven(plan, world=await made(tmp_path, Record(), plan)) as session:
        await session.run()
        await session.until(lambda: session.state.pause_reason)
        assert session.state.score_before is None


async def test_a_badge_that_was_earned_meanwhile_counts_at_once(driven, tmp_path: Path) -> None:
    record = Record(badge(outdated="the target changed since"))
    async with driven(REQUIRED, world=await made(tmp_path, record)) as session:
        await session.run()
        await session.until(lambda: session.state.pause_reason)
        assert "the target changed since" in session.state.pause_reason
        record.found = (badge(),)
        await session.run()
        await session.until(lambda: session.state.items["first"].checkpoint_opened_at)
        await session.confirm()


async def test_on_a_copy_nothing_is_required(driven, tmp_path: Path) -> None:
    world = await made(tmp_path, Record(is_copy=True))
    async with driven(REQUIRED, world=world) as session:
        await session.run()
        await session.until(lambda: session.state.items["first"].checkpoint_opened_at)
        await session.confirm()


async def test_an_engine_journals_what_it_finds_once(driven, tmp_path: Path) -> None:
    world = await made(tmp_path, Record(badge(), badge(item="of another plan")))
    for epoch in (1, 2):
        async with driven(REQUIRED, world=world, epoch=epoch) as session:
            await session.until(lambda: session.state.items["first"].rehearsal is not None)
            entries = session.client._journal.read()
    assert sum(isinstance(entry.body, ev.RehearsalNoted) for entry in entries) == 1

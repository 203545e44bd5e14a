"""The canary: every child has it, the log begins with it, and no file of the session shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_app.adapters.artefacts import FolderArtefacts
from runbook_app.adapters.logs import SqliteLogReader
from runbook_app.adapters.sealer import FileKeySealer
from runbook_app.adapters.session_record import stored_in
from runbook_app.engine.known_secrets import KnownSecrets
from runbook_app.engine.leaks import first_leak
from runbook_app.engine.redaction import Redactor

from .world import World, plan_of, step

PRINTS = step("only.a", "child", argv=["env"])
KEEPS = step("only.a", "child", argv=["sh", "-c", 'echo "$RUNBOOK_CANARY" >>seen'])


def known(world: World) -> tuple[str, Redactor]:
    redactor = Redactor()
    artefacts = FolderArtefacts(world.folder, FileKeySealer(world.base / "captures.key"))
    return KnownSecrets(redactor, artefacts).canary(), redactor


def logged(world: World) -> list[str]:
    reader = SqliteLogReader(world.folder / "logs.db")
    try:
        return [line.text for line in reader.lines(0, 1000)]
    finally:
        reader.close()


async def test_a_child_that_prints_its_environment_leaves_a_label_and_no_leak(driven) -> None:
    async with driven(plan_of(PRINTS)) as session:
        await session.run()
        await session.idle()
    lines = logged(session.world)
    assert lines[0] == "Known secrets are masked here: [secret:canary]"
    assert "RUNBOOK_CANARY=[secret:canary]" in lines
    canary, redactor = known(session.world)
    assert first_leak(stored_in(session.world.folder), redactor) is None
    assert canary not in "\n".join(lines)


async def test_a_log_that_is_not_masked_is_noticed_whatever_the_steps_do(
    driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook_app.engine.redaction.StreamRedactor.feed", lambda _, data: data)
    async with driven(plan_of(step("only.a", "holds", path="base.txt"))) as session:
        await session.run()
        await session.idle()
    monkeypatch.undo()
    found = first_leak(stored_in(session.world.folder), known(session.world)[1])
    assert found is not None
    assert found.secret == "canary"


async def test_a_resumed_session_has_the_same_canary(driven, tmp_path: Path) -> None:
    plan = plan_of(KEEPS)
    async with driven(plan) as session:
        await session.run()
        await session.idle()
    first, _ = known(session.world)
    async with driven(plan, world=session.world, epoch=2):
        pass
    assert known(session.world)[0] == first
    assert (session.world.root / "seen").read_text() == f"{first}\n"
    assert len(first) == 48
    assert sum("masked here" in line for line in logged(session.world)) == 1

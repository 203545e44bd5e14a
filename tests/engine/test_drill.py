"""The shipped drill: what the plan language can do, run and taken back on files of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain import commands as cmd
from runbook_app.domain.errors import Unanswered
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import ItemStatus
from runbook_app.resources import shipped_plans

from .world import World

DRILL = shipped_plans() / "drill.yaml"
COMPOSE = "docker-compose.staging.yml"


def drill(**overrides: str) -> Plan:
    return read_plan(DRILL, InstalledActions(group=""), overrides, None)


def status(session: Any, item: str) -> ItemStatus:
    found: ItemStatus = session.state.items[item].status
    return found


def test_it_asks_for_a_word_and_whether_to_look_into_the_database() -> None:
    with pytest.raises(Unanswered) as asked:
        drill()
    assert [question.name for question in asked.value.questions] == [
        *("word", "lines", "named", "database")
    ]


@pytest.mark.parametrize(
    ("files", "index"), [("[one, two]", "2 files, among them two\n"), ("[one]", None)]
)
async def test_it_writes_its_files_and_a_rollback_takes_them_away(
    driven, tmp_path: Path, files: str, index: str | None
) -> None:
    plan = drill(word="ready; rm -rf $HOME", lines="2", named="last", database="false", files=files)
    made = World(tmp_path, plan).make()
    made.registry = InstalledActions(group="")
    (made.root / COMPOSE).write_text("services: {}\n")
    await made.begin()
    before = made.files()
    async with driven(plan, world=made) as session:
        await session.run(unattended=True)
        await session.confirm()
        await session.until(lambda: session.state.nothing_left)
        assert status(session, "files") is ItemStatus.SUCCEEDED
        assert status(session, "look") is ItemStatus.NOT_REQUIRED
        folder = made.root / "runbook-drill"
        assert (folder / "one").read_text() == "ready; rm -rf $HOME\n" * 2
        written = folder / "index"
        assert (written.read_text() if written.exists() else None) == index
        assert session.state.step("files.index").word == (
            "succeeded" if index else "not_applicable"
        )
        await session.send(cmd.RollBackItem, item="files")
        await session.until(lambda: status(session, "files") is ItemStatus.ROLLED_BACK)
        back = session.state.items["files"].rollback
        assert back
        assert back.proven
    assert made.files() == before

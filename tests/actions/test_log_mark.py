"""The engine stores a line of a log some moments after it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions._database_log import log_so_far
from actions._log_mark import LOOKS, log_until
from runbook_app.domain.errors import NotMeasured
from runbook_app.testing.database import Rows
from runbook_app.testing.run import FakeTarget
from tests.actions.database_target import database_target

pytestmark = pytest.mark.usefixtures("without_pauses")


def late(target: FakeTarget, text: bytes, looks: int) -> list[str]:
    """Let a log have its last line from a certain look on; what was looked at is told."""
    looked: list[str] = []

    def said(service: str) -> bytes:
        looked.append(service)
        return b"starting\n" + (text if len(looked) >= looks else b"")

    target.containers.on_logs = said
    return looked


@pytest.mark.parametrize("looks", [1, 2, LOOKS])
async def test_a_line_that_comes_late_is_waited_for(target: FakeTarget, looks: int) -> None:
    looked = late(target, b"the mark\n", looks)
    assert "the mark" in await log_until(target.run, "api", "the mark")
    assert looked == ["api"] * looks


async def test_a_line_that_never_comes_leaves_the_log_as_it_is(target: FakeTarget) -> None:
    looked = late(target, b"", 1)
    assert await log_until(target.run, "api", "the mark") == "starting\n"
    assert len(looked) == LOOKS


async def logging(folder: Path, looks: int) -> FakeTarget:
    """A server whose log has the statements from a certain look on."""
    target = database_target(folder, {})
    await target.database.capture()
    statements: list[str] = []

    def execute(sql: str) -> Rows:
        statements.append(sql)
        return []

    def said(_: str) -> bytes:
        nonlocal looks
        looks -= 1
        return "\n".join(statements if looks <= 0 else ()).encode()

    target.database.on_execute = execute
    target.containers.on_logs = said
    return target


@pytest.mark.parametrize("looks", [1, 3])
async def test_the_server_s_log_is_read_when_all_is_in_it(tmp_path: Path, looks: int) -> None:
    target = await logging(tmp_path, looks)
    assert "canary-" in await log_so_far(target.run)


async def test_a_server_that_logs_nothing_is_not_measured(tmp_path: Path) -> None:
    target = await logging(tmp_path, LOOKS + 1)
    with pytest.raises(NotMeasured, match="told to log is not in its log"):
        await log_so_far(target.run)

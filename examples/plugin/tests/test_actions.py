"""The actions of this package, on a target of fakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from runbook_sysctl import actions

from runbook_app.domain.errors import ActionError
from runbook_app.testing.harness import Case, prove
from runbook_app.testing.run import FakeTarget

KEY = "net.ipv4.tcp_syncookies"
ON = {"key": KEY, "value": "1"}
BEFORE = f"# Ours.\nvm.swappiness=10\n{KEY} = 0\n"


def without_a_file(folder: Path) -> FakeTarget:
    return FakeTarget(folder)


def with_a_file(folder: Path) -> FakeTarget:
    target = FakeTarget(folder)
    (target.folder / "sysctl.d").mkdir()
    (target.folder / actions.FILE).write_text(BEFORE)
    return target


@pytest.mark.parametrize("target", [without_a_file, with_a_file])
@pytest.mark.parametrize("action", [actions.write_setting, actions.setting])
async def test_it_keeps_the_promises_of_an_action(action, target, tmp_path) -> None:
    await prove(Case(action, ON, target), tmp_path)


async def test_all_other_lines_stay(tmp_path) -> None:
    target = with_a_file(tmp_path)
    await target.apply(actions.write_setting, **ON)
    assert target.files.read(actions.FILE).decode() == BEFORE.replace(" = 0", " = 1")


async def test_a_key_that_stands_twice_stands_once_after_it(tmp_path) -> None:
    target = with_a_file(tmp_path)
    (target.folder / actions.FILE).write_text(f"{KEY} = 1\n{KEY} = 0\n")
    assert await target.measure(actions.setting, **ON) == [f"{KEY} in {actions.FILE}"]
    await target.apply(actions.write_setting, **ON)
    assert target.files.read(actions.FILE).decode() == f"{KEY} = 1\n"
    assert await target.measure(actions.setting, **ON) == []


@pytest.mark.parametrize("given", [{"key": "a b.c"}, {"value": "1\nvm.x = 1"}, {"value": " 1"}])
async def test_what_can_not_stand_in_the_file_is_refused(given, tmp_path) -> None:
    with pytest.raises(ActionError, match="can't stand in a sysctl file"):
        await without_a_file(tmp_path).apply(actions.write_setting, **{**ON, **given})

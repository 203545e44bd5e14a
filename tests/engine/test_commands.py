"""Steps that are a command of the plan, read from its file and run by a real shell and Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runbook_app.adapters.children import start_time
from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import ItemStatus, StepStatus

from .test_rollback import finish, rolled_back
from .world import World

REGISTRY = InstalledActions(group="")
COOKBOOK = (Path(__file__).parents[2] / "docs" / "cookbook.md").read_text(encoding="utf-8")
HEAD = """\
plan: p
title: Commands
version: "1"
target: {compose: compose.yml}
variables: {value: ""}
items:
"""
ITEM = f"""\
{HEAD}  - id: only
    number: 1
    title: Only
    checkpoint: [{{capture: {{files: [base.txt], project: false}}}}]
    rollback: captures
    steps:
"""


def plan_from(folder: Path, text: str, **overrides: str) -> Plan:
    path = folder / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return read_plan(path, REGISTRY, overrides, None)


@pytest.fixture
def world(tmp_path: Path):
    async def made(text: str, **overrides: str) -> World:
        world = World(tmp_path, plan_from(tmp_path, text, **overrides)).make()
        world.registry = REGISTRY
        await world.begin()
        return world

    return made


TELLING = """\
      - id: {name}
        title: {name}
        shell: echo {name} > base.txt
        check: grep -q {name} base.txt
        capture: [base.txt]
        rollback: echo "{name} found $(cat base.txt)" >> ../order
"""


async def test_steps_take_themselves_back_newest_first_and_before_the_captures(
    driven, world, tmp_path
) -> None:
    steps = "".join(TELLING.format(name=name) for name in ("a", "b"))
    failing = TELLING.format(name="c").replace("echo c > base.txt", "echo c > base.txt; exit 7")
    made = await world(ITEM + steps + failing + TELLING.format(name="d"))
    before = made.files()
    async with driven(made.plan, world=made) as session:
        await session.run()
        await session.until(lambda: session.state.step("only.c").status is StepStatus.FAILED)
        assert session.state.step("only.c").error == "The command ended with exit code 7."
        assert await session.send(cmd.RollBackItem, item="only") == ""
        assert (await rolled_back(session, "only")).proven
    order = (tmp_path / "order").read_text().splitlines()
    assert order == ["c found c", "b found c", "a found c"]
    assert made.files() == before


async def test_a_rollback_that_fails_stops_before_the_captures_and_can_be_repeated(
    driven, world, tmp_path
) -> None:
    step = TELLING.format(name="a").replace("echo ", "test -e ../mended && echo ", 2)
    made = await world(ITEM + step.replace("test -e ../mended && ", "", 1))
    async with driven(made.plan, world=made) as session:
        await finish(session)
        await session.send(cmd.RollBackItem, item="only")
        item = session.state.items["only"]
        await session.until(lambda: item.status is ItemStatus.ROLLBACK_FAILED)
        assert item.rollback_error == (
            "The rollback of step only.a failed: The rollback ended with exit code 1."
        )
        assert (made.root / "base.txt").read_text() == "a\n"
        (tmp_path / "mended").touch()
        await session.send(cmd.RollBackItem, item="only")
        assert (await rolled_back(session, "only")).proven
    assert (tmp_path / "order").read_text() == "a found a\n"


HOSTILE = '\'; touch pwned; "$(touch pwned)`touch pwned`" ${HOME} %(x)s \\ ü'


@pytest.mark.parametrize(
    "command",
    [
        'shell: printf %s "$VALUE" > told',
        "python: open('told', 'w').write(__import__('os').environ['VALUE'])",
    ],
)
async def test_a_hostile_variable_arrives_as_it_is(driven, world, command) -> None:
    step = f"""\
      - id: tell
        title: Tell
        {command}
        env: {{VALUE: "${{value}}"}}
        check: "pass"
        capture: [told]
"""
    if command.startswith("shell"):
        step = step.replace('"pass"', "test -e told")
    made = await world(ITEM + step, value=HOSTILE)
    async with driven(made.plan, world=made) as session:
        await finish(session)
        assert (made.root / "told").read_text() == HOSTILE
        assert sorted(path.name for path in made.root.iterdir()) == [
            "PROGRESS.md",
            "base.txt",
            "told",
        ]
        await session.send(cmd.RollBackItem, item="only")
        assert (await rolled_back(session, "only")).proven
    assert not (made.root / "told").exists()


async def test_a_command_over_its_time_is_ended_with_its_children(driven, world, tmp_path) -> None:
    step = """\
      - id: wait
        title: Wait
        shell: |
          sleep 300 &
          echo $$ $! > ../started
          wait
        check: test -e none
        capture: [none]
        timeout: 1s
"""
    made = await world(ITEM + step)
    async with driven(made.plan, world=made) as session:
        await session.run()
        await session.until(lambda: session.state.step("only.wait").status is StepStatus.FAILED)
        assert "over its time limit of 1s" in session.state.step("only.wait").error
        assert session.state.children == {}
        for pid in (tmp_path / "started").read_text().split():
            assert start_time(int(pid)) is None


async def test_a_command_that_ran_and_whose_check_breaks_has_failed(driven, world) -> None:
    step = "      - {id: a, title: A, shell: touch new, check: exit 2, capture: [new]}\n"
    made = await world(ITEM + step)
    async with driven(made.plan, world=made) as session:
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        assert session.state.step("only.a").error == (
            "The step's check can't say: it ended with exit code 2."
        )


async def test_what_a_command_left_for_later_steps_is_on_record(driven, world) -> None:
    step = """\
      - id: a
        title: A
        shell: echo size=$(wc -c < base.txt) >> "$RUNBOOK_OUTPUT"
        changes: nothing
"""
    made = await world(ITEM.replace("    rollback: captures\n", "") + step)
    async with driven(made.plan, world=made) as session:
        await finish(session)
        assert session.state.step("only.a").outputs == {"size": "5"}
        (measured,) = session.state.step("only.a").measurements
        assert (measured.name, measured.value) == ("exit code", 0)


async def test_a_command_hands_a_value_to_a_later_one_by_its_environment(driven, world) -> None:
    steps = """\
      - id: a
        title: A
        shell: echo "text=$VALUE" >> "$RUNBOOK_OUTPUT"
        env: {VALUE: "${value}"}
        changes: nothing
      - id: b
        title: B
        each: {one: 1}
        when: ${steps.a.outputs.text} != ''
        python: open('told', 'w').write(__import__('os').environ['TEXT'])
        env: {TEXT: "${steps.a.outputs.text} ${each}"}
        check: open('told')
        capture: [told]
"""
    made = await world(ITEM + steps, value=HOSTILE)
    async with driven(made.plan, world=made) as session:
        await finish(session)
        assert (made.root / "told").read_text() == f"{HOSTILE} 1"
        await session.send(cmd.RollBackItem, item="only")
        assert (await rolled_back(session, "only")).proven


def recipes() -> list[str]:
    head, *items = re.findall(r"```yaml\n(.*?)```", COOKBOOK, re.DOTALL)
    return [
        f"{head}items:\n" + "".join(f"  {line}\n" for line in item.splitlines())
        for item in items
        if re.search(r"^ +(shell|python):", item, re.MULTILINE)
    ]


@pytest.mark.parametrize("recipe", recipes(), ids=lambda text: re.findall(r"- id: (\S+)", text)[0])
async def test_the_cookbooks_commands_run_and_are_rolled_back(driven, world, recipe) -> None:
    made = await world(recipe)
    (item,) = made.plan.items
    before = made.files()
    async with driven(made.plan, world=made) as session:
        await finish(session)
        assert session.state.items[item.id].status is ItemStatus.SUCCEEDED
        if any(step.effect for step in item.steps):
            assert made.files() != before
            await session.send(cmd.RollBackItem, item=item.id)
            assert isinstance(await rolled_back(session, item.id), ev.RollbackFinished)
            assert session.state.items[item.id].rollback.proven
    assert made.files() == before


def test_the_cookbook_has_recipes_with_commands() -> None:
    assert len(recipes()) == 3

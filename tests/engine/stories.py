"""Stories for the kill matrix: what an operator wants of a session, and how it began.

Engine and operator live in one process, which a kill ends at a named point; the same story told
again goes on from what is left. `python -m tests.engine.stories` has all imported, and forks a
process for each.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from runbook_app.domain import commands as cmd
from runbook_app.domain.events import QuestionAsked
from runbook_app.domain.measure import Progress
from runbook_app.domain.plan import Call, CaptureLine, Plan, Step
from runbook_app.domain.state import ItemStatus, SessionState, StepState, StepStatus
from runbook_app.engine import engine
from runbook_app.engine.client import SessionClient
from runbook_app.testing.crash import PASSED, VARIABLE

from .conditions import only_when
from .world import FIRST, PLAN, RADIUS, RUNNING, SCORE, SECOND, World, call, plan_of, step

LIMIT = 30.0
"""Seconds after which a story that does not come to its end has failed."""


@dataclass(frozen=True)
class Wish:
    """What the operator sends unless it is fulfilled."""

    command: type[cmd.Command]
    fulfilled: Callable[[SessionState], bool]
    fields: dict[str, object] = field(default_factory=dict)
    begun: Callable[[SessionState], bool] = lambda state: False
    """Whether it was taken up already: then an operator who comes back only has it go on."""
    unattended: bool = True
    """As with `--yes`; else a person answers, and of a step of unknown outcome: partly done."""


@dataclass(frozen=True)
class Story:
    plan: Plan
    wish: Wish | None
    """None: an export."""
    make: Callable[[World], None] = lambda world: None
    """Makes what the target holds besides its file."""
    after: str = ""
    """The story whose undisturbed end is the beginning of this one."""
    only_told: bool = False
    """It is the beginning of another, and its points are those of others."""
    slow: bool = False
    """It starts processes of its own at each of its points."""
    killed_at: str = ""
    """Where this story was killed already when it begins."""


async def tell(world: World, wish: Wish | None) -> None:
    """Bring a story to its end, whatever an earlier process left of it."""
    client = world.client()
    async with asyncio.timeout(LIMIT):
        if wish is None:
            await client.export()
        else:
            await _with_engine(world, client, wish)
    client.close()


async def _with_engine(world: World, client: SessionClient, wish: Wish) -> None:
    epoch = client.state.epoch + 1
    async with asyncio.TaskGroup() as group:
        group.create_task(world.drive(epoch))
        while client.state.epoch < epoch:
            await client.changes()
        await _fulfil(client, wish)
        await client.send(cmd.Stop)


async def _fulfil(client: SessionClient, wish: Wish) -> None:
    asked: set[str] = set()
    sent = False
    while not wish.fulfilled(client.state):
        question = client.state.question
        if question and question.id not in asked:
            asked.add(question.id)
            await _answer(client, question, assumed=wish.unattended)
        elif unknown := None if wish.unattended else _unknown(client.state):
            fresh = unknown.status is StepStatus.UNKNOWN and unknown.examined
            if fresh and not unknown.resolved and unknown.id not in asked:
                asked.add(unknown.id)
                await client.send(cmd.ResolveUnknown, step=unknown.id, answer=Progress.PARTLY)
        elif not sent and _quiet(client.state):
            sent = True
            if wish.begun(client.state):
                await client.send(cmd.Run, auto=True, unattended=True)
            else:
                await client.send(wish.command, **wish.fields)
        await client.changes()


async def _answer(client: SessionClient, question: QuestionAsked, *, assumed: bool) -> None:
    await client.send(
        cmd.AnswerQuestion,
        question=question.id,
        answer=question.choices[0],
        assumed=assumed and question.may_be_assumed,
    )


def _unknown(state: SessionState) -> StepState | None:
    """A step whose outcome nobody knows, or will not: it was running when the engine ended."""
    statuses = (StepStatus.RUNNING, StepStatus.UNKNOWN)
    return next((step for step in state.steps() if step.status in statuses), None)


def _quiet(state: SessionState) -> bool:
    """Whether the engine does nothing that it began, or goes on with, by itself."""
    rechecking = state.recheck is not None and not state.recheck.over
    return not (state.intent.active or state.scoring or rechecking or _rolling_back(state))


def _rolling_back(state: SessionState) -> bool:
    return any(item.status is ItemStatus.ROLLING_BACK for item in state.items.values())


def _undone(state: SessionState) -> bool:
    return all(item.status is ItemStatus.ROLLED_BACK for item in state.items.values())


def _asked_score(state: SessionState) -> bool:
    return any(taken.started.moment == "asked" for taken in state.scores)


def _rechecked(state: SessionState) -> bool:
    return state.recheck is not None and state.recheck.finished is not None


def _all_decided(state: SessionState) -> bool:
    return not state.intent.active and state.nothing_left


def _run(item: str, until: str = "", *, unattended: bool = True) -> Wish:
    """Run an item, or its steps up to one of them."""

    def over(state: SessionState) -> bool:
        if state.intent.active:
            return False
        if until:
            return state.step(until).status is StepStatus.SUCCEEDED
        return state.items[item].status is ItemStatus.SUCCEEDED

    fields: dict[str, object] = {"items": (item,), "until": until}
    fields |= {"auto": True, "unattended": unattended}
    return Wish(cmd.Run, over, fields, unattended=unattended)


def _run_again(item: str) -> Wish:
    def over(state: SessionState) -> bool:
        return not state.intent.active and state.items[item].status is ItemStatus.SUCCEEDED

    def begun(state: SessionState) -> bool:
        return state.items[item].status is not ItemStatus.ROLLED_BACK

    return Wish(cmd.RunItem, over, {"item": item}, begun=begun)


def _roll_back(item: str) -> Wish:
    fields: dict[str, object] = {"item": item, "with_dependents": True}
    return Wish(cmd.RollBackItem, _undone, fields)


def _repository(world: World) -> None:
    for argv in (
        ("init", "-q", "-b", "main"),
        ("config", "user.name", "op"),
        ("config", "user.email", "op@example.com"),
        ("add", "base.txt"),
        ("commit", "-q", "-m", "base"),
    ):
        subprocess.run(["git", *argv], cwd=world.root, check=True)
    (world.root / ".git/hooks").mkdir(exist_ok=True)
    for name in HOOKS:
        hook = world.root / ".git/hooks" / name
        hook.write_text(HOOK)
        hook.chmod(0o755)


HOOKS = ("pre-commit", "reference-transaction")
"""Of git: before the commit is made, and when the branch has it and the index has not."""
HOOK = f"""#!/bin/sh
point="hook:$(basename "$0")#1"
case $1 in prepared | aborted | preparing) exit 0 ;; esac
[ -z "${PASSED}" ] || echo "$point" >> "${PASSED}"
[ "${VARIABLE}" != "$point" ] || {{
    kill -9 "$(cut -d' ' -f4 "/proc/$PPID/stat")"
    while kill -0 "$PPID" 2>/dev/null; do sleep 0.01; done
}}
"""


HALF = f"""
point=half:command#1
[ -z "${{{PASSED}:-}}" ] || echo "$point" >> "${PASSED}"
[ "${{{VARIABLE}:-}}" != "$point" ] || {{
    kill -9 $PPID
    while kill -0 $PPID 2>/dev/null; do sleep 0.01; done
}}
"""
"""A point in the middle of a shell command, whose parent is the engine."""


def _command(name: str, language: str, **parameters: object) -> Step:
    called = Call(action=f"command.{language}", parameters=parameters)
    return Step(id=f"only.{name}", title=name, call=called, effect=True, undoes=True)


def _data(world: World) -> None:
    (world.root / "data").write_text("row 1\n")


def _radius(world: World) -> None:
    (world.folder / "scratch" / RADIUS).write_text("db api\n")


FILES = replace(
    PLAN,
    items=(
        replace(
            FIRST,
            steps=(
                *FIRST.steps,
                replace(step("first.twice", "stumble", path="twice.txt"), retries=1),
                step("first.size", "holds", path="base.txt"),
                step("first.colour", "asks", text="Which?"),
                step("first.child", "child", argv=["true"]),
            ),
            commit="",
        ),
        replace(SECOND, rollback=(call("holds", path="base.txt"),)),
    ),
    score=SCORE,
)
COMMITTED = replace(
    PLAN, items=(replace(FIRST, steps=FIRST.steps[:2], checkpoint=FIRST.checkpoint[1:2]),)
)
FALLBACK = plan_of(
    step("only.a", "write", path="a", text="a"),
    step("only.row", "insert", path="data", row="row 2"),
    checkpoint=(CaptureLine(id="copies", title="Copies", project=False, volume=True),),
    rollback=(call("holds", path="key"),),
)
GUARDED = plan_of(
    replace(step("only.a", "write", path="a", text="a"), confirm_within=timedelta(minutes=10)),
    step("only.b", "append", path="base.txt", line="one"),
)
RADIUS_PLAN = plan_of(
    step("only.a", "spread", path="a", text="a"),
    step("only.b", "append", path="base.txt", line="one"),
)
COMMANDS = plan_of(
    _command(
        "a",
        "shell",
        command=f"mkdir ../{RUNNING}\n{HALF}\necho one > base.txt\nmkdir -p sub\n"
        "echo new > sub/new.txt\n",
        check=f"echo port=$PORT >> $RUNBOOK_OUTPUT\ntest -d ../{RUNNING} || exit 1\n"
        "test -e sub/new.txt || exit 3",
        env={"PORT": "8443"},
        capture={"files": ["base.txt", "sub/new.txt"]},
        rollback=f"rm -rf ../{RUNNING}",
    ),
    _command(
        "b",
        "python",
        command="open('two.txt', 'w').write('two')",
        check="import os, sys; sys.exit(0 if os.path.exists('two.txt') else 1)",
        capture={"files": ["two.txt"]},
    ),
    step("only.c", "append", path="base.txt", line="three"),
)
CHOOSY = plan_of(
    step("only.say", "remarks", text="yes"),
    only_when(
        step("only.never", "write", path="never", text="a"),
        "${steps.say.outputs.rollback_remark} == 'no'",
    ),
    step("only.b", "append", path="base.txt", line="one"),
)
CHOOSY = replace(
    CHOOSY,
    items=(
        *CHOOSY.items,
        replace(
            only_when(SECOND, "${steps.only.say.outputs.rollback_remark} != 'yes'"),
            needs=("only",),
            checkpoint=(),
        ),
    ),
)
SHORT = plan_of(step("only.a", "append", path="base.txt", line="one"))
STORIES = {
    "open": Story(FILES, _run("first", until="first.new")),
    "change": Story(FILES, _run("first", until="first.more"), after="open"),
    "stumble": Story(FILES, _run("first", until="first.size"), after="change"),
    "ask": Story(FILES, _run("first"), after="stumble"),
    "second": Story(FILES, _run("second"), after="ask", only_told=True),
    "recover": Story(FILES, _run("second"), after="ask", killed_at="half:base.txt#1"),
    "triage": Story(
        FILES, _run("second", unattended=False), after="ask", killed_at="half:base.txt#1"
    ),
    "measure": Story(FILES, Wish(cmd.MeasureScore, _asked_score), after="second"),
    "recheck": Story(FILES, Wish(cmd.Recheck, _rechecked), after="second"),
    "export": Story(FILES, None, after="measure"),
    "export again": Story(FILES, None, after="export"),
    "roll back": Story(FILES, _roll_back("first"), after="second"),
    "copy": Story(FALLBACK, _run("only"), make=_data, only_told=True),
    "fall back": Story(FALLBACK, _roll_back("only"), after="copy"),
    "guard": Story(GUARDED, _run("only"), make=World.keep_plan, slow=True),
    "radius": Story(RADIUS_PLAN, _run("only", unattended=False), make=_radius),
    "write": Story(COMMITTED, _run("first", until="first.base"), make=_repository, only_told=True),
    "commit": Story(COMMITTED, _run("first"), after="write"),
    "revert": Story(COMMITTED, _roll_back("first"), after="commit"),
    "command": Story(COMMANDS, _run("only"), slow=True),
    "take back": Story(COMMANDS, _roll_back("only"), after="command"),
    "pass over": Story(CHOOSY, Wish(cmd.Run, _all_decided, {"auto": True, "unattended": True})),
    "short": Story(SHORT, _run("only"), only_told=True),
    "undo": Story(SHORT, _roll_back("only"), after="short", only_told=True),
    "again": Story(SHORT, _run_again("only"), after="undo"),
}
KILLED = [name for name, story in STORIES.items() if not story.only_told]


def live(base: str, story: str, crash_at: str, passed: str) -> None:
    """Be the process of a story, which ends with it or at a crash point."""
    os.environ[VARIABLE] = crash_at
    if passed:
        os.environ[PASSED] = passed
    asyncio.run(tell(World(Path(base), STORIES[story].plan), STORIES[story].wish))


def serve() -> None:
    """Fork a process for each story on standard input, and say how it ended."""
    # Work begins by a ring here, and what a poll adds would depend on the machine.
    engine.POLL = LIMIT
    for asked in sys.stdin:
        pid = os.fork()
        if pid == 0:
            live(*json.loads(asked))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()

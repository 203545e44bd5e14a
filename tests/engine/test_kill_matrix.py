"""An engine killed by SIGKILL anywhere ends, once it is resumed, where an undisturbed one does.

The points come from a run that nobody disturbs: before and after every append to the journal, and
at every named point between an effect and its event. Files, repository, journal, captures,
children and kills are real; containers are not there (those are in `tests/real/kill`).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import pytest

from runbook_app.adapters.signing_key import FilePublicKey, public_file
from runbook_app.domain import events as ev
from runbook_app.domain.state import ItemState, SessionState, StepStatus
from runbook_app.domain.statement import JSON, MARKDOWN
from runbook_app.headless.verify import Finding, verify_signal

from .stories import KILLED, STORIES
from .world import RUNNING, World, told

pytestmark = [pytest.mark.kill, pytest.mark.timeout(600)]

AT_LEAST = 200
WORKERS = 3
"""Stories told at a time: most of a story is waiting for the disk."""
PAGE_ALONE = "export:page#1"
"""Where a kill leaves a page that is newer than the statement beside it."""
REPORT = ":StatusReported#"
"""The last of these points may not come: one report says what two would have, if a ring is late."""
CUT_SHORT = (StepStatus.RUNNING, StepStatus.WAITING)
UNTOUCHED = (StepStatus.PENDING, StepStatus.ROLLED_BACK)
"""A step that may run yet, or again when its item is."""
UNASKED = (StepStatus.UNKNOWN, None)


@dataclass(frozen=True)
class Undisturbed:
    beginning: Path
    points: list[str]
    ending: dict[str, object]
    tally: list[str]


class Teller:
    """Has each story told by a new process, forked from one that has all imported."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.stories"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def tell(self, base: Path, story: str, *, crash_at: str = "", passed: str = "") -> int:
        """Return the exit code of the process: 0 when the story came to its end."""
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps([str(base), story, crash_at, passed]) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def close(self) -> None:
        self._server.communicate()


class Stage:
    """Where stories are told; each one's beginning and undisturbed end are made once."""

    def __init__(self, folder: Path, tellers: list[Teller]) -> None:
        self._folder = folder
        self._tellers = tellers
        self._undisturbed: dict[str, Undisturbed] = {}

    def undisturbed(self, story: str) -> Undisturbed:
        """Tell a story without a kill."""
        if story not in self._undisturbed:
            beginning = self._begin(story)
            base = copy(beginning, self._end_of(story))
            points = self._folder / f"{story}.points"
            assert self._tellers[0].tell(base, story, passed=str(points)) == 0
            world, begun = (World(folder, STORIES[story].plan) for folder in (base, beginning))
            self._undisturbed[story] = Undisturbed(
                beginning=beginning,
                points=points.read_text().splitlines(),
                ending=ending(world),
                tally=told(world.folder / "scratch")[len(told(begun.folder / "scratch")) :],
            )
        return self._undisturbed[story]

    def _end_of(self, story: str) -> Path:
        return self._folder / story / "end"

    def _begin(self, story: str) -> Path:
        known, base = STORIES[story], self._folder / story / "begin"
        if not known.after:
            world = World(base, known.plan).make()
            known.make(world)
            asyncio.run(world.begin())
            return base
        self.undisturbed(known.after)
        copy(self._end_of(known.after), base)
        if known.killed_at:
            killed = self._tellers[0].tell(base, story, crash_at=known.killed_at)
            assert killed == -signal.SIGKILL
        return base

    def kill_everywhere(self, story: str) -> Iterator[tuple[str, Callable[[], object]]]:
        """Kill a story at each of its points; of each, what raises if it ended otherwise."""
        undisturbed = self.undisturbed(story)
        free: SimpleQueue[Teller] = SimpleQueue()
        for teller in self._tellers:
            free.put(teller)

        def kill(number: int, point: str) -> None:
            teller = free.get()
            try:
                base = copy(undisturbed.beginning, self._folder / story / f"{number}")
                kill_and_resume(teller, base, story, point, undisturbed)
                shutil.rmtree(base)
            finally:
                free.put(teller)

        with ThreadPoolExecutor(len(self._tellers)) as pool:
            kills = [pool.submit(kill, *numbered) for numbered in enumerate(undisturbed.points)]
            for point, done in zip(undisturbed.points, kills, strict=True):
                yield point, done.result


def copy(base: Path, to: Path) -> Path:
    shutil.copytree(base, to, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    return to


def kill_and_resume(
    teller: Teller, base: Path, story: str, point: str, undisturbed: Undisturbed
) -> None:
    """Kill a story at a point, tell it again, and hold what came of it."""
    world = World(base, STORIES[story].plan)
    begun = world.files()
    passed = base / "passed"
    code = teller.tell(base, story, crash_at=point, passed=str(passed))
    if code == 0 and REPORT in point:
        assert point not in passed.read_text().splitlines()
        assert ending(world) == undisturbed.ending
        return
    assert code == -signal.SIGKILL, "it never came there"
    killed = Killed(world)
    killed.check_captured(begun)
    killed.check_signal(point)
    assert teller.tell(base, story) == 0
    assert ending(world) == undisturbed.ending
    killed.check_repeats(undisturbed.tally)
    killed.check_reported()
    check_whole(world)


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    tellers = [Teller() for _ in range(WORKERS)]
    yield Stage(tmp_path_factory.mktemp("stage"), tellers)
    for teller in tellers:
        teller.close()


@pytest.mark.parametrize(
    "story",
    [pytest.param(name, marks=pytest.mark.slow if STORIES[name].slow else ()) for name in KILLED],
)
def test_killed_anywhere_and_resumed_it_ends_as_if_undisturbed(stage, story, subtests) -> None:
    for point, done in stage.kill_everywhere(story):
        with subtests.test(point):
            done()


def test_the_matrix_is_as_large_as_promised(stage) -> None:
    fast = [story for story in KILLED if not STORIES[story].slow]
    points = [point for story in fast for point in stage.undisturbed(story).points]
    assert len(points) >= AT_LEAST
    before = {point.removeprefix("before:") for point in points if point.startswith("before:")}
    after = {point.removeprefix("after:") for point in points if point.startswith("after:")}
    assert before == after
    kinds = {kind for point in after for kind in point.partition("#")[0].split("+")}
    assert {"StepNotApplicable", "ItemNotApplicable"} <= kinds


class Killed:
    """What a kill left."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.state = state_of(world)
        self.files = world.files()
        self.tally = told(world.folder / "scratch")

    def check_captured(self, begun: dict[str, tuple[int, bytes]]) -> None:
        """Hold that what is not as it was had been captured before."""
        captured = {c.name for item in self.state.items.values() for c in item.captures}
        changed = {name for name, was in self.files.items() if begun.get(name) != was}
        assert {*changed, *(begun.keys() - self.files.keys())} <= captured

    def check_signal(self, point: str) -> None:
        """Hold that page and statement are old or new, and that a mix of both is seen."""
        wrong = wrong_with_signal(self.world)
        if point == PAGE_ALONE and (self.world.folder / JSON).exists():
            assert len(wrong) == 1
            assert "an export was cut off by a crash" in wrong[0]
        else:
            assert wrong == []

    def check_repeats(self, undisturbed: list[str]) -> None:
        """Hold that only what had no outcome was run again, and its check was asked first."""
        later = told(self.world.folder / "scratch")[len(self.tally) :]
        for step in self.state.steps():
            calls = [line.split()[0] for line in later if line.endswith(f" {step.id}")]
            assert calls.count("apply") <= undisturbed.count(f"apply {step.id}")
            if step.status in CUT_SHORT or (step.status, step.examined) == UNASKED:
                if self.world.plan.step(step.id)[1].effect:
                    assert calls[:1] == ["check"], f"{step.id} was {step.status}, then {calls}"
            elif self.state.items[step.item].to_confirm == step.id:
                assert {*calls} <= {"check"}, f"{step.id} was to be confirmed, then {calls}"
            elif step.status not in (*UNTOUCHED, StepStatus.UNKNOWN):
                assert calls == [], f"{step.id} was {step.status}, then {calls}"

    def check_reported(self) -> None:
        """Hold that a step which the kill cut short is on record as unknown, and examined."""
        steps = {step.id for step in self.state.steps() if step.status in CUT_SHORT}
        later = [entry.body for entry in entries_of(self.world, self.state.seq)]
        assert steps == {e.step for e in later if isinstance(e, ev.StepBecameUnknown)}
        assert steps <= {e.step for e in later if isinstance(e, ev.UnknownExamined)}
        ended = {(e.pid, e.pid_started) for e in later if isinstance(e, ev.ChildEnded)}
        assert self.state.children.keys() <= ended


def check_whole(world: World) -> None:
    """Hold that the record is sound, and that nothing is open in it."""
    client = world.client(read_only=True)
    state = client.state
    assert client._journal.verify() is None
    client.close()
    assert all(step.status is not StepStatus.UNKNOWN for step in state.steps())
    assert (state.children, state.commands) == ({}, {})
    assert (state.question, state.scoring, state.engine) == (None, None, None)
    if state.exported is not None:
        statement = (world.folder / JSON).read_bytes()
        assert state.exported.sha256 == hashlib.sha256(statement).hexdigest()
        assert wrong_with_signal(world) == []


def state_of(world: World) -> SessionState:
    client = world.client(read_only=True)
    client.close()
    return client.state


def entries_of(world: World, after: int):
    client = world.client(read_only=True)
    found = client._journal.read(after)
    client.close()
    return found


def wrong_with_signal(world: World) -> list[str]:
    """What `runbook verify` would say; nothing where there is no statement."""
    statement, page = world.folder / JSON, world.folder / MARKDOWN
    if not statement.exists():
        return []
    finding = Finding()
    key = FilePublicKey.load(public_file(world.base / "signing.key"))
    verify_signal(statement.read_bytes(), page.read_bytes(), key, given=True, finding=finding)
    return finding.wrong


def ending(world: World) -> dict[str, object]:
    """What has to be equal however often a session was killed."""
    state = state_of(world)
    return {
        "files": world.files(),
        "running": (world.base / RUNNING).exists(),
        "history": history(world.root),
        "items": {item.id: end_of_item(item) for item in state.items.values()},
        "scores": [
            (
                taken.started.moment,
                taken.measured.total,
                [(c.check, c.verdict) for c in taken.checks],
            )
            for taken in state.scores
        ],
        "verdict": state.exported.verdict if state.exported else None,
        "notes": [note.text for note in state.notes],
    }


def end_of_item(item: ItemState) -> dict[str, object]:
    back = item.rollback
    return {
        "status": item.status,
        "steps": {s.id: (s.status, s.outputs, [*s.measurements]) for s in item.steps.values()},
        "lines": {line.id: line.passed for line in item.checkpoint.values()},
        "success": {line.id: line.passed for line in item.success.values()},
        "captures": [(c.step, c.kind, c.name, c.sha256, c.dirty) for c in item.captures],
        "before": item.fingerprint.sha256 if item.fingerprint else "",
        "settled": item.settled,
        "committed": item.committed.paths if item.committed else (),
        "not committed": item.not_committed.reason if item.not_committed else "",
        "rollback": (back.proven, back.differences, back.kept, back.remarks) if back else (),
    }


def history(root: Path) -> str:
    """Trees, messages and paths of all commits, with numbers for their ids, and what is open."""
    if not (root / ".git").exists():
        return ""
    log = git(root, "log", "--reverse", "--format=commit %H%n%T%n%B", "--name-status")
    for number, commit in enumerate(re.findall(r"^commit (\w+)", log, re.MULTILINE)):
        log = log.replace(commit, f"number {number}")
    return log + git(root, "status", "--porcelain")


def git(root: Path, *argv: str) -> str:
    return subprocess.run(
        ["git", *argv], cwd=root, check=True, capture_output=True, text=True
    ).stdout

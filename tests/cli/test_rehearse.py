"""`rehearse` from the command line: exit codes, and that the copy goes whatever happens."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_app import bootstrap
from runbook_app.adapters import doctor
from runbook_app.adapters.lock import TargetLock
from runbook_app.adapters.rehearsal_names import Names
from runbook_app.adapters.rehearsal_record import Begun, RehearsalRecord
from runbook_app.cli import commands, rehearse
from runbook_app.domain.errors import EnvironmentLacks, UsageError
from runbook_app.domain.rehearsal import Footing
from runbook_app.headless.rehearsal import Rehearsed
from tests.domain.story import PLAN
from tests.headless.stage import Stage

NAMES = Names(before="staging", project="copy", ports={}, subnets={})
FOOTING = Footing(plan_sha256=PLAN.sha256, variables="", commit="", changes="")
GOOD = Rehearsed(item="tls", title="TLS", ran=True, to_undo=True, proven=True)
BAD = Rehearsed(item="tls", title="TLS", ran=True, to_undo=True, why=("it differs",))
LOOKED = Rehearsed(item="headers", title="Headers", ran=True, to_undo=False)


class Copy:
    """Stands for `Rehearsal`: makes a record, and nothing else."""

    def __init__(self, home: Path, target: Path, workdir: Path | None) -> None:
        self.record = RehearsalRecord(home)
        self.target = target
        self.workdir = workdir
        self.last: Begun | None = None
        self.refusal: Exception | None = None
        self.fault: BaseException | None = None

    async def plan_names(self) -> tuple[Names, Footing]:
        if self.refusal:
            raise self.refusal
        return NAMES, FOOTING

    async def make(self, names: Names) -> Path:
        self.last = begun(self.target, kept=False)
        self.record.write(self.last)
        if self.fault:
            raise self.fault
        return self.last.copy

    def remember(self, session: str) -> None:
        """The session is a fake's."""

    async def note_images(self) -> None:
        """There are none."""

    def keep(self) -> None:
        assert self.last is not None
        self.record.write(begun(self.target, kept=True))

    async def close(self) -> None:
        """Nothing is open."""


def begun(target: Path, *, kept: bool, pid_started: str = "1") -> Begun:
    return Begun(
        id="r1",
        pid=os.getpid(),
        pid_started=pid_started,
        target=str(target),
        folder=str(target.parent / "work"),
        names=NAMES,
        kept=kept,
    )


class Scene:
    """The command with a copy in memory, and what it did to it."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.target = base / "home", base / "target"
        self.target.mkdir()
        (base / "plan.yaml").write_text("")
        self.plan = base / "plan.yaml"
        self.copy = Copy(self.home, self.target.resolve(), None)
        self.removed: list[str] = []
        self.found: list[Rehearsed] = [GOOD]
        self.driven: Callable[[], None] = lambda: None
        monkeypatch.setenv("RUNBOOK_HOME", str(self.home))
        monkeypatch.setattr(bootstrap, "load_plan", lambda *_, **__: PLAN)
        monkeypatch.setattr(bootstrap, "rehearsal", self._rehearsal)
        monkeypatch.setattr(bootstrap, "create_session", lambda *_, **__: Stage())
        monkeypatch.setattr(bootstrap, "remove_rehearsal", self._remove)
        monkeypatch.setattr(doctor, "require", lambda *_: None)
        monkeypatch.setattr(rehearse._Work, "_drive", self._drive)

    def _rehearsal(self, *_: object, workdir: Path | None, **__: object) -> Copy:
        self.copy.workdir = workdir
        return self.copy

    def _drive(self, *_: object) -> list[Rehearsed]:
        self.driven()
        return self.found

    def _remove(self, gone: Begun) -> None:
        self.removed.append(gone.id)
        self.copy.record.forget(gone)

    def run(self, *more: str, plan: bool = True) -> Result:
        named = [str(self.plan)] if plan else []
        argv = ["rehearse", *named, "--target", str(self.target), *more]
        return CliRunner().invoke(commands, argv)

    def badges(self) -> list[tuple[str, bool]]:
        found = self.copy.record.badges(self.target)
        return [(badge.item, badge.proven) for badge in found]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(tmp_path, monkeypatch)


def test_all_proven_exits_0_with_the_table_and_a_badge_for_what_was_undone(scene: Scene) -> None:
    scene.found = [LOOKED, GOOD]
    result = scene.run()
    assert result.exit_code == 0, result.output
    assert "Proof" in result.stdout
    assert scene.badges() == [("tls", True)]
    assert scene.removed == ["r1"]


def test_an_unproven_rollback_exits_1_names_it_and_is_on_record_as_failed(scene: Scene) -> None:
    scene.found = [BAD]
    result = scene.run()
    assert result.exit_code == 1
    assert "tls: it differs" in result.stdout
    assert scene.badges() == [("tls", False)]
    assert scene.removed == ["r1"]


@pytest.mark.parametrize(
    ("refusal", "code"),
    [(UsageError("It would share the port 80."), 2), (EnvironmentLacks("No engine answers."), 5)],
)
def test_what_stands_in_the_way_is_told_before_anything_is_made(
    scene: Scene, refusal: Exception, code: int
) -> None:
    scene.copy.refusal = refusal
    result = scene.run()
    assert result.exit_code == code
    assert str(refusal) in result.stderr
    assert scene.removed == []
    assert not (scene.home / "rehearsals").exists()


def test_another_driver_of_the_target_is_left_alone(scene: Scene) -> None:
    lock = TargetLock(scene.target, scene.home)
    lock.acquire("another", "op")
    try:
        assert scene.run().exit_code == 4
    finally:
        lock.release()
    assert scene.copy.last is None


def test_the_target_may_be_driven_again_once_it_is_copied(scene: Scene) -> None:
    def lock() -> None:
        other = TargetLock(scene.target, scene.home)
        other.acquire("another", "op")
        other.release()

    scene.driven = lock
    assert scene.run().exit_code == 0


def test_a_failure_while_copying_leaves_nothing(scene: Scene) -> None:
    scene.copy.fault = EnvironmentLacks("The disk is full.")
    assert scene.run().exit_code == 5
    assert scene.removed == ["r1"]
    assert scene.badges() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_everything_removed(scene: Scene, number: signal.Signals) -> None:
    handlers = [signal.getsignal(n) for n in signal.Signals if n not in (9, 19)]
    scene.driven = lambda: signal.raise_signal(number)
    result = scene.run()
    assert result.exit_code == 1
    assert "was ended" in result.stderr
    assert scene.removed == ["r1"]
    assert scene.badges() == []
    assert handlers == [signal.getsignal(n) for n in signal.Signals if n not in (9, 19)]


def test_a_copy_that_is_kept_is_named_and_the_next_one_leaves_it(scene: Scene) -> None:
    result = scene.run("--keep")
    assert scene.removed == []
    assert str(scene.target.parent / "work" / "copy") in result.stderr
    assert "runbook rehearse --remove" in result.stderr
    rehearse._remove_left(kept=False)
    assert scene.removed == []


def test_kept_copies_go_when_asked(scene: Scene) -> None:
    scene.copy.record.write(begun(scene.target, kept=True))
    assert scene.run("--remove", plan=False).exit_code == 0
    assert scene.removed == ["r1"]


def test_what_a_killed_rehearsal_left_goes_with_the_next(scene: Scene) -> None:
    scene.copy.record.write(begun(scene.target, kept=False))
    scene.copy.refusal = UsageError("no")
    scene.run()
    assert scene.removed == ["r1"]


def test_a_rehearsal_that_runs_is_not_removed(scene: Scene) -> None:
    from runbook_app.adapters.children import start_time

    running = begun(scene.target, kept=False, pid_started=start_time(os.getpid()) or "")
    scene.copy.record.write(running)
    assert scene.run("--remove", plan=False).exit_code == 0
    assert scene.removed == []


def test_without_a_plan_there_is_nothing_to_rehearse(scene: Scene) -> None:
    result = scene.run(plan=False)
    assert result.exit_code == 2
    assert "Name the plan" in result.stderr


def test_the_workdir_reaches_the_copy(scene: Scene, tmp_path: Path) -> None:
    scene.run("--workdir", str(tmp_path))
    assert scene.copy.workdir == tmp_path

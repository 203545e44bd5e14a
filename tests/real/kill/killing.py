"""One item of the sample, run and killed over and over; its states held against each other."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_app.domain.state import ItemState, ItemStatus
from tests.real.demos import RUNBOOK, Demo

Fields = dict[str, str]
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Killing:
    demo: Demo
    item: str
    generated: tuple[str, ...] = ()
    """First letters of the names of fields whose files are made anew by each run: mode and owner
    alone are compared."""
    made_anew: tuple[str, ...] = ()
    """Names of fields that differ from run to run."""

    @property
    def plan(self) -> Path:
        return HERE / f"{self.item}.yaml"

    def state(self) -> ItemState:
        return self.demo.state().items[self.item]

    def run(self, crash_at: str = "") -> subprocess.CompletedProcess[str]:
        return self.demo.runbook(*self._words, crash_at=crash_at)

    def start(self) -> subprocess.Popen[bytes]:
        return self._begin(*self._words)

    def kill_when(self, seen: str, also: Callable[[], bool] = lambda: True) -> None:
        """Run the item, and kill the engine at a child with this word once `also` is true."""
        with self.start() as process:
            self.demo.kill_engine_when(seen, process, also=also)
            assert process.wait(60) == 1

    def start_rollback(self) -> subprocess.Popen[bytes]:
        return self._begin("rollback", self.item, "--yes")

    def _begin(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [RUNBOOK, *words],
            env=self.demo.environment(),
            cwd=self.demo.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def _words(self) -> tuple[str, ...]:
        return "run", str(self.plan), "--target", str(self.demo.root), "--yes", "-q"

    def comparable(self) -> Fields:
        fields = self.demo.comparable(self.plan)
        return {
            name: value.partition(" ")[2] if name.startswith(self.generated) else value
            for name, value in fields.items()
        }

    def states(self) -> tuple[Fields, Fields]:
        """The fields before the item, and after an undisturbed run of it."""
        before = self.comparable()
        result = self.run()
        assert result.returncode == 0, result.stdout + result.stderr
        after = self.comparable()
        self.roll_back(before)
        return before, after

    def kill_at_each(self, points: Sequence[str]) -> None:
        """Run the item, and kill each engine at the next of these points."""
        ended = self.run(crash_at=points[0])
        self._kill_resumed(ended, points[1:])

    def _kill_resumed(self, ended: subprocess.CompletedProcess[str], points: Sequence[str]) -> None:
        for point in points:
            _hold_killed(ended)
            ended = self._resumed(crash_at=point)
        _hold_killed(ended)

    def _resumed(self, crash_at: str = "") -> subprocess.CompletedProcess[str]:
        return self.demo.runbook("resume", "--headless", "--yes", "-q", crash_at=crash_at)

    def resume(self, after: Fields) -> Fields:
        """Resume what was killed, hold it against the undisturbed run, and return its fields."""
        assert self.state().status is not ItemStatus.SUCCEEDED
        result = self._resumed()
        assert result.returncode == 0, result.stdout + result.stderr
        assert self.state().status is ItemStatus.SUCCEEDED
        assert self.demo.state().children == {}
        now = self.comparable()
        assert self._lasting(now) == self._lasting(after)
        return now

    def make_good(self, states: tuple[Fields, Fields]) -> Fields:
        """Resume to the end of an undisturbed run, and roll back; returns the fields at the end."""
        before, after = states
        now = self.resume(after)
        self.roll_back(before)
        return now

    def _lasting(self, fields: Fields) -> Fields:
        return {n: "set" if n in self.made_anew else value for n, value in fields.items()}

    def roll_back(self, before: Fields) -> None:
        result = self.demo.runbook("rollback", self.item, "--yes")
        assert result.returncode == 0, result.stdout + result.stderr
        self.hold_rolled_back(before)

    def kill_in_rollback(self, points: Sequence[str], before: Fields) -> None:
        """Run the item, kill its rollback at each of these points, and see the last one through."""
        assert self.run().returncode == 0
        ended = self.demo.runbook("rollback", self.item, "--yes", crash_at=points[0])
        self._kill_resumed(ended, points[1:])
        self.resume_rollback(before)

    def resume_rollback(self, before: Fields) -> None:
        self._resumed()
        self.hold_rolled_back(before)

    def hold_rolled_back(self, before: Fields) -> None:
        proof = self.state().rollback
        assert proof is not None
        assert proof.proven, proof.differences
        assert self.comparable() == before


def _hold_killed(ended: subprocess.CompletedProcess[str]) -> None:
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1, said
    assert "resume" in said

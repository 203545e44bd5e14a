"""A target for the author of an action: a folder, and the context to call the action with.

target = FakeTarget(tmp_path)
await target.apply(write_motd, text="hello")
assert target.history.lines == ["capture file motd", "write motd 0644"]
assert (await write_motd.checker(target.run, text="hello")).progress is Progress.DONE

A change that nothing captured before is an error here, and so is a secret in an argument.
"""

# ruff: noqa: ARG002 - a fake takes all that its port gives, and looks at some of it
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_app.domain.measure import Measurement, Scalar
from runbook_app.domain.plan import ActionKind, Plan, TargetSpec
from runbook_app.ports.action import Action, Run
from runbook_app.ports.capabilities import Containers, Files, Http
from runbook_app.testing.capabilities import (
    FakeCompose,
    FakeContainers,
    FakeFiles,
    FakeGit,
    FakeRecord,
    FakeShell,
    History,
    Seen,
    seen,
)
from runbook_app.testing.database import FakeDatabase, FakeSecrets
from runbook_app.testing.network import FakeHttp

SHORTEST = 8
"""Characters of a secret that can be told from ordinary text."""


@dataclass(slots=True, kw_only=True)
class ListRecorder:
    """Keeps what an action says."""

    lines: list[str] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    outputs: dict[str, Scalar] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    """Of the questions."""
    answers: list[str] = field(default_factory=list)
    """To be given, in this order; the first choice of a question when none is left."""
    earlier: list[tuple[str, Measurement]] = field(default_factory=list)
    """Measurements of earlier steps, with the id of what took them."""

    def log(self, text: str) -> None:
        self.lines.append(text)

    def output_bytes(self, data: bytes) -> None:
        self.lines += data.decode("utf-8", "replace").splitlines()

    def progress(self, text: str) -> None:
        self.lines.append(text)

    def measured(self, measurement: Measurement) -> None:
        self.measurements.append(measurement)

    def output(self, name: str, value: Scalar) -> None:
        self.outputs[name] = value

    async def ask(
        self,
        text: str,
        *,
        choices: tuple[str, ...],
        kind: str,
        person_required: bool,
        takes: str = "text",
        default: str = "",
        secret: bool = False,
    ) -> str:
        self.questions.append(text)
        self.kinds.append(kind)
        if self.answers:
            return self.answers.pop(0)
        return choices[0] if choices else default

    def previous(self, name: str) -> list[tuple[str, Measurement]]:
        return [(taken_by, value) for taken_by, value in self.earlier if value.name == name]

    def age(self, taken_by: str) -> None:
        """Let everything measured so far be what an earlier step measured."""
        self.earlier += [(taken_by, measurement) for measurement in self.measurements]
        self.measurements.clear()


class FakeTarget:
    """A target whose capabilities are fakes; a test sets what they answer, or gives real ones."""

    def __init__(
        self,
        folder: Path,
        *,
        spec: TargetSpec | None = None,
        files: Files | None = None,
        containers: Containers | None = None,
        http: Http | None = None,
        compose_file: str = "docker-compose.yml",
    ) -> None:
        self.folder = folder / "target"
        self.scratch = folder / "scratch"
        self.folder.mkdir()
        self.scratch.mkdir(mode=0o700)
        self.history = History()
        self.files = FakeFiles(root=self.folder, history=self.history)
        self.containers = FakeContainers(history=self.history)
        self.compose = FakeCompose(files=self.files, file=compose_file)
        self.http = FakeHttp()
        self.database = FakeDatabase(history=self.history)
        self.shell = FakeShell()
        self.git = FakeGit(root=self.folder)
        self.secrets = FakeSecrets()
        self.record = FakeRecord()
        self.recorder = ListRecorder()
        self.outside: Callable[[], object] = lambda: None
        """What a test's own fakes hold beside the files, such as the state of a server."""
        self.put_back: Callable[[Any], None] = lambda _: None
        """Restores what `outside` returned, as a rollback of captures would."""
        self.run = Run(
            session="session",
            item="item",
            step="item.step",
            plan=Plan(
                id="plan",
                title="A plan",
                version="1",
                path="plan.yaml",
                sha256="0" * 64,
                items=(),
                target=spec or TargetSpec(compose=compose_file),
            ),
            folder=self.folder,
            scratch=self.scratch,
            files=files or self.files,
            containers=containers or self.containers,
            compose=self.compose,
            database=self.database,
            secrets=self.secrets,
            http=http or self.http,
            shell=self.shell,
            git=self.git,
            record=self.record,
            recorder=self.recorder,
        )

    async def apply(self, action: Action, **parameters: object) -> None:
        """Call an action, and hold what it did against its context's promises, if it fails too.

        Raises:
            AssertionError: it changed what was not captured before, or passed a secret on in an
                argument, which every account of the machine can read; or a check changed a file.
        """
        before = self._files()
        self.files.captured.clear()
        try:
            await action.function(self.run, **parameters)
        finally:
            self._hold_captured(before, may_change=action.kind is not ActionKind.CHECK)
            self.hold_arguments()

    async def affected(self, action: Action, **parameters: object) -> list[str]:
        """Return what an effect tells that it will touch, in words.

        Raises:
            AssertionError: it tells nothing of that, or changed something in order to tell it.
        """
        if action.foresees is None:
            raise AssertionError(f"{action.name} has no blast radius")
        before, lines = self._files(), [*self.history.lines]
        found = await action.foresees(self.run, **parameters)
        if self._files() != before or self.history.lines != lines:
            raise AssertionError(f"the blast radius of {action.name} changed something")
        self.hold_arguments()
        return [thing.words for thing in found]

    def _files(self) -> dict[Path, Seen | None]:
        root = self.folder.resolve()
        return {path: seen(path) for path in root.rglob("*") if path.is_file()}

    def _hold_captured(self, before: dict[Path, Seen | None], *, may_change: bool) -> None:
        if self.run.files is not self.files:
            return
        after, captured = self._files(), self.files.captured
        for path in {*before, *after}:
            was = before.get(path)
            if after.get(path) == was:
                continue
            if not may_change:
                raise AssertionError(f"a check changed {path}")
            if path not in captured or captured[path] != was:
                raise AssertionError(f"{path} was changed and not captured before")

    def hold_arguments(self) -> None:
        given = (*self.containers.executed, *self.containers.once, *self.shell.executed)
        for name, value in self.secrets.history:
            if len(value) >= SHORTEST and any(value in word for argv in given for word in argv):
                raise AssertionError(f"the secret {name} stands in the arguments of a command")

    async def measure(self, action: Action, **parameters: object) -> list[str]:
        """Call a check; return the names of what did not hold."""
        self.recorder.measurements.clear()
        await self.apply(action, **parameters)
        return [taken.name for taken in self.recorder.measurements if not taken.ok]

    def value(self, name: str) -> Scalar:
        """Return the newest measurement of that name."""
        values = [taken.value for taken in self.recorder.measurements if taken.name == name]
        return values[-1]

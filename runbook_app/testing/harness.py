"""Runs any action through all that an engine does with it, and through an end at each point.

    async def test_it_keeps_the_promises_of_an_action(tmp_path):
        def target(folder: Path) -> FakeTarget:
            made = FakeTarget(folder)
            (made.folder / "motd").write_text("before\\n")
            return made

        await prove(Case(write_motd, {"text": "hello"}, target), tmp_path)

An effect is applied, checked, applied again (it may refuse, and change nothing), and rolled back:
by the rollback of its own, if it has one, and by its captures. Then it is applied on a new target
for each point that it passes, and ended there: by a kill, and once more by a failure. Its check is
asked, and what an engine does with the answer is done: `done` has to be true, `not done` runs it
again, `partly` rolls it back and runs it again. The end has to be that of an undisturbed run. A
rollback of its own is ended at each of its points too, and run again from its start. Contents that
differ between two undisturbed runs are generated: of them presence, mode and owner are compared,
and the check answers for the rest.

A check or probe is run and ended at each point likewise, and has to leave the target as it was.
What no fake holds, such as rows of a database, is held to have been captured before a change.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from runbook_app.domain.errors import ActionError, RunbookError
from runbook_app.domain.measure import Finding, Progress
from runbook_app.domain.plan import ActionKind
from runbook_app.ports.action import Action, Run
from runbook_app.testing.run import FakeTarget

End = Literal["killed", "failed"]
ENDS: tuple[End, ...] = ("killed", "failed")

_STATEMENTS = ("sql ", "begin", "roll back", "commit")
"""What a fake can't tell from a question to a database."""
_WATCHED = ("files", "containers", "compose", "database", "secrets", "http", "shell", "git")


@dataclass(frozen=True, slots=True)
class Case:
    """An action, its parameters, and how to make a target to call it on."""

    action: Action
    parameters: Mapping[str, object] = field(default_factory=dict)
    target: Callable[[Path], FakeTarget | Awaitable[FakeTarget]] = FakeTarget
    """Makes a new one in an empty folder, the same each time; the action is not done there."""
    measures: bool = True
    """False for a check that on this target can only say why it can't measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was done to an action that kept all its promises."""

    action: str
    points: tuple[str, ...]
    """Where it was ended, once by a kill and once by a failure."""
    generated: tuple[str, ...] = ()
    """Files whose contents differ from run to run."""


@dataclass(frozen=True, slots=True)
class Held:
    """A file as a fingerprint sees it."""

    mode: int
    owner: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """A target at one moment."""

    files: Mapping[str, Held]
    outside: object

    def differences(self, other: Seen, generated: frozenset[str] = frozenset()) -> list[str]:
        found = []
        for path in sorted({*self.files, *other.files}):
            one, two = self.files.get(path), other.files.get(path)
            if one and two and path in generated:
                one, two = (dataclasses.replace(held, content=b"") for held in (one, two))
            if one != two:
                found.append(path)
        return found if self.outside == other.outside else [*found, "what is outside the files"]


class Killed(BaseException):
    """The end of a process, which no `except Exception` sees."""


async def prove(case: Case, folder: Path, ends: Sequence[End] = ENDS) -> Proof:
    """Hold an action to its promises, on targets made below `folder`.

    `ends` are the ways in which it is ended at each point.

    Raises:
        AssertionError: it breaks one; the message names the point.
    """
    places = _Places(folder)
    if case.action.kind is ActionKind.EFFECT:
        return await _prove_effect(case, places, ends)
    return await _prove_check(case, places, ends)


class _Places:
    """Empty folders, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def next(self) -> Path:
        self._made += 1
        place = self._folder / f"{self._made}"
        place.mkdir(parents=True)
        return place


class _Points:
    """Counts the points that are passed, and ends the action at one of them."""

    def __init__(self, wanted: int = 0, how: End = "killed") -> None:
        self.passed: list[str] = []
        self.dead = False
        self._wanted = wanted
        self._how = how

    def at(self, point: str) -> None:
        if self.dead and self._how == "killed":
            raise Killed(point)
        self.passed.append(point)
        if len(self.passed) == self._wanted:
            self.dead = True
            if self._how == "killed":
                raise Killed(point)
            raise ActionError(f"the harness lets it fail here: {point}")


class _Watched:
    """A capability whose calls are points."""

    def __init__(self, inner: Any, name: str, points: _Points) -> None:
        self._inner, self._name, self._points = inner, name, points

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not inspect.iscoroutinefunction(found):
            return found
        words = f"{self._name}.{name}"

        @functools.wraps(found)
        async def call(*given: Any, **named: Any) -> Any:
            self._points.at(f"before {words}")
            answer = await found(*given, **named)
            self._points.at(f"after {words}")
            return answer

        return call


class _World:
    """A target of a case, and what is done with the action there."""

    def __init__(self, case: Case, target: FakeTarget) -> None:
        self._case = case
        self.target = target
        self.begun = self.look()
        self._owners = dict(self.target.files.owners)
        self.target.files.captured.clear()
        self.target.history.lines.clear()
        self.target.recorder.measurements.clear()

    def look(self) -> Seen:
        root = self.target.folder
        files = {
            str(path.relative_to(root)): Held(
                mode=path.stat().st_mode & 0o7777,
                owner=self.target.files.owners.get(str(path.relative_to(root)), path.stat().st_uid),
                content=path.read_bytes(),
            )
            for path in root.rglob("*")
            if path.is_file()
        }
        return Seen(files, self.target.outside())

    async def apply(self, points: _Points | None = None) -> RunbookError | None:
        """Call the action; returns the failure that it ended in, if it did."""
        return await self._call(self._case.action.function, points or _Points())

    async def undo(self, points: _Points | None = None) -> RunbookError | None:
        """Have the action take itself back, if it can; returns the failure, as `apply` does."""
        undo = self._case.action.undoes
        return await self._call(undo, points or _Points()) if undo else None

    async def _call(
        self, function: Callable[..., Awaitable[None]], points: _Points
    ) -> RunbookError | None:
        try:
            with _watching(self.target, points):
                await function(self._run(points), **self._case.parameters)
        except RunbookError as error:
            return error
        except BaseException:
            if not points.dead:
                raise
        return None

    async def check(self) -> Finding:
        checker = self._case.action.checker
        if checker is None:
            raise AssertionError("it changes the target and has no check")
        before = self.look()
        try:
            finding = await checker(self.target.run, **self._case.parameters)
        except RunbookError as error:
            raise AssertionError(f"its check can't say anything: {error}") from error
        changed = before.differences(self.look())
        _hold(not changed, f"its check changed {', '.join(changed)}")
        return finding

    def hold_captured(self) -> None:
        """Hold that a rollback restores what was changed: all of it was captured as it was."""
        now, captured = self.look(), self.target.files.captured
        for path in self.begun.differences(dataclasses.replace(now, outside=self.begun.outside)):
            was = self.begun.files.get(path)
            place = self.target.files.path(path)
            _hold(place in captured, f"{path} was changed and not captured before")
            kept = captured[place]
            same = (kept is None) if was is None else (kept is not None and kept[1] == was.content)
            _hold(same, f"{path} was captured after it had been changed")

    async def roll_back(self) -> None:
        error = await self.undo()
        _hold(error is None, f"its rollback failed: {error}")
        self.restore()

    def restore(self) -> None:
        """Put the captures back, as a rollback does."""
        for place, kept in self.target.files.captured.items():
            if kept is None:
                place.unlink(missing_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(kept[1])
            place.chmod(kept[0] & 0o7777)
        self.target.files.owners.clear()
        self.target.files.owners.update(self._owners)
        self.target.put_back(self.begun.outside)

    def hold_arguments(self) -> None:
        self.target.hold_arguments()

    def _run(self, points: _Points) -> Run:
        inner = {name: getattr(self.target.run, name) for name in _WATCHED}
        watched: dict[str, Any] = {n: _Watched(value, n, points) for n, value in inner.items()}
        return dataclasses.replace(self.target.run, **watched)


async def _world(case: Case, places: _Places) -> _World:
    made = case.target(places.next())
    return _World(case, made if isinstance(made, FakeTarget) else await made)


class _watching:  # noqa: N801 - used as a function is
    """Lets a target's history tell its lines to the points while an action runs."""

    def __init__(self, target: FakeTarget, points: _Points) -> None:
        self._history, self._points = target.history, points

    def __enter__(self) -> None:
        self._history.watch = self._points.at

    def __exit__(self, *_: object) -> None:
        self._history.watch = lambda _: None


async def _prove_effect(case: Case, places: _Places, ends: Sequence[End]) -> Proof:
    action = case.action
    points = _Points()
    world, done = await _undisturbed(case, places, points)
    _, again = await _undisturbed(case, places, _Points())
    generated = frozenset(
        p for p in done.differences(again) if p in done.files and p in again.files
    )
    differing = done.differences(again, generated)
    _hold(not differing, f"two runs of {action.name} end differently: {', '.join(differing)}")
    await _roll_back(world, action)
    if action.undoes is not None:
        await _end_rollbacks(case, places, ends)
    _hold(points.passed, f"{action.name} calls nothing of its context")
    for how in ends:
        for number, point in enumerate(points.passed, start=1):
            try:
                await _end_and_resume(case, places, number, how, done, generated)
            except AssertionError as error:
                raise AssertionError(f"{action.name}, {how} at {point}: {error}") from error
    return Proof(
        action=action.name, points=tuple(points.passed), generated=tuple(sorted(generated))
    )


async def _undisturbed(case: Case, places: _Places, points: _Points) -> tuple[_World, Seen]:
    name, world = case.action.name, await _world(case, places)
    finding = await world.check()
    _hold(
        finding.progress is not Progress.DONE,
        f"{name} is done before it ran ({finding.evidence}); give it a target where it is not",
    )
    error = await world.apply(points)
    _hold(error is None, f"{name} failed: {error}")
    await _hold_done(world, f"after {name}")
    world.hold_captured()
    world.hold_arguments()
    done = world.look()
    await world.apply()
    changed = done.differences(world.look())
    _hold(not changed, f"{name} run again changes {', '.join(changed)}")
    await _hold_done(world, f"after {name} ran again")
    return world, done


async def _roll_back(world: _World, action: Action) -> None:
    await world.roll_back()
    differing = world.begun.differences(world.look())
    _hold(not differing, f"{action.name} rolled back leaves {', '.join(differing)}")
    if action.not_restored and action.undoes is None:
        return
    finding = await world.check()
    _hold(finding.progress is not Progress.DONE, f"{action.name} rolled back is still done")


async def _end_rollbacks(case: Case, places: _Places, ends: Sequence[End]) -> None:
    """End its own rollback at each point, and roll back again from the start."""
    for how in ends:
        number = 0
        while True:
            world, points = await _world(case, places), _Points(number := number + 1, how)
            await world.apply()
            await world.undo(points)
            if not points.dead:
                break
            try:
                await _roll_back(world, case.action)
            except AssertionError as error:
                at = points.passed[-1]
                words = f"{case.action.name}, its rollback {how} at {at}: {error}"
                raise AssertionError(words) from error


async def _end_and_resume(
    case: Case, places: _Places, number: int, how: End, done: Seen, generated: frozenset[str]
) -> None:
    world, points = await _world(case, places), _Points(number, how)
    await world.apply(points)
    _hold(points.dead, "it never came there again: it is not the same from run to run")
    world.hold_captured()
    world.hold_arguments()
    finding = await world.check()
    if finding.progress is Progress.PARTLY:
        await world.roll_back()
    if finding.progress is not Progress.DONE:
        error = await world.apply()
        _hold(error is None, f"run again after '{finding.progress}', it failed: {error}")
        await _hold_done(world, f"run again after '{finding.progress}'")
    differing = done.differences(world.look(), generated)
    after = "its check says done" if finding.progress is Progress.DONE else "it was run again"
    _hold(not differing, f"{after}, and these are not as they should be: {', '.join(differing)}")
    world.hold_captured()


async def _hold_done(world: _World, when: str) -> None:
    finding = await world.check()
    _hold(
        finding.progress is Progress.DONE,
        f"{when}, its check says {finding.progress}: {finding.evidence}",
    )


async def _prove_check(case: Case, places: _Places, ends: Sequence[End]) -> Proof:
    points = _Points()
    first = await _measured(case, await _world(case, places), points)
    second = await _measured(case, await _world(case, places), _Points())
    _hold(first == second, f"{case.action.name} measures {first}, then {second}")
    for how in ends:
        for number, point in enumerate(points.passed, start=1):
            world, ending = await _world(case, places), _Points(number, how)
            try:
                await world.apply(ending)
                _hold_unchanged(case.action, world)
            except AssertionError as error:
                raise AssertionError(f"{case.action.name}, {how} at {point}: {error}") from error
    return Proof(action=case.action.name, points=tuple(points.passed))


async def _measured(case: Case, world: _World, points: _Points) -> list[tuple[str, bool]]:
    """What it found, by name; it has to measure something here."""
    error = await world.apply(points)
    taken = [(found.name, found.ok) for found in world.target.recorder.measurements]
    if case.measures or error is None:
        _hold(taken, f"{case.action.name} measured nothing here: {error or 'it said no word'}")
    _hold_unchanged(case.action, world)
    world.hold_arguments()
    return taken


def _hold_unchanged(action: Action, world: _World) -> None:
    changed = world.begun.differences(world.look())
    _hold(not changed, f"a {action.kind.value} changed {', '.join(changed)}")
    if action.kind is ActionKind.CHECK:
        told = world.target.history.changes
        changes = "; ".join(line for line in told if not line.startswith(_STATEMENTS))
        _hold(not changes, f"a check changed something: {changes}")


def _hold(holds: object, words: str) -> None:
    if not holds:
        raise AssertionError(words)

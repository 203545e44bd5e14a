"""Answers that nobody has yet: who looks into one ends the prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, overload

from runbook_app.adapters.foresight.world import World
from runbook_app.ports.capabilities import ContainerInfo, ExecResult


class LaterResult(ExecResult):
    """Of a command that did not run. It is taken to succeed: a step that fails ends its run."""

    def __init__(self, world: World, command: str) -> None:
        object.__setattr__(self, "_later", (world, command))

    @property
    def exit_code(self) -> int:
        self._world.hold()
        self._world.assume(f"{self._command} ends with exit code 0")
        return 0

    @property
    def stdout(self) -> bytes:
        self._look()

    @property
    def stderr(self) -> bytes:
        self._look()

    def _look(self) -> NoReturn:
        self._world.cannot(f"what {self._command} prints")

    @property
    def _world(self) -> World:
        return self._later[0]

    @property
    def _command(self) -> str:
        return self._later[1]

    _later: tuple[World, str]


class LaterContainer(ContainerInfo):
    """Of a service that is made anew before: there will be one, and that is all."""

    def __init__(self, world: World, service: str, why: str) -> None:
        object.__setattr__(self, "_later", (world, service, why))

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__") or name == "_later":
            return object.__getattribute__(self, name)
        world, service, why = object.__getattribute__(self, "_later")
        return world.cannot(f"the container of {service}, once {why}")

    _later: tuple[World, str, str]


class LaterRows(Sequence[tuple[Any, ...]]):
    """Of a statement that did not run."""

    def __init__(self, world: World, statement: str) -> None:
        self._world = world
        self._statement = statement

    @overload
    def __getitem__(self, index: int) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[Any, ...]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        self._look()

    def __len__(self) -> int:  # noqa: PLE0303 - it returns nothing at all
        self._look()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        self._look()

    def _look(self) -> NoReturn:
        self._world.cannot(f"the rows of '{self._statement}'")


class LaterText(str):
    """A text that can be passed on and shown, as what it stands for, but not compared or read."""

    __slots__ = ("_world",)

    def __new__(cls, world: World, stands_for: str) -> LaterText:
        made = super().__new__(cls, f"({stands_for})")
        made._world = world
        return made

    _world: World

    def __eq__(self, other: object) -> bool:
        self._look()

    def __ne__(self, other: object) -> bool:
        self._look()

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and hasattr(str, name):
            object.__getattribute__(self, "_look")()
        return object.__getattribute__(self, name)

    def __getitem__(self, index: Any) -> str:
        self._look()

    def __iter__(self) -> Iterator[str]:
        self._look()

    def __contains__(self, part: object) -> bool:
        self._look()

    def _look(self) -> NoReturn:
        self._world.cannot(str.__str__(self).strip("()"))

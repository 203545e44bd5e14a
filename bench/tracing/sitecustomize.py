"""Notes when an engine waits for something that is not itself.

Python imports this module at its start where the folder stands in `PYTHONPATH`; `bench.whole_plan`
puts it there. In an engine's process, and only with `RUNBOOK_BENCH_TRACE`, it writes a JSON list
of `[kind, begin, end]` (monotonic seconds) and the processor time at the process's end into that
folder.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ENGINE = "runbook_app.processes.engine"
BUILDS = "image builds"
STARTS = "containers made, started and stopped"
SUITE = "test suites"
LOAD = "load tests"
DATABASE = "database and its migrations"
OTHER = "commands and requests of checks and steps"
WAITS = "waits that an action asks for"

_noted: list[tuple[str, float, float]] = []


@contextmanager
def _note(kind: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        _noted.append((kind, began, time.monotonic()))


def _around(owner: Any, name: str, kind_of: Callable[..., str]) -> None:
    """Note each call of a coroutine function; an empty kind: not this one."""
    inner: Callable[..., Awaitable[Any]] = getattr(owner, name)

    @functools.wraps(inner)
    async def noted(*arguments: Any, **options: Any) -> Any:
        kind = kind_of(*arguments, **options)
        if not kind:
            return await inner(*arguments, **options)
        with _note(kind):
            return await inner(*arguments, **options)

    setattr(owner, name, noted)


def _of_command(argv: Any) -> str:
    words = [str(word) for word in argv]
    if "build" in words:
        return BUILDS
    if any("compose" in word for word in words[:2]) and {"up", "stop", "rm", "start"} & {*words}:
        return STARTS
    if any("run_suite" in word for word in words):
        return SUITE
    if any(word.startswith(("alembic", "psql", "pg_")) for word in words):
        return DATABASE
    return OTHER


def _of_sleep(*_: Any) -> str:
    """Loops of the engine itself sleep too, all the time."""
    caller = sys._getframe(2).f_globals.get("__name__", "")  # noqa: SLF001 - documented
    return WAITS if caller.startswith("actions.") else ""


def _install() -> None:
    from runbook_app.adapters import threads

    # First of all: whoever imports it afterwards has the one that notes.
    _around(threads, "in_thread", lambda *_, **options: OTHER if options.get("abandon") else "")
    from runbook_app.adapters.children import Children
    from runbook_app.adapters.database_connection import Connection
    from runbook_app.adapters.docker import ProjectContainers
    from runbook_app.adapters.docker_client import DockerClient
    from runbook_app.adapters.http import HttpClient

    _around(Children, "run", lambda _, argv, **__: _of_command(argv))
    _around(Connection, "use", lambda *_, **__: DATABASE)
    _around(ProjectContainers, "execute", lambda _, __, argv, **___: _of_command(argv))
    _around(ProjectContainers, "run_once", lambda _, __, argv, **___: _of_command(argv))
    _around(ProjectContainers, "build_from", lambda *_, **__: BUILDS)
    _around(ProjectContainers, "restart", lambda *_, **__: STARTS)
    _around(DockerClient, "call", lambda *_, **__: OTHER)
    _around(HttpClient, "load", lambda *_, **__: LOAD)
    for name in ("request", "handshake"):
        _around(HttpClient, name, lambda *_, **__: OTHER)
    _around(asyncio, "sleep", _of_sleep)


def _keep(folder: Path) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {"noted": _noted, "processor": used.ru_utime + used.ru_stime}
    (folder / f"{os.getpid()}.json").write_text(json.dumps(found), encoding="utf-8")


if ENGINE in sys.orig_argv and (_folder := os.environ.get("RUNBOOK_BENCH_TRACE")):
    _install()
    atexit.register(_keep, Path(_folder))

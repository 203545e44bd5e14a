"""Children that run a plan's own text: how they are called, and what their end says."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run
from runbook_app.ports.capabilities import ExecResult

OUTPUT = "RUNBOOK_OUTPUT"
"""Names the file that a command writes the step's outputs to."""
MOST = 65_536
"""Bytes of that file."""
_UNBOUNDED = timedelta(days=7)
"""The engine ends the child when the step's own time is over, which a plan may set long."""
_NOT_FOUND_OUT = 70
_MEND = "Mend the cause, or edit the command; then retry, or roll the item back."
_SHOWN = 5
"""Last lines of what a command said that stand in the message."""

_RUN_PYTHON = f"""
import linecache, sys, traceback
text = sys.argv.pop()
linecache.cache["<python>"] = (len(text), None, text.splitlines(True), "<python>")
try:
    exec(compile(text, "<python>", "exec"), {{"__name__": "__main__"}})
except Exception as error:
    traceback.print_exception(error.with_traceback(error.__traceback__.tb_next))
    sys.exit(1 if isinstance(error, AssertionError) else {_NOT_FOUND_OUT})
"""


def sh(text: str) -> list[str]:
    return ["/bin/sh", "-eu", "-c", text]


def py(text: str) -> list[str]:
    return [sys.executable, "-I", "-u", "-c", _RUN_PYTHON, text]


async def carry_out(run: Run, argv: Sequence[str], env: Mapping[str, str] | None) -> None:
    """Run a command that changes something.

    Raises:
        ActionError: its exit code is not 0.
    """
    await _well(run, argv, env, "command", _MEND)


async def hold(run: Run, argv: Sequence[str], env: Mapping[str, str] | None) -> None:
    """Run a command that measures, and hold its exit code to 0."""
    result = await _run(run, argv, env)
    if not run.equals("exit code", result.exit_code, 0):
        run.fail(f"The command {_ended(result)}", hint=_MEND)


async def finding(run: Run, argv: Sequence[str], env: Mapping[str, str] | None) -> Finding:
    """Run a check, and read its exit code.

    Raises:
        ActionError: it says that it could not find out.
    """
    result = await _run(run, argv, env)
    seen = "; ".join(_last(result.stdout, 1) + _last(result.stderr, 1))
    evidence = f"its check ended with exit code {result.exit_code}" + (f": {seen}" if seen else "")
    match result.exit_code:
        case 0:
            return run.done(evidence)
        case 1:
            return run.not_done(evidence)
        case 3:
            return run.partly(evidence)
        case _:
            raise ActionError(
                f"The step's check can't say: it {_ended(result)}",
                hint="It says by its exit code: 0 done, 1 not done, 3 partly.",
            )


async def take_back(run: Run, argv: Sequence[str], env: Mapping[str, str] | None) -> None:
    """Run a rollback.

    Raises:
        ActionError: its exit code is not 0.
    """
    await _well(run, argv, env, "rollback", "Mend the cause, then roll back again.")


async def _well(
    run: Run, argv: Sequence[str], env: Mapping[str, str] | None, what: str, hint: str
) -> None:
    result = await _run(run, argv, env)
    if not result.ok:
        raise ActionError(f"The {what} {_ended(result)}", hint=hint)


async def _run(run: Run, argv: Sequence[str], env: Mapping[str, str] | None) -> ExecResult:
    """Run it to its end, and take its outputs where it ended well."""
    given = env or {}
    for name, value in given.items():
        if not name or "=" in name or "\0" in name + value:
            raise ActionError(
                f"The environment can't hold {name!r}.",
                hint="A name has no '=', and neither name nor value has a NUL.",
            )
    with _output(run.scratch) as file:
        environment = {**given, OUTPUT: str(file)}
        result = await run.shell.run(argv, environment=environment, timeout=_UNBOUNDED)
        for name, value in _named(file) if result.ok else ():
            run.output(name, value)
    return result


def _ended(result: ExecResult) -> str:
    code = result.exit_code
    how = f"ended with exit code {code}" if code >= 0 else f"was ended by {_signal(-code)}"
    words = _last(result.stderr, _SHOWN) or _last(result.stdout, _SHOWN)
    return f"{how}: {words[0]}" if len(words) == 1 else "\n".join([f"{how}.", *words])


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last(output: bytes, count: int) -> list[str]:
    lines = output[-4096:].decode("utf-8", "replace").splitlines()
    return [line for line in lines if line.strip()][-count:]


@contextmanager
def _output(folder: Path) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(prefix="output-", dir=folder)
    os.close(handle)
    file = Path(name)
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def _named(file: Path) -> Iterator[tuple[str, str]]:
    """The outputs in a file: lines `name=value`.

    Raises:
        ActionError: a line is none, or the file is too large.
    """
    data = file.read_bytes() if file.exists() else b""
    if len(data) > MOST:
        raise ActionError(f"The file of outputs has {len(data)} bytes, at most {MOST} are read.")
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        if not line:
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.isidentifier():
            raise ActionError(
                f"Line {number} of ${OUTPUT} is no output: {line[:80]!r}.",
                hint="Write name=value, the name of letters, digits and _; then retry the step.",
            )
        yield name, value

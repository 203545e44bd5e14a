"""Commands that a plan gives in place of an action: shell, SQL and Python, each with its check.

A step with `shell:`, `sql:` or `python:` calls these. Values never get into a text that is obeyed:
commands have them in their environment, queries as bound parameters.

A check's exit code says what the step came to: 0 done, 1 not done, 3 partly; any other says that it
could not find out.
"""

# ruff: noqa: ARG001 - the parts of an action take the same parameters, and each needs some
from __future__ import annotations

from typing import TypedDict

from actions import _command as own
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, Script, check, effect

Environment = dict[str, str]
Bound = dict[str, str | int | float | bool]


class Captured(TypedDict, total=False):
    """What a command is about to change, or to make."""

    files: list[str]
    project: bool
    database: bool


NOTHING = Script("")


@effect
async def shell(
    run: Run,
    *,
    command: Script,
    check: Script,
    env: Environment | None = None,
    capture: Captured | None = None,
    rollback: Script = NOTHING,
) -> None:
    """Run a shell command in the target's folder.

    `/bin/sh -eu` runs it, its check and its rollback, with `env` in their environment. Lines
    `name=value` that it or its check writes to the file named by $RUNBOOK_OUTPUT are the step's
    outputs; only those of the check are there when a crash came between.

    Not restored: what it changes beside what `capture` names and `rollback` takes back.
    """
    await _capture(run, capture)
    await own.carry_out(run, own.sh(command), env)


@shell.check
async def _(run: Run, *, check: Script, env: Environment | None = None, **_: object) -> Finding:
    return await own.finding(run, own.sh(check), env)


@shell.rollback
async def _(
    run: Run, *, rollback: Script = NOTHING, env: Environment | None = None, **_: object
) -> None:
    if rollback:
        await own.take_back(run, own.sh(rollback), env)


@check
async def shell_holds(run: Run, *, command: Script, env: Environment | None = None) -> None:
    """Run a shell command that changes nothing, and hold its exit code to 0.

    As `command.shell`, without a check, for it is one.
    """
    await own.hold(run, own.sh(command), env)


@effect
async def python(
    run: Run,
    *,
    command: Script,
    check: Script,
    env: Environment | None = None,
    capture: Captured | None = None,
    rollback: Script = NOTHING,
) -> None:
    """Run Python text in the target's folder.

    This program's own interpreter runs it, its check and its rollback in a process of their own,
    isolated (`-I`): no module of the target hides one of Python's. In a check a failed `assert`
    says not done, any other exception that it could not find out. Values are in `os.environ`.

    Not restored: what it changes beside what `capture` names and `rollback` takes back.
    """
    await _capture(run, capture)
    await own.carry_out(run, own.py(command), env)


@python.check
async def _(run: Run, *, check: Script, env: Environment | None = None, **_: object) -> Finding:
    return await own.finding(run, own.py(check), env)


@python.rollback
async def _(
    run: Run, *, rollback: Script = NOTHING, env: Environment | None = None, **_: object
) -> None:
    if rollback:
        await own.take_back(run, own.py(rollback), env)


@check
async def python_holds(run: Run, *, command: Script, env: Environment | None = None) -> None:
    """Run Python text that changes nothing, and hold its exit code to 0.

    As `command.python`, without a check, for it is one.
    """
    await own.hold(run, own.py(command), env)


@effect
async def sql(
    run: Run,
    *,
    command: Script,
    check: Script,
    values: Bound | None = None,
    rollback: Script = NOTHING,
) -> None:
    """Run SQL as the target's database account, in one transaction.

    `check` is a query, read in a read-only transaction, whose first value is true, false, or the
    text `partly`. `%(name)s` stands for one of `values`, which the server binds; a text with values
    is one statement, and a percent sign in it is written `%%`.

    Not restored: schema and rows that `rollback` does not take back.
    """
    await _execute(run, command, values)


@sql.check
async def _(run: Run, *, check: Script, values: Bound | None = None, **_: object) -> Finding:
    match await _first(run, check, values):
        case True:
            return run.done("its query says true")
        case False:
            return run.not_done("its query says false")
        case "partly":
            return run.partly("its query says partly")
        case other:
            raise ActionError(
                f"The step's check can't say: its query answered {_shown(other)}.",
                hint="Its first value has to be true, false, or the text 'partly'.",
            )


@sql.rollback
async def _(
    run: Run, *, rollback: Script = NOTHING, values: Bound | None = None, **_: object
) -> None:
    if rollback:
        await _execute(run, rollback, values)


@check
async def sql_holds(run: Run, *, command: Script, values: Bound | None = None) -> None:
    """Run a query in a read-only transaction, and hold its first value to true.

    As `command.sql`, without a check, for it is one.
    """
    answer = await _first(run, command, values)
    if not isinstance(answer, bool):
        raise ActionError(
            f"The query answered {_shown(answer)}.", hint="Its first value has to be true or false."
        )
    run.equals("the query's answer", answer, True)


async def _capture(run: Run, captured: Captured | None) -> None:
    """Before the command is started."""
    wanted: Captured = captured or {}
    for path in wanted.get("files", ()):
        await run.files.capture(path)
    if wanted.get("project"):
        await run.compose.capture()
    if wanted.get("database"):
        await run.database.capture()


async def _execute(run: Run, text: str, values: Bound | None) -> None:
    async with run.database.transaction() as transaction:
        await transaction.execute(text, values or ())


async def _first(run: Run, query: str, values: Bound | None) -> object:
    """The first value of the first row; None where there is none."""
    rows = await run.database.query(query, values or ())
    return rows[0][0] if rows and rows[0] else None


def _shown(answer: object) -> str:
    return "nothing" if answer is None else repr(answer)[:100]

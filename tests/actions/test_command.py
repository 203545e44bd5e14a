"""A plan's own commands: what they are given, what their end says, and what is shown of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from actions import _command, command
from runbook_app.adapters.children import Children
from runbook_app.adapters.shell import HostShell
from runbook_app.domain.errors import ActionError, CheckFailed
from runbook_app.domain.events import ChildEnded, ChildStarted
from runbook_app.domain.measure import Progress
from runbook_app.ports.action import Action, Script
from runbook_app.ports.capabilities import ExecResult
from runbook_app.testing.capabilities import result
from runbook_app.testing.run import FakeTarget

HOSTILE = (
    "'; touch pwned; '",
    '"; touch pwned; "',
    "$(touch pwned)",
    "`touch pwned`",
    "a\nb\ttouch pwned",
    "${HOME} $HOME $$",
    "\\",
    "\\n'\"",
    "__import__('os').mkdir('pwned')",
    "%s %(x)s {x} {{",
    "*",
    "-rf",
    " ",
    "",
    "ü 🐘 \x1b[31m\r",
)
TELL = {
    "shell": Script('printf %s "$VALUE" > told'),
    "python": Script("import os; open('told', 'w', newline='').write(os.environ['VALUE'])"),
}
ACTIONS = {"shell": command.shell, "python": command.python}
HOLDS = {"shell": command.shell_holds, "python": command.python_holds}
EXITS = {"shell": "exit {}", "python": "import sys; sys.exit({})"}
LANGUAGES = ("shell", "python")


@pytest.fixture
def there(target: FakeTarget) -> FakeTarget:
    """A target on which commands are really run."""

    async def record(_: ChildStarted | ChildEnded) -> None:
        pass

    shell = HostShell(target.folder, Children(record), target.recorder.output_bytes)
    target.run = dataclasses.replace(target.run, shell=shell)
    return target


async def asked(target: FakeTarget, action: Action, check: str, **given: object) -> Progress:
    assert action.checker is not None
    found = await action.checker(target.run, command=Script("x"), check=Script(check), **given)
    return found.progress


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("value", HOSTILE)
async def test_a_hostile_value_arrives_as_it_is(
    there: FakeTarget, language: str, value: str
) -> None:
    text, env = TELL[language], {"VALUE": value}
    capture = command.Captured(files=["told"])
    given = {"command": text, "check": text, "rollback": text, "env": env, "capture": capture}
    action = ACTIONS[language]
    assert action.checker
    assert action.undoes
    for part in (there.apply(action, **given), action.checker(there.run, **given)):
        await part
        assert (there.folder / "told").read_bytes().decode() == value
        (there.folder / "told").unlink()
    await action.undoes(there.run, **given)
    assert (there.folder / "told").read_bytes().decode() == value
    assert [path.name for path in there.folder.iterdir()] == ["told"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("code", "progress"), [(0, Progress.DONE), (1, Progress.NOT_DONE), (3, Progress.PARTLY)]
)
async def test_a_checks_exit_code_says_what_the_step_came_to(
    there: FakeTarget, language: str, code: int, progress: Progress
) -> None:
    check = EXITS[language].format(code)
    assert await asked(there, ACTIONS[language], check) is progress


@pytest.mark.parametrize(
    ("language", "check", "said"),
    [
        ("shell", "exit 2", "it ended with exit code 2"),
        ("shell", "no-such-program", "it ended with exit code 127: .*no-such-program"),
        ("shell", 'test -n "$NOT_SET"', "it ended with exit code [12].*NOT_SET"),
        ("shell", "kill -9 $$", "it was ended by SIGKILL"),
        ("python", "1 / 0", "it ended with exit code 70.*ZeroDivisionError"),
        ("python", "import no_such_module", "it ended with exit code 70.*ModuleNotFoundError"),
        ("python", "if", "it ended with exit code 70.*SyntaxError"),
    ],
)
async def test_a_check_that_breaks_says_neither_done_nor_not_done(
    there: FakeTarget, language: str, check: str, said: str
) -> None:
    with pytest.raises(ActionError, match=f"(?s)The step's check can't say: {said}") as caught:
        await asked(there, ACTIONS[language], check)
    assert "0 done, 1 not done, 3 partly" in caught.value.hint


async def test_a_failed_assertion_of_a_check_says_not_done(there: FakeTarget) -> None:
    check = "from pathlib import Path\nassert Path('none').exists(), 'there is none'"
    assert await asked(there, command.python, check) is Progress.NOT_DONE
    (there.folder / "none").touch()
    assert await asked(there, command.python, check) is Progress.DONE


async def test_a_command_that_fails_shows_its_last_words_and_what_can_be_done(
    there: FakeTarget,
) -> None:
    words = "for n in 1 2 3 4 5 6 7; do echo line $n >&2; done; exit 4"
    with pytest.raises(ActionError) as caught:
        await there.apply(command.shell, command=Script(words), check=Script("true"))
    assert caught.value.message == (
        "The command ended with exit code 4.\nline 3\nline 4\nline 5\nline 6\nline 7"
    )
    assert "retry, or roll the item back" in caught.value.hint
    assert "line 1" in there.recorder.lines


async def test_a_shell_command_ends_at_its_first_error(there: FakeTarget) -> None:
    with pytest.raises(CheckFailed, match="exit code 1"):
        await there.measure(command.shell_holds, command=Script("false\ntouch on\n"))
    assert not (there.folder / "on").exists()
    with pytest.raises(CheckFailed, match="NOT_SET"):
        await there.measure(command.shell_holds, command=Script("echo $NOT_SET"))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_command_that_changes_nothing_fails_by_its_exit_code(
    there: FakeTarget, language: str
) -> None:
    text = EXITS[language]
    assert await there.measure(HOLDS[language], command=Script(text.format(0))) == []
    with pytest.raises(CheckFailed, match="ended with exit code 1"):
        await there.measure(HOLDS[language], command=Script(text.format(1)))
    (measured,) = there.recorder.measurements
    assert (measured.name, measured.value, measured.ok) == ("exit code", 1, False)


async def test_no_module_of_the_target_hides_one_of_pythons(
    there: FakeTarget, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (there.folder / "json.py").write_text("raise SystemExit(9)\n")
    (tmp_path / "start.py").write_text("raise SystemExit(9)\n")
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "start.py"))
    monkeypatch.setenv("PYTHONPATH", str(there.folder))
    await there.measure(command.python_holds, command=Script("import json; json.dumps(1)"))


async def test_a_traceback_names_the_line_of_the_plans_text(there: FakeTarget) -> None:
    with pytest.raises(CheckFailed) as caught:
        await there.measure(command.python_holds, command=Script("x = 1\nraise KeyError(x)\n"))
    lines = caught.value.message.splitlines()
    assert lines[-1] == "KeyError: 1"
    assert any(line.strip() == 'File "<python>", line 2, in <module>' for line in lines)


WRITE = {
    "shell": 'printf %s "$LINES" >> "$RUNBOOK_OUTPUT"',
    "python": "import os; open(os.environ['RUNBOOK_OUTPUT'], 'a').write(os.environ['LINES'])",
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_lines_of_the_output_file_are_the_steps_outputs(
    there: FakeTarget, language: str
) -> None:
    env = {"LINES": "port=8443\n\nwords=a b=c\nempty=\n"}
    await there.measure(HOLDS[language], command=Script(WRITE[language]), env=env)
    assert there.recorder.outputs == {"port": "8443", "words": "a b=c", "empty": ""}
    assert [*there.scratch.iterdir()] == []


@pytest.mark.parametrize("line", ["port", "a b=c", "=c", "1=c", "${x}=c"])
async def test_a_line_that_is_no_output_is_named(there: FakeTarget, line: str) -> None:
    env = {"LINES": f"ok=1\n{line}\n"}
    with pytest.raises(ActionError, match=r"Line 2 of \$RUNBOOK_OUTPUT is no output"):
        await there.measure(command.shell_holds, command=Script(WRITE["shell"]), env=env)
    assert [*there.scratch.iterdir()] == []


async def test_an_output_file_without_end_is_not_read(there: FakeTarget) -> None:
    text = f"head -c {_command.MOST + 1} /dev/zero >> $RUNBOOK_OUTPUT"
    with pytest.raises(ActionError, match=f"at most {_command.MOST} are read"):
        await there.measure(command.shell_holds, command=Script(text))
    assert there.recorder.outputs == {}


@pytest.mark.parametrize("env", [{"A": "a\0b"}, {"A=B": "c"}, {"": "c"}, {"A\0": "c"}])
async def test_what_no_environment_can_hold_is_refused(
    there: FakeTarget, env: dict[str, str]
) -> None:
    with pytest.raises(ActionError, match="The environment can't hold"):
        await there.measure(command.shell_holds, command=Script("touch on"), env=env)
    assert not (there.folder / "on").exists()


async def test_a_rollback_that_fails_says_why(there: FakeTarget) -> None:
    assert command.shell.undoes
    with pytest.raises(ActionError, match="The rollback ended with exit code 5: gone wrong"):
        await command.shell.undoes(
            there.run, command="x", check="x", rollback=Script("echo gone wrong >&2; exit 5")
        )


async def test_everything_named_is_captured_before_the_command_is_started(
    target: FakeTarget,
) -> None:
    (target.folder / "docker-compose.yml").write_text("name: shop\nservices: {}\n")
    wanted = command.Captured(files=["a", "b"], project=True, database=True)
    seen: list[list[str]] = []

    def started(_: Sequence[str]) -> ExecResult:
        seen.append([*target.history.captured])
        return result()

    target.shell.programs["/bin/sh"] = started
    await target.apply(
        command.shell, command=Script("touch a"), check=Script("true"), capture=wanted
    )
    assert seen == [["file a", "file b", "project shop", "database db"]]


def answering(rows: Sequence[tuple[Any, ...]]) -> Callable[[str], Sequence[tuple[Any, ...]]]:
    return lambda _: rows


async def test_a_query_answers_true_false_or_partly(target: FakeTarget) -> None:
    for answer, progress in (
        (True, Progress.DONE),
        (False, Progress.NOT_DONE),
        ("partly", Progress.PARTLY),
    ):
        target.database.on_query = answering([(answer, "more"), (None,)])
        assert await asked(target, command.sql, "SELECT 1") is progress
    rows: list[list[tuple[Any, ...]]] = [[], [()], [(None,)], [(1,)], [("t",)], [(0,)]]
    for found in rows:
        target.database.on_query = answering(found)
        with pytest.raises(ActionError, match="The step's check can't say: its query answered"):
            await asked(target, command.sql, "SELECT 1")
        with pytest.raises(ActionError, match="The query answered"):
            await target.measure(command.sql_holds, command=Script("SELECT 1"))


async def test_a_query_that_changes_nothing_fails_by_its_answer(target: FakeTarget) -> None:
    target.database.on_query = lambda _: [(True,)]
    assert await target.measure(command.sql_holds, command=Script("SELECT 1")) == []
    target.database.on_query = lambda _: [(False,)]
    assert await target.measure(command.sql_holds, command=Script("SELECT 1")) == [
        "the query's answer"
    ]


async def test_statements_run_in_one_transaction_with_their_values_bound(
    target: FakeTarget,
) -> None:
    values = {"name": "'; DROP TABLE plans; --", "price": 3, "on": True}
    await target.apply(
        command.sql,
        command=Script("UPDATE plans SET name = %(name)s"),
        check=Script("SELECT true"),
        values=values,
    )
    assert target.history.lines == [
        "capture database db",
        "begin",
        "sql UPDATE plans SET name = %(name)s",
        "commit",
    ]
    assert target.database.parameters == [values]


async def test_the_time_of_a_command_is_the_steps_own(
    target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[timedelta] = []
    programs = target.shell.programs
    programs["/bin/sh"] = lambda _: result()
    inner = type(target.shell).run

    async def run(self: Any, argv: Sequence[str], **kept: Any) -> object:
        given.append(kept["timeout"])
        return await inner(self, argv, **kept)

    monkeypatch.setattr(type(target.shell), "run", run)
    await target.measure(command.shell_holds, command=Script("true"))
    assert given[0] >= timedelta(days=1)

"""The harness for actions: what breaks the promises of the context is an error in every test."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from runbook_app.domain.errors import ActionError
from runbook_app.ports.action import Action, Run, check, effect
from runbook_app.ports.capabilities import ExecResult
from runbook_app.testing.capabilities import container, result
from runbook_app.testing.run import FakeTarget


@effect
async def captured(run: Run) -> None:
    await run.files.write("motd", b"new\n")
    await run.files.remove("old")


@effect
async def past_the_context(run: Run) -> None:
    (run.folder / "motd").write_text("new\n")


@effect
async def before_its_capture(run: Run) -> None:
    (run.folder / "motd").write_text("new\n")
    await run.files.write("motd", b"newer\n")


@effect
async def removed_by_hand(run: Run) -> None:
    (run.folder / "old").unlink()


@effect
async def mode_by_hand(run: Run) -> None:
    (run.folder / "motd").chmod(0o600)


@effect
async def by_a_program(run: Run) -> None:
    await run.shell.run(["writer"])


@effect
async def then_failed(run: Run) -> None:
    (run.folder / "motd").write_text("new\n")
    raise ActionError("broken off")


@effect
async def in_the_database(run: Run) -> None:
    await run.containers.execute("db", ["migrate"])


@check
async def looks(run: Run) -> None:
    await run.files.write("motd", b"new\n")


@pytest.fixture
def there(target: FakeTarget) -> FakeTarget:
    for name in ("motd", "old"):
        (target.folder / name).write_text("before\n")

    def write(_: object) -> ExecResult:
        (target.folder / "made").write_text("x")
        return result()

    target.shell.programs["writer"] = write
    target.containers.running["db"] = container("db")
    return target


async def test_what_the_context_captured_may_be_changed(there: FakeTarget) -> None:
    await there.apply(captured)
    assert there.history.captured == ["file motd", "file old"]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (past_the_context, "motd was changed and not captured before"),
        (before_its_capture, "motd was changed and not captured before"),
        (removed_by_hand, "old was changed and not captured before"),
        (mode_by_hand, "motd was changed and not captured before"),
        (by_a_program, "made was changed and not captured before"),
        (then_failed, "motd was changed and not captured before"),
        (looks, "a check changed"),
    ],
    ids=lambda value: value.name if isinstance(value, Action) else "",
)
async def test_a_change_without_a_capture_is_an_error(
    there: FakeTarget, action: Action, words: str
) -> None:
    with pytest.raises(AssertionError, match=words):
        await there.apply(action)


@pytest.mark.parametrize("of", ["project fake", "database db", "file secrets/db"])
async def test_what_a_command_in_a_container_changes_has_to_be_captured(
    there: FakeTarget, of: str
) -> None:
    def migrate(*_: object) -> ExecResult:
        there.history.change("migrate", of=of)
        return result()

    there.containers.on_execute = migrate
    with pytest.raises(AssertionError, match=f"migrate: {of} was not captured before"):
        await there.apply(in_the_database)
    there.history.capture(*of.split())
    await there.apply(in_the_database)


async def test_what_the_context_changes_in_a_database_is_captured_by_it(
    there: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    @effect
    async def changes(run: Run) -> None:
        await run.database.execute("ALTER ROLE app NOLOGIN")

    await there.apply(changes)
    assert there.history.lines == ["capture database db", "sql ALTER ROLE app NOLOGIN"]
    there.history.lines.clear()
    monkeypatch.setattr(type(there.history), "capture", lambda *_: None)
    with pytest.raises(AssertionError, match="database db was not captured before"):
        await there.apply(changes)


async def in_a_container(run: Run, value: str) -> None:
    await run.containers.execute("db", ["psql", f"--command={value}"])


async def in_a_throwaway_container(run: Run, value: str) -> None:
    await run.containers.run_once("image", ["login", value])


async def in_a_program(run: Run, value: str) -> None:
    await run.shell.run(["writer", value])


@pytest.mark.parametrize("way", [in_a_container, in_a_throwaway_container, in_a_program])
async def test_a_secret_in_an_argument_is_an_error(
    there: FakeTarget, way: Callable[..., object]
) -> None:
    there.shell.programs["writer"] = lambda _: result()
    value = secrets.token_hex(16)
    there.secrets.register("PASSWORD", value)
    with pytest.raises(AssertionError, match="the secret PASSWORD stands in the arguments"):
        await there.apply(effect(way), value=value)

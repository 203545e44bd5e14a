"""A signal is refused while a secret that the session knows lies in a file where none may be."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from runbook_app import bootstrap
from runbook_app.adapters.artefacts import FolderArtefacts
from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.logs import SqliteLogWriter
from runbook_app.adapters.sealer import FileKeySealer
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.bootstrap.engines import assembled
from runbook_app.bootstrap.leaks import find_leak
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.errors import UsageError
from runbook_app.engine.known_secrets import KnownSecrets
from runbook_app.engine.redaction import Redactor
from tests.cli.test_verify import begun, home, runbook

__all__ = ["begun", "home"]

EXCLUSIVELY = """
import sqlite3, sys
print(sqlite3.connect(sys.argv[1], timeout=0).execute("PRAGMA journal_mode=DELETE").fetchone())
"""


def known(folder: Path) -> KnownSecrets:
    artefacts = FolderArtefacts(folder, FileKeySealer(folder.parent / "captures.key"))
    return KnownSecrets(Redactor(), artefacts)


def record(folder: Path, *events: ev.AnyEvent) -> None:
    journal = SqliteJournal(folder / "journal.db", SystemClock())
    asyncio.run(_append(journal, events))
    journal.close()


async def _append(journal: SqliteJournal, events: tuple[ev.AnyEvent, ...]) -> None:
    await journal.append(*events)


def changed(name: str) -> ev.CaptureTaken:
    return ev.CaptureTaken(
        id=name, item="look", step="", kind="file", name=name, path="-", sha256="-", summary=""
    )


def in_base64(text: str, before: int) -> str:
    return base64.b64encode(f"{'x' * before}{text} and more".encode()).decode()


def refused(folder: Path, *values: str) -> str:
    """Export, be refused, and return what is said; no value is."""
    found = runbook("export", folder.name)
    assert found.exit_code == 1
    assert not any(value in found.output for value in values)
    assert not (folder / "signal.json").exists()
    assert not (folder / "signal.md").exists()
    assert "export again" in found.output
    return " ".join(found.output.split())


def test_a_clean_session_exports_with_its_secrets_sealed(begun: Path) -> None:
    known(begun).register("PASSWORD", secrets.token_hex(16))
    known(begun).canary()
    assert runbook("export", begun.name).exit_code == 0


@pytest.mark.parametrize("before", range(3))
def test_base64_is_found_wherever_it_begins(begun: Path, before: int) -> None:
    canary = known(begun).canary()
    (begun / "reports").mkdir()
    (begun / "reports/1.txt").write_text(f"sent: {in_base64(canary, before)}")
    assert f"'canary' lies in {begun / 'reports/1.txt'}, byte " in refused(begun, canary)


@pytest.mark.parametrize("form", [str, quote, lambda text: json.dumps(text)[1:-1]])
def test_any_known_secret_is_found_in_the_sessions_files(
    begun: Path, form: Callable[[str], str]
) -> None:
    secret = f'{secrets.token_hex(8)} "ü'
    known(begun).register("PASSWORD", secret)
    (begun / "engine.log").write_text(f"said {form(secret)}\n")
    said = refused(begun, secret, form(secret))
    assert f"'PASSWORD' lies in {begun / 'engine.log'}, byte 5." in said


def test_it_is_found_where_a_piece_of_a_long_file_ends(begun: Path) -> None:
    canary = known(begun).canary()
    (begun / "engine.log").write_text(f"{'a' * ((1 << 20) - 20)}{canary}")
    assert f"engine.log, byte {(1 << 20) - 20}." in refused(begun, canary)


def test_it_is_found_in_a_log_split_over_chunks(begun: Path) -> None:
    canary = known(begun).canary()
    logs = SqliteLogWriter(begun / "logs.db")
    for part in (b"first\n", canary[:20].encode(), f"{canary[20:]}\n".encode()):
        logs.write("api", "", part)
        logs.finish("api", "")
        logs.flush()
    logs.close()
    assert canary.encode() not in (begun / "logs.db").read_bytes()
    assert f"{begun / 'logs.db'}, chunks.body, row 1, byte 0." in refused(begun, canary)


def test_it_is_found_in_the_journal(begun: Path) -> None:
    canary = known(begun).canary()
    record(begun, ev.NoteAdded(text=f"it is {canary}", by="op"))
    assert "journal.db" in refused(begun, canary)


@pytest.mark.parametrize("name", ["PHASE_PROGRESS.md", "sub/made.txt"])
def test_of_the_target_only_what_the_session_wrote_is_searched_and_only_for_the_canary(
    begun: Path, tmp_path: Path, name: str
) -> None:
    canary, password = known(begun).canary(), secrets.token_hex(16)
    known(begun).register("PASSWORD", password)
    session = bootstrap.open_session(begun.name, tmp_path, read_only=True)
    session.close()
    place = tmp_path / "target" / name.replace("PHASE_PROGRESS.md", session.plan.target.progress)
    place.parent.mkdir(exist_ok=True)
    place.write_text(password)
    (tmp_path / "target/not-ours").write_text(canary)
    record(begun, changed("sub/made.txt"))
    assert find_leak(begun) is None
    place.write_text(canary)
    assert f"{place}, byte 0." in refused(begun, canary)


def test_an_engine_of_the_program_gives_its_children_the_sessions_canary(begun: Path) -> None:
    session = bootstrap.open_session(begun.name, begun)

    async def printed() -> str:
        async with assembled(begun, session) as engine:
            children = engine._target._children  # type: ignore[attr-defined]  # of the real target
            answer = await children.run(["printenv", "RUNBOOK_CANARY"], cwd=begun, journaled=False)
        return str(answer.text).strip()

    try:
        seen = [asyncio.run(printed()) for _ in range(2)]
    finally:
        session.close()
    assert seen == [known(begun).canary()] * 2


def test_what_is_weak_or_a_word_of_the_plan_is_not_looked_for(begun: Path) -> None:
    (begun / "engine.log").write_text("Message of the day: a word, 1234567")
    for name, value in (("SHORT", "1234567"), ("WORD", "Message of the day")):
        known(begun).register(name, value)
    assert find_leak(begun) is None


def test_without_the_key_nothing_is_signed(begun: Path) -> None:
    known(begun).canary()
    (begun.parent / "captures.key").unlink()
    found = runbook("export", begun.name)
    assert found.exit_code == 1
    assert "captures.key is missing" in found.output
    assert not (begun / "signal.json").exists()


def test_a_search_leaves_an_open_journal_its_locks(begun: Path) -> None:
    known(begun).canary()
    session = bootstrap.open_session(begun.name, begun)
    try:
        find_leak(begun)
        other = subprocess.run(
            [sys.executable, "-c", EXCLUSIVELY, str(begun / "journal.db")],
            capture_output=True,
            check=False,
        )
    finally:
        session.close()
    assert b"database is locked" in other.stderr


SAID: list[tuple[type[cmd.Command], dict[str, object]]] = [
    (cmd.AddNote, {"text": "{}"}),
    (cmd.RaiseBlocker, {"text": "{}"}),
    (cmd.SkipStep, {"step": "s", "reason": "{}", "owner": "{}", "expires_on": ""}),
    (cmd.WaiveCriterion, {"item": "i", "line": "l", "reason": "{}", "owner": "", "expires_on": ""}),
    (cmd.RollBackItem, {"item": "i", "reason": "{}"}),
    (cmd.AnswerQuestion, {"question": "q", "answer": "{}"}),
    (cmd.Stop, {"reason": "{}"}),
]


def say(folder: Path, *said: tuple[type[cmd.Command], dict[str, object]]) -> list[str]:
    """Send commands; return them as they are on record."""
    session = bootstrap.open_session(folder.name, folder)
    try:
        for kind, fields in said:
            asyncio.run(session.send(kind, **fields))
        session.refresh()
    finally:
        session.close()
    return [str(command) for command in session.state.commands.values()]


def test_what_a_person_writes_goes_on_record_without_the_secrets_in_it(begun: Path) -> None:
    secret = secrets.token_hex(16)
    known(begun).register("PASSWORD", secret)
    record(begun, ev.QuestionAsked(id="q", item="look", step="", kind="text", text="Who?"))
    for form in (secret, base64.b64encode(secret.encode()).decode()):
        said = [
            (kind, {name: str(value).format(f"it is {form}") for name, value in fields.items()})
            for kind, fields in SAID
        ]
        recorded = say(begun, *said)
    assert len(recorded) == 2 * len(SAID)
    assert all("it is [secret:PASSWORD]" in command for command in recorded)
    assert runbook("export", begun.name).exit_code == 0


def test_a_secret_learned_since_the_last_command_is_masked_in_the_next(begun: Path) -> None:
    secret = secrets.token_hex(16)
    known(begun).register("OTHER", secrets.token_hex(16))
    with closing(bootstrap.open_session(begun.name, begun)) as session:
        asyncio.run(session.send(cmd.AddNote, text="nothing"))
        known(begun).register("PASSWORD", secret)
        asyncio.run(session.send(cmd.AddNote, text=secret))
        session.refresh()
    assert "[secret:PASSWORD]" in str([*session.state.commands.values()][-1])
    assert find_leak(begun) is None


def test_a_parameter_with_a_secret_in_it_is_refused(begun: Path) -> None:
    secret = secrets.token_hex(16)
    known(begun).register("PASSWORD", secret)
    hostile = {"step": "present", "parameters": {"path": [f"/{secret}"]}}
    with pytest.raises(UsageError, match="holds a secret"):
        say(begun, (cmd.RetryStep, hostile))
    harmless = {"step": "present", "parameters": {"path": "other"}}
    (recorded,) = say(begun, (cmd.RetryStep, harmless))
    assert "'path': 'other'" in recorded


def test_a_session_without_its_key_can_still_be_stopped(begun: Path) -> None:
    known(begun).register("PASSWORD", secrets.token_hex(16))
    (begun.parent / "captures.key").unlink()
    assert len(say(begun, (cmd.Stop, {"reason": "enough"}))) == 1

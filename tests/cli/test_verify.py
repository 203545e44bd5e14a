"""`export` and `verify` as their user calls them, on real sessions."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_app import bootstrap
from runbook_app.adapters.logs import SqliteLogWriter
from runbook_app.cli import commands
from runbook_app.domain import events as ev
from tests.signed import SignedSession

RUNBOOK = Path(sys.executable).with_name("runbook")
PLAN = """\
plan: motd
title: Message of the day
version: "1"
target: {compose: compose.yml}
items:
  - id: look
    number: 1
    title: Look at it
    steps:
      - {id: present, title: Find the file, action: files.present, with: {path: motd}}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def signed(home: Path) -> SignedSession:
    made = SignedSession(home)
    made.export()
    return made


@pytest.fixture
def begun(home: Path, tmp_path: Path) -> Path:
    """The folder of a session that was begun from a plan, on a target."""
    target = tmp_path / "target"
    target.mkdir()
    (target / "compose.yml").write_text("services: {}\n")
    (tmp_path / "motd.yaml").write_text(PLAN)
    session = bootstrap.create_session(tmp_path / "motd.yaml", target, {})
    session.close()
    return session.folder


def runbook(*arguments: str | Path) -> Result:
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])


def test_an_export_names_verdict_files_and_how_to_verify(begun: Path) -> None:
    found = runbook("export", "--target", "target")
    assert found.exit_code == 0
    assert "INCOMPLETE" in found.stdout
    assert f"Written: {begun / 'signal.json'}" in found.stderr
    assert "Verdict: INCOMPLETE, signed by the key " in found.stderr
    assert f"runbook verify {begun / 'signal.json'}" in found.stderr
    assert "signing.pub as --key" in found.stderr
    assert runbook("verify", begun / "signal.json").exit_code == 0
    assert runbook("verify", begun).exit_code == 0


@pytest.mark.kill
@pytest.mark.parametrize("place", ["export:begun", "export:page", "export:statement"])
def test_a_kill_leaves_the_old_signal_or_the_new_one(begun: Path, place: str) -> None:
    """And never half of one; the next export mends what the two files disagree on."""
    assert runbook("export", "--target", "target").exit_code == 0
    names = ("signal.md", "signal.json")
    old = {name: (begun / name).read_bytes() for name in names}
    killed = subprocess.run(
        [RUNBOOK, "export", "--target", "target"],
        env={**os.environ, "RUNBOOK_CRASH_AT": place},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL
    renewed = [name for name in names if (begun / name).read_bytes() != old[name]]
    assert renewed == list(
        names[: ("export:begun", "export:page", "export:statement").index(place)]
    )
    assert sorted(path.name for path in begun.glob("*signal*")) == sorted(names)
    found = runbook("verify", begun / "signal.json")
    assert found.exit_code == (1 if place == "export:page" else 0)
    if found.exit_code:
        assert "an export was cut off" in found.stderr
    shutil.copy(begun / "signal.json", "alone.json")
    assert runbook("verify", "alone.json").exit_code == 0
    assert runbook("export", "--target", "target").exit_code == 0
    assert runbook("verify", begun).exit_code == 0


def test_a_valid_signal_exits_0_with_its_verdict_first(signed: SignedSession) -> None:
    found = runbook("verify", signed.signal)
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("COMPLETE (unattended)", "VALID")
    assert signed.key.keyid in found.stdout
    assert "tls: TLS guide reviewed - assumed (--yes, anna, 20" in found.stdout


def test_on_another_machine_the_file_and_the_public_key_are_enough(
    signed: SignedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    shutil.copy(signed.signal, away)
    shutil.copy(signed.key_file.with_name("signing.pub"), away)
    monkeypatch.setenv("RUNBOOK_HOME", str(away / "home"))
    unknown = runbook("verify", away / "signal.json")
    assert unknown.exit_code == 1
    assert "can't be judged" in unknown.stderr
    assert signed.key.keyid in unknown.stderr
    assert "COMPLETE" not in unknown.output
    found = runbook("verify", away / "signal.json", "--key", away / "signing.pub")
    assert found.exit_code == 0
    assert not (away / "home").exists()


def test_an_altered_signal_exits_1(signed: SignedSession) -> None:
    text = signed.signal.read_text()
    place = text.index('"payload": "') + 1200
    signed.signal.write_text(
        text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    )
    found = runbook("verify", signed.signal)
    assert found.exit_code == 1
    assert "the file was altered" in found.stderr
    assert found.stderr.endswith("NOT VALID\n")
    assert "VALID" not in found.stdout
    assert "COMPLETE" not in found.output


def test_a_folder_is_checked_with_its_journal(signed: SignedSession) -> None:
    assert runbook("verify", signed.folder).exit_code == 0
    signed.sql("UPDATE entries SET at = at || '0' WHERE seq = 4")
    found = runbook("verify", signed.folder)
    assert found.exit_code == 1
    assert "damaged at entry 4" in found.stderr
    assert runbook("verify", signed.signal).exit_code == 0


def test_a_folder_is_checked_with_its_logs(signed: SignedSession) -> None:
    sha256 = hashlib.sha256(b"one line\n").hexdigest()
    signed.tell(ev.StepFailed(item="tls", step="tls.up", error="x", log_sha256=sha256))
    logs = signed.folder / "logs.db"
    for line in ("one line", "another"):
        writer = SqliteLogWriter(logs)
        writer.write("api", "tls.up", f"{line}\n".encode())
        writer.close()
        assert "The log of step" not in runbook("verify", signed.folder).stderr
    with closing(sqlite3.connect(logs, isolation_level=None)) as connection:
        connection.execute("UPDATE chunks SET body = x'0a' WHERE first = 0")
    found = runbook("verify", signed.folder)
    assert found.exit_code == 1
    assert "The log of step tls.up is not the one whose hash stands in entry" in found.stderr
    logs.write_bytes(b"no database" * 1000)
    assert f"{logs} could not be read" in runbook("verify", signed.folder).stderr


def test_any_flipped_byte_of_the_journals_entries_is_found(signed: SignedSession) -> None:
    """Byte by byte in the file; pages that hold no entry are not the journal's record."""
    signed.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    sound = signed.database.read_bytes()
    place = sound.index(b'"headers.measure"')
    for offset in range(0, 400, 7):
        altered = bytearray(sound)
        altered[place + offset] ^= 1
        signed.database.write_bytes(altered)
        found = runbook("verify", signed.folder)
        assert found.exit_code == 1, offset
        assert "Traceback" not in found.output
    signed.database.write_bytes(sound)
    assert runbook("verify", signed.folder).exit_code == 0


def test_a_copy_is_held_against_its_sessions_folder(signed: SignedSession, tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    shutil.copy(signed.signal, copy)
    assert runbook("verify", copy, signed.folder).exit_code == 0
    signed.tell(ev.BlockerRaised(id="b", text="no key", by="anna"))
    signed.export()
    found = runbook("verify", copy, signed.folder)
    assert found.exit_code == 1
    assert "was withdrawn at" in found.stderr
    assert "because blocker: no key" in found.stderr
    assert runbook("verify", copy).exit_code == 0


def test_an_older_copy_beside_the_sessions_signal_is_withdrawn_by_it(
    signed: SignedSession,
) -> None:
    copy = signed.folder / "old.json"
    shutil.copy(signed.signal, copy)
    signed.tell(ev.BlockerRaised(id="b", text="no key", by="anna"))
    signed.export()
    found = runbook("verify", copy)
    assert found.exit_code == 1
    assert "was withdrawn at" in found.stderr
    assert runbook("verify", signed.signal).exit_code == 0


def test_a_folder_without_a_signal_says_so(begun: Path) -> None:
    found = runbook("verify", begun)
    assert found.exit_code == 1
    assert "entries 1 to 1 fit each other" in found.stdout
    assert "has no signal.json" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument"),
        (("nowhere.json",), "can't be read"),
        (("/dev/zero",), "is not a file"),
        (("empty",), "has no journal.db"),
        (("f.json", "nowhere"), "does not exist"),
        (("f.json", "empty"), "has no journal.db"),
        (("empty", "empty"), "is a folder too"),
        (("f.json", "--key", "nowhere.pub"), "nowhere.pub can't be read"),
        (("f.json", "--key", "f.json"), "no public key in PEM"),
    ],
)
def test_a_mistake_exits_2(home: Path, arguments: tuple[str, ...], said: str) -> None:
    Path("empty").mkdir()
    Path("f.json").write_text("{}")
    found = runbook("verify", *arguments)
    assert found.exit_code == 2
    assert said in found.stderr
    assert "Traceback" not in found.output


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00" * 1000, b"[" * 100_000, b'{"payload": 1}', b" " * ((16 << 20) + 5)],
    ids=["empty", "zeros", "deep", "wrong types", "huge"],
)
def test_a_hostile_file_exits_1_with_words(home: Path, data: bytes) -> None:
    Path("f.json").write_bytes(data)
    found = runbook("verify", "f.json")
    assert found.exit_code == 1
    assert "This is no completion signal" in found.stderr
    assert found.exception is None or isinstance(found.exception, SystemExit)


def test_a_journal_that_is_no_database_exits_1_with_words(signed: SignedSession) -> None:
    for name in ("journal.db-wal", "journal.db-shm"):
        (signed.folder / name).unlink(missing_ok=True)
    signed.database.write_bytes(b"not a database" * 1000)
    found = runbook("verify", signed.folder)
    assert found.exit_code == 1
    assert "not a database" in found.stderr
    assert found.exception is None or isinstance(found.exception, SystemExit)


def test_a_signals_words_cannot_play_with_the_terminal(home: Path) -> None:
    hostile = '{"payload": "e30=", "payloadType": "application/vnd.in-toto+json",'
    hostile += '"signatures": [{"keyid": "\\u001b[2J\\u202e", "sig": "e30="}]}'
    Path("f.json").write_text(hostile)
    found = runbook("verify", "f.json")
    assert found.exit_code == 1
    assert not {"\x1b", "\u202e"} & set(found.output)


def test_the_way_without_this_program_is_as_documented(signed: SignedSession) -> None:
    document = (Path(__file__).parents[2] / "docs" / "signal.md").read_text("utf-8")
    script = document.partition("```sh\n")[2].partition("```")[0]
    shutil.copy(signed.key_file.with_name("signing.pub"), signed.folder)

    def follow() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-ec", script], cwd=signed.folder, capture_output=True, text=True, check=False
        )

    found = follow()
    assert found.returncode == 0, found.stderr
    verified, page, keyid = found.stdout.splitlines()
    assert verified == "Signature Verified Successfully"
    assert page == hashlib.sha256(signed.page.read_bytes()).hexdigest()
    assert keyid.split()[0] == signed.key.keyid
    envelope = json.loads(signed.signal.read_bytes())
    payload = base64.b64decode(envelope["payload"]).replace(b"anna", b"bert")
    envelope["payload"] = base64.b64encode(payload).decode()
    signed.signal.write_text(json.dumps(envelope))
    assert follow().returncode != 0

"""`--seal-to` with a key or a passphrase, and `unseal`, as the operator calls them."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from runbook_app import bootstrap
from runbook_app.adapters import doctor, passphrase
from runbook_app.adapters.artefacts import FolderArtefacts
from runbook_app.adapters.recipient import FILE, make_pair, recipient, recipient_of
from runbook_app.adapters.sealer import FileKeySealer
from runbook_app.bootstrap.engines import assembled
from runbook_app.cli import commands, drive, screens
from runbook_app.domain.errors import EnvironmentLacks
from runbook_app.engine import known_secrets
from runbook_app.engine.known_secrets import KnownSecrets
from runbook_app.engine.redaction import Redactor
from runbook_app.ports.session import Session
from tests.cli.conftest import Use
from tests.cli.terminal import Terminal
from tests.cli.test_verify import PLAN, home
from tests.headless.stage import Stage, done

__all__ = ["home"]

WORDS = "correct horse bättery staple"
SECRET = "s.root-token-of-vault"
SEAL_TO = "Passphrase to seal to, 12 characters or more: "
RUN = """
from runbook_app.adapters import doctor
from runbook_app.cli import commands, drive
doctor.require = lambda *_: None
drive.drive = lambda *_, **__: 0
commands(["run", "motd.yaml", "--target", "target", "--seal-to", "passphrase"])
"""
UNSEAL = """
from runbook_app.cli import commands
commands(["unseal", "sealed.json"])
"""


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passphrase, "_COST", 2)


@pytest.fixture
def place(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a plan and a target, where a run ends as soon as its session has begun."""
    (tmp_path / "target").mkdir()
    (tmp_path / "target/compose.yml").write_text("services: {}\n")
    (tmp_path / "motd.yaml").write_text(PLAN)
    write_private(tmp_path / "words", WORDS)
    make_pair(tmp_path / "mine")
    monkeypatch.setattr(doctor, "require", lambda *_: None)
    monkeypatch.setattr(drive, "drive", left)
    monkeypatch.setattr(screens, "require_terminal", lambda *_: None)
    monkeypatch.setattr(screens, "show_session", left)
    return tmp_path


def left(session: Session, *_: object, **__: object) -> int:
    session.close()
    return 0


def write_private(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(f"{text}\n", encoding="utf-8")


def runbook(*arguments: str) -> Result:
    return CliRunner().invoke(commands, list(arguments))


def begin(*options: str, command: str = "run") -> Result:
    return runbook(command, "motd.yaml", "--target", "target", *options)


def sessions() -> list[Path]:
    return [summary.folder for summary in bootstrap.list_sessions()]


def seal_in(folder: Path) -> Path:
    """Seal as the session's engine does; returns the sealed file."""
    artefacts = FolderArtefacts(folder, FileKeySealer(folder.parent / "captures.key"))
    secrets = KnownSecrets(Redactor(), artefacts, recipient_of(folder))
    return folder / secrets.seal("vault-keys", SECRET.encode())


def files_with(text: str, folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert found
    return [path for path in found if text.encode() in path.read_bytes()]


@pytest.mark.slow
def test_a_passphrase_typed_at_the_terminal_seals_and_opens_and_is_nowhere(
    place: Path, home: Path
) -> None:
    begun = Terminal(RUN, output=place / "out")
    begun.answer(SEAL_TO, "too short")
    begun.answer(SEAL_TO, WORDS)
    begun.answer("The same again: ", "another one altogether")
    begun.answer(SEAL_TO, WORDS)
    begun.answer("The same again: ", WORDS)
    assert begun.end() == 0
    assert "fewer than 12 characters" in begun.shown
    assert "two different ones" in begun.shown
    (folder,) = sessions()
    shutil.copy(seal_in(folder), "sealed.json")  # another machine has this file alone
    assert files_with(WORDS, home) == []
    shutil.rmtree(home)

    wrong = Terminal(UNSEAL, output=place / "out")
    wrong.answer("Passphrase: ", "another one altogether")
    assert wrong.end() == 2
    assert "not the passphrase it was sealed to" in wrong.shown
    right = Terminal(UNSEAL, output=place / "out")
    right.answer("Passphrase: ", WORDS)
    assert right.end() == 0
    assert (place / "out").read_text() == SECRET
    for shown in (begun.shown, wrong.shown, right.shown):
        assert WORDS not in shown
        assert "another one" not in shown
        assert SECRET not in shown


@pytest.mark.parametrize("command", ["run", "open"])
def test_a_session_begins_with_whom_it_seals_to(place: Path, cheap: None, command: str) -> None:
    begin("--seal-to", "mine.pub", command=command)
    (folder,) = sessions()
    assert (folder / FILE).read_bytes() == (place / "mine.pub").read_bytes()
    shutil.rmtree(folder)
    begin("--seal-to", "passphrase", "--passphrase-file", "words", command=command)
    (folder,) = sessions()
    sealed = str(seal_in(folder))
    assert runbook("unseal", sealed, "--passphrase-file", "words").stdout == SECRET
    shutil.rmtree(folder)
    begin(command=command)
    (folder,) = sessions()
    assert recipient_of(folder) is None


def test_the_engine_seals_to_whom_its_session_keeps(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[KnownSecrets] = []

    class Watched(KnownSecrets):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            made.append(self)

    async def seal() -> None:
        async with assembled(folder, session):
            made[0].seal("vault-keys", SECRET.encode())

    monkeypatch.setattr(known_secrets, "KnownSecrets", Watched)
    begin("--seal-to", "mine.pub")
    (folder,) = sessions()
    session = bootstrap.open_session(None, place / "target", read_only=True)
    asyncio.run(seal())
    session.close()
    sealed = str(folder / "sealed/vault-keys.json")
    assert runbook("unseal", sealed, "--key", "mine").stdout == SECRET


def test_resume_changes_whom_it_seals_to_from_then_on(place: Path, cheap: None, use: Use) -> None:
    session = use(Stage(*done()))
    again = ("resume", "--headless", "--yes")
    assert runbook(*again, "--seal-to", "mine.pub").exit_code == 0
    before = seal_in(session.folder).read_bytes()
    words = ("--seal-to", "passphrase", "--passphrase-file", "words")
    assert runbook(*again, *words).exit_code == 0
    assert runbook("unseal", str(seal_in(session.folder)), *words[2:]).stdout == SECRET
    assert runbook(*again).exit_code == 0
    assert runbook("unseal", str(seal_in(session.folder)), *words[2:]).stdout == SECRET
    Path("before.json").write_bytes(before)
    assert runbook("unseal", "before.json", "--key", "mine").stdout == SECRET


@pytest.mark.parametrize("whom", ["passphrase", "mine.pub"])
def test_a_session_that_runs_keeps_its_recipient_and_nobody_is_asked(
    place: Path, use: Use, whom: str
) -> None:
    session = use(Stage())
    session.ensure_engine()
    session.refresh()
    found = runbook("resume", "--headless", "--seal-to", whom)
    assert found.exit_code == 2
    assert "seals to what it was started with" in found.stderr
    assert not (session.folder / FILE).exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--seal-to", "passphrase"), "--passphrase-file FILE"),
        (("--seal-to", "passphrase", "--passphrase-file", "short"), "fewer than 12"),
        (("--seal-to", "passphrase", "--passphrase-file", "open"), "chmod 600 open"),
        (("--seal-to", "passphrase", "--passphrase-file", "none"), "none can't be read"),
        (("--seal-to", "./passphrase"), "key passphrase can't be read"),
        (("--seal-to", "mine"), "is the private key"),
        (("--seal-to", "target"), "target can't be read: Is a directory"),
        (("--seal-to", "mine.pub", "--passphrase-file", "words"), "Add: --seal-to passphrase"),
        (("--passphrase-file", "words"), "Add: --seal-to passphrase"),
    ],
)
@pytest.mark.parametrize("command", ["run", "open"])
def test_what_can_not_be_sealed_to_is_refused_before_a_session_begins(
    place: Path, command: str, options: tuple[str, ...], said: str
) -> None:
    write_private(place / "short", "short")
    write_private(place / "open", WORDS)
    (place / "open").chmod(0o644)
    found = begin(*options, command=command)
    assert found.exit_code == 2
    assert said in found.stderr
    assert sessions() == []


def test_a_file_named_like_the_word_is_given_with_its_folder(place: Path) -> None:
    shutil.copy("mine.pub", "passphrase")
    assert begin("--seal-to", "./passphrase").exit_code == 0
    (folder,) = sessions()
    assert (folder / FILE).read_bytes() == (place / "mine.pub").read_bytes()


@pytest.fixture
def sealed(place: Path, cheap: None) -> str:
    """A file that is sealed to a passphrase."""
    begin("--seal-to", "passphrase", "--passphrase-file", "words")
    (folder,) = sessions()
    return str(seal_in(folder))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--passphrase-file FILE"),
        (("--passphrase-file", "other"), "not the passphrase it was sealed to"),
        (("--passphrase-file", "none"), "none can't be read"),
        (("--key", "mine"), "Leave out --key"),
    ],
)
def test_what_does_not_open_a_passphrases_file_exits_2(
    place: Path, sealed: str, options: tuple[str, ...], said: str
) -> None:
    write_private(place / "other", "")
    found = runbook("unseal", sealed, *options)
    assert (found.exit_code, found.stdout) == (2, "")
    assert said in found.stderr


def test_a_keys_file_takes_no_passphrase(place: Path) -> None:
    (place / "sealed").write_bytes(recipient(place / "mine.pub").seal(SECRET.encode()))
    found = runbook("unseal", "sealed", "--passphrase-file", "words")
    assert found.exit_code == 2
    assert "sealed to a key, not to a passphrase" in found.stderr


def test_too_little_memory_exits_5_and_begins_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def starved(*_: object) -> None:
        raise EnvironmentLacks("128 MiB")

    monkeypatch.setattr(passphrase.Derivation, "private_key", starved)
    assert begin("--seal-to", "passphrase", "--passphrase-file", "words").exit_code == 5
    assert sessions() == []

"""A key to seal to, from the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_app import bootstrap
from runbook_app.adapters.recipient import FILE, Recipient, recipient
from runbook_app.cli import commands
from tests.cli.test_run import Use, plan, use
from tests.headless.stage import Stage, done

__all__ = ["plan", "use"]


def runbook(*arguments: str) -> Result:
    return CliRunner().invoke(commands, list(arguments))


def test_a_pair_lies_beside_the_sessions_unless_told_otherwise(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNBOOK_HOME", str(tmp_path / "home"))
    assert runbook("recipient").stdout.strip() == str(tmp_path / "home/recipient.key.pub")
    assert runbook("recipient", str(tmp_path / "mine")).stdout.strip() == f"{tmp_path}/mine.pub"


def test_what_was_sealed_is_opened_into_a_new_private_file(tmp_path):
    plain = os.urandom(20).hex()
    runbook("recipient", str(tmp_path / "mine"))
    sealed = tmp_path / "sealed.json"
    sealed.write_bytes(recipient(tmp_path / "mine.pub").seal(plain.encode()))
    key = ("--key", str(tmp_path / "mine"))
    assert runbook("unseal", str(sealed), *key).stdout == plain
    out = tmp_path / "out"
    assert runbook("unseal", str(sealed), *key, "--out", str(out)).exit_code == 0
    assert (out.read_text(), out.stat().st_mode & 0o777) == (plain, 0o600)
    again = runbook("unseal", str(sealed), *key, "--out", str(out))
    assert again.exit_code == 2
    assert "can't be made: File exists" in again.stderr


def test_a_key_that_is_none_is_refused_before_a_session_begins(
    use: Use, plan: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Stage(*done()))
    begun: list[object] = []
    monkeypatch.setattr(bootstrap, "create_session", lambda *_, **__: begun.append(1))
    runbook("recipient", str(tmp_path / "mine"))
    found = runbook("run", plan, "--yes", "--seal-to", str(tmp_path / "mine"))
    assert found.exit_code == 2
    assert "is the private key" in found.stderr
    assert begun == []


@pytest.mark.parametrize("command", ["run", "resume"])
def test_the_sessions_next_engine_seals_to_the_key(
    use: Use, plan: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    session = use(Stage(*done()))
    monkeypatch.setattr(bootstrap, "create_session", keep_in(session))
    runbook("recipient", str(tmp_path / "mine"))
    arguments = {"run": ["run", plan, "--yes"], "resume": ["resume", "--headless", "--yes"]}
    runbook(*arguments[command], "--seal-to", f"{tmp_path}/mine.pub")
    assert (session.folder / FILE).read_bytes() == (tmp_path / "mine.pub").read_bytes()


def keep_in(session: Stage) -> Callable[..., Stage]:
    def create(*_: object, seal_to: Recipient, **__: object) -> Stage:
        seal_to.keep(session.folder)
        return session

    return create

"""A key to seal to, from the command line."""

from __future__ import annotations

import os

from click.testing import CliRunner, Result

from runbook_app.adapters.recipient import recipient
from runbook_app.cli import commands


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

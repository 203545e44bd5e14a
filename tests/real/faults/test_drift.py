"""A change by hand after the end: found by measuring again, and the signal is withdrawn."""

from __future__ import annotations

import pytest

from .stage import Gate, Stage

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def test_a_key_that_was_opened_withdraws_the_signal_until_it_is_private_again(
    stage: Stage, gate: Gate
) -> None:
    gate.open()
    done = stage.runbook(*stage.command(gate))
    assert done.returncode == 0, done.stdout + done.stderr
    assert stage.runbook("export").returncode == 0
    copy = stage.home.parent / "copy.json"
    copy.write_bytes((stage.folder / "signal.json").read_bytes())
    key = stage.root / "more" / "key.pem"
    key.chmod(0o644)
    found = stage.runbook("recheck", "-q")
    assert found.returncode == 1, found.stdout + found.stderr
    assert "Item keys: criterion private held at" in found.stderr
    assert "0644 (limit = 0600)" in found.stderr
    withdrawn = stage.runbook("verify", copy, stage.folder)
    assert withdrawn.returncode == 1
    assert "This signal was withdrawn at" in withdrawn.stderr
    newest = stage.runbook("verify", stage.folder)
    assert newest.returncode == 0, newest.stderr
    assert newest.stdout.startswith("INCOMPLETE")
    assert "criterion private" in stage.runbook("status").stdout
    key.chmod(0o600)
    mended = stage.runbook("recheck", "-q")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    newest = stage.runbook("verify", stage.folder)
    assert newest.returncode == 0, newest.stderr
    assert newest.stdout.startswith("COMPLETE (unattended)")
    assert stage.sound()

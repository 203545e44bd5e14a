"""What a dying engine leaves to be read, in one log that all engines of a session share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from runbook_app.adapters.engine_start import LOG, last_words

DYING = """
from runbook_app.adapters.engine_start import say_last
from runbook_app.domain.errors import JournalError
try:
    {failing}
except Exception as error:
    print(type(say_last(error, lambda text: text.replace("hunter2hunter2", "***"))).__name__)
"""


def die(folder: Path, failing: str) -> tuple[int, str]:
    """A process that says its last words; its pid, and the kind of error that it made of them."""
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", DYING.format(failing=failing)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        out, _ = process.communicate(timeout=60)
    return process.pid, out.strip()


def test_each_engine_s_own_words_are_found(tmp_path: Path) -> None:
    first, kind = die(tmp_path, "raise JournalError('It is full.', hint='Make room.')")
    second, _ = die(tmp_path, "raise JournalError('It is gone.')")
    assert kind == "JournalError"
    assert last_words(tmp_path, first) == "It is full. Make room."
    assert last_words(tmp_path, second) == "It is gone."
    assert last_words(tmp_path, os.getpid()) == ""


def test_a_mistake_of_the_program_leaves_its_traceback_and_no_secret(tmp_path: Path) -> None:
    pid, kind = die(tmp_path, "{}['hunter2hunter2']")
    assert kind == "RunbookError"
    assert last_words(tmp_path, pid).startswith("KeyError: '***'")
    log = (tmp_path / LOG).read_text()
    assert "Traceback" in log
    assert "hunter2" not in log


def test_an_engine_that_found_no_room_for_words_is_spoken_for(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / LOG).touch()
    full = os.statvfs_result((4096, 4096, 100, 0, 0, 1, 1, 1, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    assert last_words(tmp_path, 7).startswith(f"The disk that holds {tmp_path} is full.")

"""Has a process of its own make a dry run: screens stay light, and can end it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import IO

import msgspec

from runbook_app.domain.errors import ActionError
from runbook_app.domain.forecast import Ahead, Forecast


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the process reads: a session's folder, or a plan with its target."""

    session: str = ""
    plan: str = ""
    target: str = ""
    variables: dict[str, str] = {}


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of what it writes: how far it has come; at the end what it foresees, or why not."""

    ahead: Ahead | None = None
    found: Forecast | None = None
    error: str = ""
    hint: str = ""


class ProcessDryRun:
    """Implements `ports.dry_run.DryRun`."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._cancelled = False
        self._process: subprocess.Popen[bytes] | None = None

    def foresee(self, told: Callable[[Ahead], None]) -> Forecast:
        argv = [sys.executable, "-m", "runbook_app.processes.dry_run"]
        with (
            tempfile.TemporaryFile() as words,
            subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words
            ) as process,
        ):
            self._process = process
            if self._cancelled:
                process.terminate()
            try:
                said = self._heard(process, told)
            except BaseException:
                process.terminate()
                raise
            process.wait()
            if said.found is not None:
                return said.found
            if self._cancelled:
                raise ActionError("The dry run was ended.")
            raise ActionError(said.error or _last(words), hint=said.hint)

    def _heard(self, process: subprocess.Popen[bytes], told: Callable[[Ahead], None]) -> Said:
        """Ask, and pass on what it tells until it ends; its last word."""
        given, answers, said = process.stdin, process.stdout, Said()
        if given is None or answers is None:
            raise AssertionError  # both are pipes
        try:
            given.write(msgspec.json.encode(self._asked))
            given.close()
        except BrokenPipeError:  # it has ended, and says why on standard error
            return said
        for line in answers:
            said = msgspec.json.decode(line, type=Said)
            if said.ahead is not None and not self._cancelled:
                told(said.ahead)
        return said

    def cancel(self) -> None:
        self._cancelled = True
        if self._process is not None:
            self._process.terminate()


def _last(words: IO[bytes]) -> str:
    words.seek(0)
    lines = words.read().decode("utf-8", "replace").strip().splitlines()
    return f"The dry run ended without a word: {' '.join(lines[-2:]) or 'it was killed'}"

"""System calls of a traced process, and what they say of the order of writes and effects."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_app.domain import events as ev

CALLS = "fsync,fdatasync,pwrite64,mkdir,mkdirat,openat,rename,renameat,renameat2"
_PAGE = 5000
"""Characters of a write that are kept: more than a page of SQLite."""
_WHOLE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)")
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>")
_ENDED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)")
_STARTED = '"StepStarted","item":"{item}","step":"{step}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One system call that succeeded, with the places in the trace where it began and ended."""

    name: str
    arguments: str
    began: int
    ended: int


def traced(argv: Sequence[str], output: Path, cwd: Path) -> list[Call]:
    """Run a Python module under strace, and read what it did."""
    assert shutil.which("strace"), "this test runs strace: make tools"
    command = ["strace", "-f", "-y", "-s", str(_PAGE), "-e", f"trace={CALLS}", "-o", str(output)]
    done = subprocess.run(
        [*command, sys.executable, "-m", *argv],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return list(_parse(output.read_text("utf-8", "replace").splitlines()))


def _parse(lines: Sequence[str]) -> Iterator[Call]:
    open_calls: dict[str, tuple[int, str]] = {}
    for place, line in enumerate(lines):
        if found := _WHOLE.match(line):
            began, arguments = place, found[3]
        elif found := _BEGUN.match(line):
            open_calls[found[1]] = place, found[3]
            continue
        elif found := _ENDED.match(line):
            began, arguments = open_calls.pop(found[1])
        else:
            continue
        if int(found[4]) >= 0:
            arguments = arguments.replace('\\"', '"')
            yield Call(name=found[2], arguments=arguments, began=began, ended=place)


class Order:
    """Asks of a trace whether each thing was on disk before what it has to precede."""

    def __init__(self, calls: Sequence[Call], session: Path, target: Path) -> None:
        self._calls = calls
        self._session = session
        self._target = target

    def faults(self, captures: Sequence[ev.CaptureTaken]) -> list[str]:
        """What was changed before its capture, the capture's event and the step's were durable."""
        found = []
        for capture, effect in self._pairs(captures):
            what = f"{capture.step} changed {capture.name}"
            if not self._capture_durable(capture.path, effect.began):
                found.append(f"{what} before its capture was on disk")
            if not self._event_durable(capture.path, effect.began):
                found.append(f"{what} before CaptureTaken was on disk")
            if not self._event_durable(_started(capture), effect.began):
                found.append(f"{what} before StepStarted was on disk")
        return found

    def _pairs(self, captures: Sequence[ev.CaptureTaken]) -> Iterator[tuple[ev.CaptureTaken, Call]]:
        """Each step's capture of a file, with the first call by which the step changes it."""
        for name in sorted({capture.name for capture in captures}):
            own = [capture for capture in captures if capture.name == name]
            changes = self._changes(name)
            each, rest = divmod(len(changes), len(own))
            assert each > 0, f"the trace has no change of {name}"
            assert rest == 0, f"{len(changes)} changes of {name} belong to {len(own)} steps"
            yield from zip(own, changes[::each], strict=True)

    def _changes(self, name: str) -> list[Call]:
        """Where a file of the target begins to be written, beside the place it then gets."""
        path = self._target / name
        aside = f'"{path.with_name(f".{path.name}.runbook-new")}"'
        return [c for c in self._calls if c.name == "openat" and aside in c.arguments]

    def _capture_durable(self, path: str, before: int) -> bool:
        """Written aside, synced, renamed, and its folder synced, and that folder's own parent."""
        place = self._session / path
        moved = next(
            (
                call
                for call in self._calls
                if call.name.startswith("rename") and call.arguments.endswith(f'"{place}"')
            ),
            None,
        )
        if moved is None:
            return False
        aside = moved.arguments.split('"')[1]
        return (
            self._synced(aside, after=0, before=moved.began)
            and self._synced(str(place.parent), after=moved.ended, before=before)
            and self._synced(str(self._session), after=0, before=before)
        )

    def _event_durable(self, text: str, before: int) -> bool:
        """Written to the journal's log, which was synced after that."""
        journal = f"<{self._session / 'journal.db-wal'}>"
        written = next(
            (
                call.ended
                for call in self._calls
                if call.name == "pwrite64" and journal in call.arguments and text in call.arguments
            ),
            None,
        )
        return written is not None and self._synced(
            str(self._session / "journal.db-wal"), after=written, before=before
        )

    def _synced(self, path: str, *, after: int, before: int) -> bool:
        return any(
            call.name in ("fsync", "fdatasync")
            and f"<{path}>" in call.arguments
            and after < call.began
            and call.ended < before
            for call in self._calls
        )


def _started(capture: ev.CaptureTaken) -> str:
    return _STARTED.format(item=capture.item, step=capture.step)

"""Log lines for the clipboard, or for a file when they are too many."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TextIO

from runbook_app.domain.errors import UsageError
from runbook_app.ports.journal import LogLine
from runbook_app.tui.view.loglines import plain

CLIPBOARD = 74_994
"""Bytes that terminals take at once by OSC 52: hterm's limit, the lowest of the usual ones."""

FOLDER = "copies"


@dataclass(frozen=True, slots=True)
class Copied:
    lines: int
    text: str
    """For the clipboard; empty when a file was written."""
    file: Path | None = None


def take(pages: Iterable[Sequence[LogLine]], folder: Path, *, head: bool) -> Copied:
    """Gather lines; what the clipboard can't hold goes to a new file of mode 0600 in the session.

    Blocks as long as reading takes.

    Raises:
        UsageError: the file can't be written.
    """
    lines = size = 0
    text: list[str] = []
    out: TextIO | None = None
    path: Path | None = None
    try:
        for page in pages:
            rows = [plain(line, head=head) + "\n" for line in page]
            lines += len(rows)
            text += rows
            size += sum(len(row.encode()) for row in rows)
            if size > CLIPBOARD:
                if out is None:
                    path, out = _create(folder / FOLDER)
                out.writelines(text)
                text = []
        if out is not None:
            out.writelines(text)
    except OSError as error:
        raise UsageError(f"The lines can't be written to {folder / FOLDER}: {error}.") from error
    finally:
        if out is not None:
            out.close()
    return Copied(lines, "" if path else "".join(text).removesuffix("\n"), path)


def _create(folder: Path) -> tuple[Path, TextIO]:
    folder.mkdir(mode=0o700, exist_ok=True)
    for number in count(1):
        path = folder / f"log-{number}.txt"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        return path, os.fdopen(descriptor, "w", encoding="utf-8")
    raise AssertionError

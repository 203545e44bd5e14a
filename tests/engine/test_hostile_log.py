"""A line of 50 MB on its way to the log and to the screen: split, masked, obeyed by nothing."""

from __future__ import annotations

import secrets
from pathlib import Path

from runbook_app.adapters.log_chunks import LONGEST_LINE, SPLIT_MARK
from runbook_app.adapters.logs import SqliteLogReader, SqliteLogWriter
from runbook_app.engine.redaction import Redactor
from runbook_app.tui.view.loglines import LONGEST, shown

PIECE = 64 * 1024
SIZE = 50 << 20


def test_a_line_of_50_mb_is_stored_in_lines_that_can_be_shown_without_its_secrets(
    tmp_path: Path,
) -> None:
    secret = secrets.token_hex(16).encode()
    redactor = Redactor()
    redactor.register("PASSWORD", secret.decode())
    stream, writer = redactor.stream(), SqliteLogWriter(tmp_path / "logs.db")
    hostile = b"\x00\xff\x1b]52;c;aGk=\x07\x1b[2J[bold]" + bytes(PIECE - 100)
    fed = 0
    while fed < SIZE:
        for piece in (hostile, secret[:20], secret[20:]):
            writer.write("api", "s", stream.feed(piece))
            fed += len(piece)
    writer.write("api", "s", stream.close() + b"\nnext\n")
    writer.flush()
    reader = SqliteLogReader(tmp_path / "logs.db")
    lines = reader.lines(0, reader.count())
    reader.close()
    writer.close()
    assert lines[-1].text == "next"
    assert len(lines) == SIZE // LONGEST_LINE + 2
    assert all(len(line.text) <= LONGEST_LINE + len(SPLIT_MARK) for line in lines)
    label = "[secret:PASSWORD]"
    assert sum(line.text.count(label) for line in lines) >= fed // (PIECE - 32) - len(lines)
    for line in lines:
        assert secret.decode() not in line.text
        assert not {"\x00", "\x1b", "\x07"} & {*shown(line).text}
        assert len(shown(line).text) < LONGEST + 40

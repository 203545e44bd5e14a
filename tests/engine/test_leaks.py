"""A value is found however it was cut up on its way into a file."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runbook_app.adapters.session_record import stored_in
from runbook_app.engine.leaks import first_leak
from runbook_app.engine.redaction import Redactor
from runbook_app.ports.journal import Stored


def knowing(*values: str) -> Redactor:
    redactor = Redactor()
    for value in values:
        redactor.register("SECRET", value)
    return redactor


def pieces(data: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    return ((at, data[at : at + size]) for at in range(0, len(data), size))


@pytest.mark.parametrize("length", [8, 14, 15, 48, 400])
@pytest.mark.parametrize("size", [7, 100_000, 1 << 20])
def test_a_value_of_any_length_is_found_at_any_place(length: int, size: int) -> None:
    value = secrets.token_hex(200)[:length]
    for at in (0, 1, 13, (1 << 18) - 5, (1 << 18) + 3):
        data = b"-" * at + value.encode() + b"-" * 300_000
        one = Stored(Path("x"), "", pieces(data, size))
        found = first_leak([one], knowing(value, secrets.token_hex(16)))
        assert found is not None
        assert (found.place, found.secret) == (f"x, byte {at}", "SECRET")


def test_a_value_that_a_databases_pages_cut_up_is_found(tmp_path: Path) -> None:
    values = [secrets.token_hex(24) for _ in range(200)]
    with closing(sqlite3.connect(tmp_path / "logs.db")) as database, database:
        database.execute("CREATE TABLE chunks (first INTEGER PRIMARY KEY, body BLOB)")
        database.executemany(
            "INSERT INTO chunks (body) VALUES (?)",
            [(b"-" * 9000 + v.encode() + b"-" * 24 * n,) for n, v in enumerate(values)],
        )
    raw = (tmp_path / "logs.db").read_bytes()
    cut_up = [value for value in values if value.encode() not in raw]
    assert cut_up
    for value in cut_up:
        row = values.index(value) + 1
        found = first_leak(stored_in(tmp_path), knowing(value))
        assert found is not None
        assert f"chunks.body, row {row}, byte " in found.place


def test_a_deleted_row_is_found_too(tmp_path: Path) -> None:
    value = secrets.token_hex(24)
    with closing(sqlite3.connect(tmp_path / "logs.db")) as database:
        database.executescript(
            "PRAGMA secure_delete=OFF;"
            f"CREATE TABLE chunks (body BLOB); INSERT INTO chunks VALUES ('{value}');"
            "DELETE FROM chunks;"
        )
    found = first_leak(stored_in(tmp_path), knowing(value))
    assert found is not None
    assert found.place.startswith(f"{tmp_path / 'logs.db'}, byte ")

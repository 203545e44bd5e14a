"""Whatever stands in a row of the journal: it is read, or a journal error says which row is not."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain.entry import decode, encode
from runbook_app.domain.errors import JournalError
from runbook_app.domain.fold import fold
from runbook_app.domain.status import status_report
from runbook_app.testing.clock import FixedClock
from tests.domain.story import PLAN, complete
from tests.fuzzing import corpus, kept

BODIES = [encode(entry.body) for entry in complete().entries]
VALUES: list[Any] = [
    *(None, True, -1, 2**63, 10**30, 1e308, 0.5, "", "\0", "\x1b]52;c;\x07", "nothing", "9" * 300),
    *([], {}, [[]], {"type": "StepStarted"}, [None], {"": {"": []}}),
]


def survive(data: bytes) -> None:
    body, failure = None, ""
    try:
        body = decode(data)
    except JournalError as error:
        failure = error.message
    assert failure.startswith("A journal entry can't be read") == (body is None)
    assert body is None or decode(encode(body)) == body


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """The bytes of an event with some flipped, cut out or put in."""
    data = bytearray(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.integers(0, 2)):
            case 0 if data:
                data[place] ^= 1 << draw(st.integers(0, 7))
            case 1:
                del data[place : place + draw(st.integers(1, 200))]
            case _:
                data[place:place] = draw(st.binary(max_size=6))
    return bytes(data)


@st.composite
def altered(draw: st.DrawFn) -> bytes:
    """An event with values, keys or its tag replaced by something that JSON allows."""
    found: Any = json.loads(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(1, 3))):
        place = found
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = draw(st.sampled_from(keys))
            if not isinstance(place[key], dict | list) or draw(st.booleans()):
                place[key] = deepcopy(draw(st.sampled_from(VALUES)))
                break
            place = place[key]
    return json.dumps(found).encode()


@given(data=st.binary(max_size=200) | damaged() | altered())
def test_any_bytes_are_an_event_or_a_journal_error(data: bytes) -> None:
    with kept("events", data):
        survive(data)


@corpus("events")
def test_the_corpus_is_read_or_a_journal_error(data: bytes) -> None:
    survive(data)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a whole session's journal of which some rows hold something else."""
    folder = tmp_path_factory.mktemp("journal")
    sound = folder / "sound.db"

    async def write() -> None:
        made = SqliteJournal(sound, FixedClock())
        await made.append(*(entry.body for entry in complete().entries))
        made.close()

    asyncio.run(write())

    def change(column: str, rows: dict[int, object]) -> Path:
        path = folder / "journal.db"
        path.write_bytes(sound.read_bytes())
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            for seq, value in rows.items():
                kind = "BLOB" if column == "body" else "TEXT"
                connection.execute(
                    f"UPDATE entries SET {column} = CAST(? AS {kind}) WHERE seq = ?", (value, seq)
                )
        return path

    return change


def opens(path: Path, hostile: set[int]) -> None:
    """Hold that the other rows are read read-only, and which row is named otherwise."""
    with closing(SqliteJournal(path, FixedClock(), read_only=True)) as reading:
        found = reading.read()
        status_report(fold(found), PLAN, "2025-10-24T20:00:00.000Z")
        assert {entry.seq for entry in found} >= set(range(1, len(BODIES) + 1)) - hostile
        assert reading.verify() == min(hostile)
    failure = None
    with closing(SqliteJournal(path, FixedClock())) as writing:
        try:
            fold(writing.read())
        except JournalError as error:
            failure = error
    if failure is not None:
        assert any(failure.message.startswith(f"Entry {seq} of {path} can't") for seq in hostile)
        assert "read-only" in failure.hint


PLACES = st.sets(st.integers(1, len(BODIES)), min_size=1, max_size=3)
BOUNDED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(places=PLACES, data=st.binary(max_size=60) | damaged() | altered())
@BOUNDED
def test_a_session_with_hostile_rows_opens_read_only(
    journal: Callable[..., Path], places: set[int], data: bytes
) -> None:
    assume(data not in BODIES)
    with kept("events", data):
        opens(journal("body", dict.fromkeys(places, data)), places)


@corpus("events")
def test_a_session_with_the_corpus_in_it_opens_read_only(
    journal: Callable[..., Path], data: bytes
) -> None:
    for seq in (1, len(BODIES) // 2, len(BODIES)):
        opens(journal("body", {seq: data}), {seq})


@pytest.mark.parametrize("column", ["at", "kind", "previous", "hash"])
@pytest.mark.parametrize(
    "value",
    [
        *("", "nothing", "9999-99-99T99:99:99Z", "2026-01-01", "\0", "\x1b]52;c;\x07", "9" * 5000),
        b"\xff\xfe",
        b"\xc0\xaf",
    ],
)
def test_a_session_with_a_hostile_column_opens_read_only(
    journal: Callable[..., Path], column: str, value: str | bytes
) -> None:
    for seq in (1, len(BODIES) // 2):
        opens(journal(column, {seq: value}), {seq})

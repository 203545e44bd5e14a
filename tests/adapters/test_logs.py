"""The stored log: chunks, long lines, full disks, other writers, size."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import sqlite3
import threading
import time

import pytest

from runbook_app.adapters.log_chunks import CHUNK, LONGEST_LINE, SPLIT_MARK
from runbook_app.adapters.logs import SqliteLogReader, SqliteLogWriter
from runbook_app.domain.errors import JournalError
from runbook_app.testing.clock import FixedClock


@pytest.fixture
def path(tmp_path):
    return tmp_path / "logs.db"


@pytest.fixture
def writer(path):
    writer = SqliteLogWriter(path, FixedClock())
    yield writer
    writer.close()


@pytest.fixture
def reader(path):
    reader = SqliteLogReader(path)
    yield reader
    reader.close()


def chunks(path) -> list[tuple[int, int, int]]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT first, lines, length(body) FROM chunks ORDER BY first")
        found = rows.fetchall()
    connection.close()
    return found


def until(condition, seconds=30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        threading.Event().wait(0.005)


def test_lines_become_visible_without_a_flush(writer, reader):
    writer.write("api", "s", b"hello\n")
    until(lambda: reader.count() == 1)


def test_its_files_are_private_whatever_the_umask(path):
    before = os.umask(0o000)
    try:
        writer = SqliteLogWriter(path)
        writer.write("api", "s", b"hello\n")
        writer.flush()
        modes = {p.name: p.stat().st_mode & 0o777 for p in path.parent.iterdir()}
    finally:
        os.umask(before)
    writer.close()
    assert modes == {"logs.db": 0o600, "logs.db-wal": 0o600, "logs.db-shm": 0o600}


def test_many_lines_make_chunks_of_about_32_kb_that_end_where_lines_end(writer, reader, path):
    lines = [b"line %06d %s\n" % (n, b"x" * (n % 90)) for n in range(20_000)]
    writer.write("api", "s", b"".join(lines))
    writer.flush()
    stored = chunks(path)
    assert max(size for _, _, size in stored) <= CHUNK
    assert min(size for _, _, size in stored[:-1]) > CHUNK - 200
    assert sum(count for _, count, _ in stored) == len(lines) == reader.count()
    for number in (0, 1, 777, 19_998, 19_999):
        (line,) = reader.lines(number, 1)
        assert (line.number, line.text) == (number, lines[number].decode().rstrip("\n"))
    assert writer.digest("s") == hashlib.sha256(b"".join(lines)).hexdigest()


def test_a_window_across_chunks_is_whole(writer, reader):
    writer.write("api", "s", b"".join(b"%d\n" % n for n in range(50_000)))
    writer.flush()
    window = reader.lines(6_000, 10_000)
    assert [int(line.text) for line in window] == list(range(6_000, 16_000))


def test_a_search_over_chunks_agrees_with_a_plain_one(writer, path):
    source = random.Random(7)
    texts = [source.choice(["needle", "hay", "straw"]) + str(n) for n in range(30_000)]
    for turn in range(10):
        text = "".join(line + "\n" for line in texts[turn * 3_000 :][:3_000])
        writer.write("api" if turn % 3 else "db", f"s{turn % 2}", text.encode())
        writer.flush()
    reader = SqliteLogReader(path)
    hits = [n for n, text in enumerate(texts) if "needle" in text]
    for at in source.sample(range(30_000), 40):
        assert reader.find("needle", after=at) == next((n for n in hits if n > at), None)
        assert reader.find("needle", before=at) == next((n for n in hits[::-1] if n < at), None)
    assert reader.find("straw29999x") is None
    reader.close()
    alone = SqliteLogReader(path, step="s1")
    mine = [line.text for line in alone.lines(0, alone.count())]
    assert len(mine) == 15_000
    for at in source.sample(range(len(mine)), 40):
        expected = next((n for n in range(at + 1, len(mine)) if "needle" in mine[n]), None)
        assert alone.find("needle", after=at) == expected
        expected = next((n for n in range(at - 1, -1, -1) if "needle" in mine[n]), None)
        assert alone.find("needle", before=at) == expected
    alone.close()


def test_the_first_and_last_line_of_every_chunk_can_be_found(writer, reader, path):
    writer.write("api", "s", b"".join(b"line %06d\n" % n for n in range(20_000)))
    writer.flush()
    alone = SqliteLogReader(path, source="api")
    for first, count, _ in chunks(path):
        for number in (first, first + count - 1):
            for one in (reader, alone):
                assert one.find(f"line {number:06d}", after=-1) == number
                assert one.find(f"line {number:06d}", before=20_000) == number
    alone.close()


def test_a_reader_of_one_step_follows_what_is_added(writer, path):
    reader = SqliteLogReader(path, step="s")
    for number in range(5):
        writer.write("api", "s", b"mine %d\n" % number)
        writer.write("api", "other", b"not mine\n")
        writer.flush()
        assert reader.count() == number + 1
        assert [line.text for line in reader.lines(number, 9)] == [f"mine {number}"]
    reader.close()


@pytest.mark.parametrize("cut", [LONGEST_LINE * 2 + 10, 300_000])
def test_a_line_longer_than_a_megabyte_is_split_with_a_mark(writer, reader, cut):
    line = b"x" * (LONGEST_LINE * 2 + 10)
    for start in range(0, len(line), cut):
        writer.write("api", "s", line[start : start + cut])
    writer.write("api", "s", b"\nnext\n")
    writer.flush()
    mark = SPLIT_MARK.decode().rstrip("\n")
    texts = [line.text for line in reader.lines(0, 10)]
    assert [len(text.removesuffix(mark)) for text in texts] == [LONGEST_LINE, LONGEST_LINE, 10, 4]
    assert [text.endswith(mark) for text in texts] == [True, True, False, False]


def test_a_whole_line_longer_than_a_megabyte_is_split_as_well(writer, reader):
    writer.write("api", "s", b"a\n" + b"x" * (LONGEST_LINE + 500) + b"\nb\n")
    writer.flush()
    assert [len(line.text) for line in reader.lines(2, 5)] == [500, 1]
    assert reader.count() == 4


def test_a_line_of_just_a_megabyte_is_whole(writer, reader):
    writer.write("api", "s", b"x" * LONGEST_LINE + b"\n")
    writer.flush()
    assert [len(line.text) for line in reader.lines(0, 5)] == [LONGEST_LINE]


def test_many_small_writes_of_many_sources_share_chunks_and_lose_nothing(writer, reader, path):
    def fill(source: str) -> None:
        for number in range(3_000):
            writer.write(source, "s", b"%s %d\n" % (source.encode(), number))

    threads = [threading.Thread(target=fill, args=(f"c{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.flush()
    lines = reader.lines(0, 20_000)
    for source in ("c0", "c1", "c2", "c3"):
        own = [line.text for line in lines if line.source == source]
        assert own == [f"{source} {n}" for n in range(3_000)]
    assert len(chunks(path)) < 1_000


def test_closing_stores_open_lines_and_later_writes_are_refused(path, reader):
    writer = SqliteLogWriter(path)
    writer.write("api", "s", b"no end")
    writer.close()
    writer.close()
    assert [line.text for line in reader.lines(0, 5)] == ["no end"]
    with pytest.raises(JournalError, match="closed"):
        writer.write("api", "s", b"late\n")


def test_a_second_writer_goes_on_where_the_first_is(writer, path, reader):
    other = SqliteLogWriter(path)
    for number in range(10):
        (writer if number % 2 else other).write("api", "s", b"%d\n" % number)
        (writer if number % 2 else other).flush()
    other.close()
    assert [line.text for line in reader.lines(0, 20)] == [str(n) for n in range(10)]


def test_a_log_that_does_not_exist_yet_is_empty_and_then_read(path):
    reader = SqliteLogReader(path)
    assert (reader.count(), list(reader.lines(0, 5)), reader.find("x")) == (0, [], None)
    assert not path.exists()
    writer = SqliteLogWriter(path)
    writer.write("api", "s", b"x\n")
    writer.flush()
    assert reader.count() == 1
    writer.close()
    reader.close()
    assert reader.count() == 0


def test_a_full_disk_is_counted_and_said_and_the_caller_is_not_stopped(writer, reader, monkeypatch):
    class Full:
        in_transaction = False

        def execute(self, sql):
            raise sqlite3.OperationalError("database or disk is full")

        def close(self):
            pass

    writer.write("api", "s", b"before\n")
    writer.flush()
    with monkeypatch.context() as patch:
        patch.setattr(writer, "_connection", Full())
        for number in range(3):
            writer.write("api", "s", b"lost %d\n" % number)
            with pytest.raises(JournalError, match="Free space"):
                writer.flush()
        with pytest.raises(JournalError):
            writer.digest("s")
    assert writer.lost == 3
    for text in (b"after\n", b"later\n"):
        writer.write("api", "s", text)
        writer.flush()
    texts = [line.text for line in reader.lines(0, 10)]
    assert texts == [
        "before",
        "3 log lines could not be stored and are missing here",
        "after",
        "later",
    ]


def test_what_is_just_being_stored_is_waited_for(writer, monkeypatch):
    goes_on, store = threading.Event(), writer._store
    monkeypatch.setattr(writer, "_store", lambda runs: goes_on.wait(30) and store(runs))
    writer.write("api", "s", b"hello\n")
    until(lambda: writer._storing)
    found: list[str] = []
    asking = threading.Thread(target=lambda: found.append(writer.digest("s")))
    asking.start()
    asking.join(0.1)
    assert found == []
    goes_on.set()
    asking.join(30)
    assert found == [hashlib.sha256(b"hello\n").hexdigest()]


def test_a_full_queue_holds_its_caller_until_there_is_room(writer, reader):
    line = b"x" * 99 + b"\n"
    for _ in range(30):
        writer.write("api", "s", line * 10_000)
        assert writer._bytes <= 10 * 1024 * 1024
    writer.flush()
    assert reader.count() == 300_000


def test_reading_far_into_a_long_log_needs_little_memory(writer, reader):
    for _ in range(40):
        writer.write("api", "s", b"".join(b"%0100d\n" % n for n in range(10_000)))
    writer.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for first in range(0, 400_000, 1_000):
        assert len(reader.lines(first, 50)) == 50
    assert reader.find("no such text") is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000


def test_a_damaged_log_is_an_error_that_names_it(path):
    path.write_bytes(b"not a database, but long enough to be taken for one" * 50)
    with pytest.raises(JournalError, match=r"logs\.db could not be opened"):
        SqliteLogWriter(path)
    reader = SqliteLogReader(path)
    with pytest.raises(JournalError, match=r"logs\.db could not be read"):
        reader.count()
    reader.close()

"""What every log promises; the fake and the real one take the same tests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_app.adapters.logs import SqliteLogReader, SqliteLogWriter
from runbook_app.ports.journal import TRIED, LogLine, LogReader, LogWriter
from runbook_app.testing.clock import FixedClock
from runbook_app.testing.logs import MemoryLog
from runbook_app.tui.view.logquery import compiled


@dataclass
class Log:
    writer: LogWriter
    reader: LogReader

    def only(self, **wanted: str) -> list[LogLine]:
        self.writer.flush()
        part = self.reader.part(**wanted)
        try:
            return list(part.lines(0, part.count()))
        finally:
            part.close()

    def texts(self) -> list[str]:
        self.writer.flush()
        return [line.text for line in self.reader.lines(0, self.reader.count())]


@pytest.fixture(params=["memory", "sqlite"])
def log(request, tmp_path):
    if request.param == "memory":
        memory = MemoryLog()
        yield Log(memory, memory)
        return
    path = tmp_path / "logs.db"
    writer = SqliteLogWriter(path, FixedClock())
    reader = SqliteLogReader(path)
    yield Log(writer, reader)
    writer.close()
    reader.close()


def test_lines_carry_their_number_time_source_and_step(log):
    log.writer.write("api", "tls.one", b"first\nsecond\n")
    log.writer.flush()
    assert log.reader.count() == 2
    at = "2025-10-24T08:00:00.000Z"
    assert list(log.reader.lines(0, 9)) == [
        LogLine(0, at, "api", "tls.one", "first"),
        LogLine(1, at, "api", "tls.one", "second"),
    ]


def test_a_line_is_seen_when_it_is_whole(log):
    log.writer.write("api", "s", b"be")
    assert log.texts() == []
    log.writer.write("api", "s", b"gin\nopen")
    assert log.texts() == ["begin"]
    log.writer.finish("api", "s")
    log.writer.finish("api", "s")
    assert log.texts() == ["begin", "open"]


def test_a_finished_line_is_not_continued(log):
    log.writer.write("api", "s", b"one")
    log.writer.finish("api", "s")
    log.writer.write("api", "s", b"two\n")
    assert log.texts() == ["one", "two"]


def test_open_lines_of_different_sources_do_not_mix(log):
    log.writer.write("api", "s", b"a")
    log.writer.write("db", "s", b"b")
    log.writer.write("api", "s", b"A\n")
    log.writer.write("db", "s", b"B\n")
    assert log.texts() == ["aA", "bB"]


def test_empty_lines_count(log):
    log.writer.write("api", "s", b"\n\na\n\n")
    assert log.texts() == ["", "", "a", ""]


def test_a_few_lines_keep_the_order_in_which_they_came(log):
    for number in range(10):
        log.writer.write("api" if number % 2 else "db", "s", b"%d\n" % number)
    assert log.texts() == [str(number) for number in range(10)]


def test_bytes_that_are_no_text_are_shown_with_a_replacement(log):
    log.writer.write("api", "s", b"\xff ok\n")
    assert log.texts() == ["\ufffd ok"]


def test_escape_sequences_and_carriage_returns_stay(log):
    log.writer.write("api", "s", b"\x1b[31mred\x1b[0m\r\n")
    assert log.texts() == ["\x1b[31mred\x1b[0m\r"]


def test_lines_outside_the_log_are_none(log):
    log.writer.write("api", "s", b"a\nb\nc\n")
    log.writer.flush()
    assert [line.text for line in log.reader.lines(1, 1)] == ["b"]
    assert [line.text for line in log.reader.lines(-5, 6)] == ["a"]
    assert list(log.reader.lines(3, 5)) == []
    assert list(log.reader.lines(1, 0)) == []


def test_the_digest_is_over_the_stored_bytes_of_one_step(log):
    log.writer.write("api", "s", b"one\n")
    log.writer.write("api", "other", b"not this\n")
    log.writer.write("db", "s", b"two\nopen")
    log.writer.finish("db", "s")
    assert log.writer.digest("s") == hashlib.sha256(b"one\ntwo\nopen").hexdigest()
    assert log.writer.digest("none") == hashlib.sha256(b"").hexdigest()


def test_the_nearest_line_is_found_in_either_direction(log):
    log.writer.write("api", "s", b"hit 0\nno\nhit 2\nno\nhit 4\nHIT\n")
    log.writer.flush()
    find = log.reader.find
    assert find("hit") == 0
    assert find("hit", after=0) == 2
    assert find("hit", after=4) is None
    assert find("hit", before=4) == 2
    assert find("hit", before=0) is None
    assert find("hit", after=0, before=4) == 2
    assert find("hit", after=2, before=4) is None
    assert find("") is None
    assert find("no\nhit") is None


def test_a_regular_expression_is_tried_on_each_line_alone(log):
    log.writer.write("api", "s", "añb 1\nno\nANB 2\na".encode() + b"x" * TRIED + b"b\n")
    log.writer.flush()
    find = log.reader.find
    assert find(compiled("^a.b")) == 0
    assert find(compiled(r"1\s+no")) is None
    assert find(compiled("(?i)a[nñ]b"), after=0) == 2
    assert find(compiled("b$"), before=4) is None


def test_any_of_some_words_is_found_whatever_its_case(log):
    log.writer.write("api", "s", b"no\nan Error\n[CRIT] error\ncriteria\n")
    log.writer.flush()
    words = ("error", "[crit]")
    assert [n for _, numbers in log.reader.scan(words, 0) for n in numbers] == [1, 2]
    assert log.reader.find(words, after=1) == 2


@pytest.mark.parametrize("sought", ["hit", ("hit",), compiled("h.t")])
def test_a_scan_finds_every_line_once_and_says_how_far_it_came(log, sought):
    log.writer.write("api", "s", b"".join(b"hit\n" if n % 3 else b"no\n" for n in range(30_000)))
    log.writer.flush()
    found, searched = [], []
    for end, numbers in log.reader.scan(sought, 5):
        searched.append(end)
        found += numbers
    assert found == [n for n in range(5, 30_000) if n % 3]
    assert searched == sorted(set(searched))
    assert searched[-1] == 30_000
    assert list(log.reader.scan(sought, 30_000)) == []


def test_a_scan_of_one_source_counts_that_source_alone(log):
    for number in range(6):
        log.writer.write("api" if number % 2 else "db", "s", b"hit %d\n" % number)
    log.writer.flush()
    part = log.reader.part(source="api")
    assert [n for _, numbers in part.scan("hit", 0) for n in numbers] == [0, 1, 2]
    part.close()


def test_the_parts_of_a_log_are_its_sources_and_steps(log):
    assert log.reader.parts() == []
    log.writer.write("db", "two", b"a\n")
    log.writer.write("api", "one", b"b\nc\n")
    log.writer.flush()
    assert log.reader.parts() == [("api", "one"), ("db", "two")]


def test_one_step_or_source_can_be_read_alone_numbered_from_zero(log):
    for number in range(6):
        log.writer.write("api" if number % 2 else "db", f"s{number % 3}", b"%d\n" % number)
    log.writer.flush()
    assert [line.text for line in log.only(source="db")] == ["0", "2", "4"]
    assert [(line.number, line.text) for line in log.only(step="s0")] == [(0, "0"), (1, "3")]
    assert [line.text for line in log.only(step="s0", source="api")] == ["3"]


pieces = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.text(alphabet="xy\n", max_size=30)), max_size=30
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=pieces)
def test_no_line_is_lost_or_changed_however_the_bytes_are_cut(log, pieces):
    log.writer.flush()
    before = log.reader.count()
    for source, text in pieces:
        log.writer.write(source, "s", text.encode())
    for source in "ab":
        log.writer.finish(source, "s")
    log.writer.flush()
    new = log.reader.lines(before, 10_000)
    for source in "ab":
        whole = "".join(text for owner, text in pieces if owner == source)
        expected = whole.removesuffix("\n").split("\n") if whole else []
        assert [line.text for line in new if line.source == source] == expected
    assert [line.number for line in new] == list(range(before, log.reader.count()))

"""What the log's title says, and what is meant by a time, a search, a part and a copy."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from runbook_app.domain.errors import UsageError
from runbook_app.ports.journal import LogLine
from runbook_app.testing.logs import ListedLines
from runbook_app.tui import log_rows
from runbook_app.tui.log_copy import CLIPBOARD, take
from runbook_app.tui.log_rows import LogRows, Search
from runbook_app.tui.view.loglines import MARKED, occurrences, plain
from runbook_app.tui.view.logquery import (
    ERRORS,
    WARNINGS,
    WHOLE,
    Part,
    Place,
    Query,
    compiled,
    moment,
    parts,
    status,
)
from runbook_app.tui.view.words import text_of
from tests.tui import stage

PLACE = Place(count=1200, below=0, following=True)
HELD = replace(PLACE, below=200, following=False)
LAST = "2025-10-24T09:12:30.500Z"


def lines(*texts: str) -> ListedLines:
    return ListedLines([LogLine(n, stage.NOW, "api", "s", text) for n, text in enumerate(texts)])


def searched(reader: ListedLines, query: Query) -> LogRows:
    rows = LogRows(reader)
    rows.recount()
    rows.search = Search(reader, query)
    rows.search.go_on()
    return rows


@pytest.mark.parametrize(
    ("place", "title"),
    [
        (PLACE, "Log · following · 1,200 lines"),
        (HELD, "Log · ‖ HELD, 200 below, f follows · 1,200 lines"),
        (replace(HELD, marked=3, wrap=True), "3 marked, y copies · wrapped"),
        (replace(PLACE, part=Part("nginx", source="nginx")), "Log · nginx · following"),
        (replace(HELD, query=Query("GET"), hits=12, hit=3), "search GET, 3 of 12 ·"),
        (replace(HELD, query=Query("GET"), missed=True), "NOT FOUND: GET, 0 ·"),
        (
            replace(PLACE, query=Query("a+", regex=True), only_hits=True, hits=9, share=0.5),
            "only /a+/, 9… 50% ·",
        ),
        (replace(PLACE, query=Query("a"), hits=9, unmarked=True), "search a, 9, not marked: too"),
        (replace(PLACE, query=ERRORS), "search errors, 0"),
    ],
)
def test_the_title_says_what_is_seen_and_whether_it_moves(place: Place, title: str):
    assert title in text_of(status(place))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("9:12", "2025-10-24T09:12:00"),
        (" 09:12:31 ", "2025-10-23T09:12:31"),
        ("23:59", "2025-10-23T23:59:00"),
        ("2025-10-20T10:00", "2025-10-20T10:00:00.000Z"),
        ("2025-10-20T10:00:00+02:00", "2025-10-20T08:00:00.000Z"),
    ],
)
def test_a_time_of_day_is_the_newest_one_of_the_log(text: str, time: str):
    assert moment(text, LAST) == time


@pytest.mark.parametrize("text", ["", "noon", "25:00", "2025-13-01T00:00", "1:2:3:4"])
def test_what_is_no_time_is_refused_with_the_forms(text: str):
    with pytest.raises(UsageError, match="write 09:11"):
        moment(text, LAST)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(a", r"\(a can't be searched for as a regular expression: missing \)"),
        (r"(a)\1", "backreferences are not known here"),
        ("(?=a)b", "invalid perl operator"),
        ("(?:a{1000}){1000}", "invalid repetition size"),
        ("[\\p{L}]{900}", "pattern too large"),
        ("\ud800", "surrogates not allowed"),
    ],
)
def test_what_can_not_be_matched_in_time_or_at_all_is_refused_with_the_way_out(
    text: str, reason: str
):
    with pytest.raises(UsageError, match=reason) as caught:
        _ = Query(text, regex=True).sought
    assert "plain text with ctrl+r" in str(caught.value)
    assert Query(text).sought == text


@pytest.mark.parametrize("text", ["(a+)+$", "(a|aa)+$", "(.*)*x$", "(x+x+)+y", "^(a|b|ab)*c$"])
def test_no_expression_backtracks_without_end(text: str):
    reader = lines("a" * 7_999 + "b", "a" * 7_999)
    sought = Query(text, regex=True).sought
    found = [n for _, numbers in reader.scan(sought, 0) for n in numbers]
    assert found == ([1] if text in ("(a+)+$", "(a|aa)+$") else [])
    assert [len(occurrences(line.text, sought)) for line in reader.stored] == [0, len(found)]


def test_a_line_is_marked_in_so_many_places_and_no_more():
    assert len(occurrences("a" * 8_000, compiled("a"))) == MARKED
    assert occurrences("b" * 8_000, compiled("a*")) == []


def test_marking_that_holds_up_the_screen_is_left_out_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(log_rows, "_MARKING", -1.0)
    search = Search(lines("a"), Query("a", regex=True))
    assert search.marks("a") == [(0, 1)]
    assert search.marks("a") == []
    assert search.unmarked


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("2025/10/24 [error] 7#7: upstream", ERRORS),
        ("FATAL:  password authentication failed", ERRORS),
        ("ValueError: no", ERRORS),
        ("Traceback (most recent call last):", ERRORS),
        ("WARNING: deprecated", WARNINGS),
        ("GET /health 200; success criteria hold", None),
    ],
)
def test_a_level_is_told_by_words(text: str, level: Query | None):
    found = [query for query in (ERRORS, WARNINGS) if lines(text).find(query.sought) is not None]
    assert found[:1] == ([level] if level else [])
    for query in found:
        assert occurrences(text, query.sought)


def test_places_of_a_regular_expression_leave_out_empty_ones():
    assert occurrences("ab aab", compiled("a*")) == [(0, 1), (3, 5)]


def test_parts_are_steps_with_lines_the_selected_first_then_sources():
    stored = [("nginx", "tls.test"), ("api", "tls.nginx"), ("engine", "")]
    found = parts(stage.make_plan(), stored, "tls.test")
    assert found[0] == WHOLE
    assert [part.step for part in found[1:3]] == ["tls.test", "tls.nginx"]
    assert found[1].kind == "step 2.4 tls.test"
    assert [part.source for part in found[3:]] == ["api", "engine", "nginx"]


def test_a_cancelled_search_goes_no_further():
    reader = lines(*["hit"] * 3_000)
    search = Search(reader, Query("hit"))
    pages = reader.scan("hit", 0)

    def scan(*_: object):
        yield next(pages)
        search.cancel()
        yield from pages

    reader.scan = scan  # type: ignore[assignment,method-assign]
    search.go_on()
    assert (search.searched, len(search.hits)) == (1_000, 1_000)


def test_a_search_goes_on_with_lines_that_arrive():
    reader = lines("hit", "no", "hit")
    rows = searched(reader, Query("hit"))
    reader.stored.append(LogLine(3, stage.NOW, "api", "s", "hit"))
    assert rows.search
    rows.search.go_on()
    assert list(rows.search.hits) == [0, 2, 3]


def test_rows_of_a_filter_are_its_hits():
    rows = searched(lines("a 0", "b 1", "a 2", "b 3", "a 4"), Query("a"))
    rows.only_hits = True
    assert rows.count() == 3
    assert [line.text for line in rows.read(0, 9)] == ["a 0", "a 2", "a 4"]
    assert (rows.number(1), rows.row_of(3), rows.hits_to(3)) == (2, 2, 2)


def test_a_copied_line_is_whole_safe_and_has_no_borders():
    line = LogLine(0, LAST, "api", "s", "a\t\x1b]52;c;eA==\x07" + "x" * 9_000)
    assert plain(line, head=False) == "a\t␛]52;c;eA==␇" + "x" * 9_000
    assert plain(line, head=True).startswith(f"{LAST} api a\t␛]52")


def test_a_copy_that_fits_is_text_and_writes_no_file(tmp_path: Path):
    copied = take([lines("one", "two").stored], tmp_path, head=False)
    assert (copied.lines, copied.text, copied.file) == (2, "one\ntwo", None)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_is_too_long_is_a_private_file_with_every_line(tmp_path: Path):
    reader = lines(*["x" * 100] * (CLIPBOARD // 100 + 50))
    for number in (1, 2):
        copied = take(LogRows(reader).pages(0, reader.count()), tmp_path, head=False)
        assert copied.file == tmp_path / "copies" / f"log-{number}.txt"
        assert copied.text == ""
        assert copied.file.read_text().splitlines() == ["x" * 100] * copied.lines
        assert copied.lines == reader.count()
        assert stat.S_IMODE(copied.file.stat().st_mode) == 0o600
        assert stat.S_IMODE(copied.file.parent.stat().st_mode) == 0o700


def test_a_copy_that_cannot_be_written_says_where(tmp_path: Path):
    (tmp_path / "copies").write_text("in the way")
    with pytest.raises(UsageError, match="copies"):
        take([lines("x" * CLIPBOARD).stored], tmp_path, head=False)

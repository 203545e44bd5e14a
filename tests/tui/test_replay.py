"""A session told again in the same screens, at any moment of it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from textual.pilot import Pilot

from runbook_app.domain import events as ev
from runbook_app.domain.entry import Entry
from runbook_app.domain.fold import fold
from runbook_app.domain.state import SessionState, StepStatus
from runbook_app.engine.replay import LogUntil, ReplayedSession
from runbook_app.ports.journal import LogLine
from runbook_app.testing.logs import ListedLines
from runbook_app.testing.session import FakeSession
from runbook_app.tui.app import RunbookApp
from runbook_app.tui.replayer import FRAME, WHOLE, Replayer
from runbook_app.tui.view.clocks import slider
from runbook_app.tui.view.words import text_of
from tests.tui import stage
from tests.tui.screen import press, session_screen, text, until_shown

EARLY, LATE = "2025-10-24T08:00:00.000Z", "2025-10-24T23:00:00.000Z"


def lines() -> list[LogLine]:
    return [LogLine(0, EARLY, "step", "", "first"), LogLine(1, LATE, "step", "", "second")]


@pytest.fixture
def replay(session: FakeSession) -> ReplayedSession:
    stage.tls_failed(session)
    session.emit(ev.NoteAdded(text="the end", by="op"), at=LATE)
    entries = session._entries
    return ReplayedSession("s", session.folder, session.plan, entries, ListedLines(lines()))


Open = Callable[[ReplayedSession], AbstractAsyncContextManager[Pilot[int]]]


@pytest.fixture
def shown() -> Open:
    @asynccontextmanager
    async def open_screen(replay: ReplayedSession) -> AsyncIterator[Pilot[int]]:
        app = RunbookApp(replay, replay.now)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await pilot.pause()
            yield pilot

    return open_screen


def test_it_goes_on_and_back_to_the_same_states(replay: ReplayedSession):
    seen = []
    for position in range(1, replay.last + 1):
        replay.go(position)
        seen.append((replay.state.seq, replay.state.hash, len(replay.state.notes)))
    for position in range(replay.last, 0, -1):
        replay.go(position)
        assert (replay.state.seq, replay.state.hash, len(replay.state.notes)) == seen[position - 1]
    replay.go(-5)
    assert replay.position == 1
    replay.go(10_000)
    assert replay.position == replay.last


def test_any_jump_gives_the_state_that_folding_from_the_beginning_gives(
    session: FakeSession, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("runbook_app.engine.replay.NEAREST", 4)
    stage.tls_unknown(session)
    session.emit(ev.NoteAdded(text="the end", by="op"))
    entries = session._entries
    replay = ReplayedSession("s", session.folder, session.plan, entries, ListedLines(lines()))
    chance = random.Random(6)
    for _ in range(300):
        position = chance.randint(1, replay.last)
        replay.go(position)
        assert (replay.position, replay.state) == (position, fold(entries[:position]))
    replay.go(replay.last)
    assert sorted(replay._kept) == [*range(4, replay.last + 1, 4)]


def test_going_back_folds_no_more_than_lies_between_two_copies(
    session: FakeSession, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("runbook_app.engine.replay.NEAREST", 4)
    folded: list[int] = []

    def counting(entries: Sequence[Entry], state: SessionState) -> SessionState:
        folded.append(len(entries))
        return fold(entries, state)

    monkeypatch.setattr("runbook_app.engine.replay.fold", counting)
    entries = stage.tls_failed(session)._entries
    replay = ReplayedSession("s", session.folder, session.plan, entries, ListedLines(lines()))
    replay.go(replay.last)
    folded.clear()
    for position in range(replay.last - 1, 0, -1):
        replay.go(position)
    assert max(folded) < 4
    folded.clear()
    replay.go(replay.last)
    assert sum(folded) < 4


def test_marks_are_where_something_begins_or_turns(replay: ReplayedSession):
    replay.go(replay.last)
    replay.go_to_mark(-1)
    assert isinstance(replay._entries[replay.position - 1].body, ev.StepFailed)
    failed = replay.position
    replay.go_to_mark(1)
    assert replay.position == replay.last
    replay.go_to_mark(-1)
    replay.go_to_mark(-1)
    assert replay.position < failed
    assert replay.state.step("tls.test").status is StepStatus.RUNNING


class Bare:
    """Of a replay, what moves it."""

    def __init__(self, last: int) -> None:
        self.position, self.last = 1, last

    def go(self, position: int) -> None:
        self.position = min(position, self.last)


@pytest.mark.parametrize("last", [1, 2, 599, 601, 850, 1_499, 20_000])
def test_a_whole_record_is_played_within_a_minute(last: int):
    player = Replayer(Bare(last), lambda: None)
    player.play()
    frames = 0
    while player.playing:
        player.tick()
        frames += 1
    assert frames * FRAME <= WHOLE
    assert player._replay.position == last


def test_a_time_is_the_last_entry_of_it_or_before(replay: ReplayedSession):
    replay.go_to_time("2025-10-24T22:00:00Z")
    assert replay.position == replay.last - 1
    replay.go_to_time(LATE)
    assert replay.position == replay.last
    replay.go_to_time("1999-01-01T00:00:00Z")
    assert replay.position == 1


async def test_an_engine_is_alive_as_far_as_the_record_says(replay: ReplayedSession):
    assert not replay.engine_alive()
    replay.go(replay.last - 1)
    assert replay.engine_alive()
    replay.go(replay.last)
    assert not replay.engine_alive()
    assert [entry.seq for entry in await replay.changes(0.1)] == [replay.last]
    assert await replay.changes(0.01) == []


def test_only_lines_of_that_time_or_before_are_seen():
    now = EARLY
    log = LogUntil(ListedLines(lines()), lambda: now)
    assert (log.count(), [line.text for line in log.lines(0, 9)]) == (1, ["first"])
    assert log.find("second") is None
    assert log.find("s", before=9) == 0
    assert list(log.scan("s", 0)) == [(1, [0])]
    now = LATE
    assert (log.count(), log.find("second")) == (2, 1)
    assert log.part(source="step").count() == 2


def test_the_slider_stands_where_the_entry_is():
    ends = [text_of(slider(position, 100, 40)) for position in (1, 50, 100)]
    assert [row.index("●") for row in ends] == [0, 11, 22]
    assert {len(row) for row in ends} <= {38, 39, 40}
    assert "entry 100 of 100" in ends[2]


async def test_keys_move_it_and_nothing_can_be_done(replay: ReplayedSession, shown: Open):
    async with shown(replay) as pilot:
        assert "▷ REPLAY" in text(pilot)
        assert "LIVE" not in text(pilot)
        for _ in range(replay.last):
            await press(pilot, ">")
        await until_shown(pilot, f"entry {replay.last} of {replay.last}")
        await until_shown(pilot, "second")
        await press(pilot, "<")
        await until_shown(pilot, "/health answered 502, expected 200.")
        assert "second" not in text(pilot)
        await press(pilot, "(")
        await until_shown(pilot, f"entry {replay.position} of")
        await press(pilot, "r")
        await until_shown(pilot, "You are watching read-only.")
        await press(pilot, "question_mark")
        await until_shown(pilot, "To where something begins or turns next")


async def test_it_plays_to_its_end_and_begins_again(replay: ReplayedSession, shown: Open):
    async with shown(replay) as pilot:
        await press(pilot, "space")
        await until_shown(pilot, f"entry {replay.last} of {replay.last}")
        await pilot.pause(0.2)
        assert not session_screen(pilot).replayer.playing
        await press(pilot, "space")
        assert session_screen(pilot).replayer.playing
        assert replay.position < replay.last
        await press(pilot, "space")
        assert not session_screen(pilot).replayer.playing


async def test_a_replay_s_keys_are_none_of_a_session_s(session: FakeSession):
    app = RunbookApp(stage_started(session), now=lambda: stage.NOW)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await press(pilot, ">")
        await until_shown(pilot, "a key of a replay")
        await press(pilot, "question_mark")
        await until_shown(pilot, "Acts at once.")
        assert "To where something begins or turns next" not in text(pilot)


def stage_started(session: FakeSession) -> FakeSession:
    stage.started(session)
    session.refresh()
    return session

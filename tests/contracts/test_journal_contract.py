"""What every journal promises; the fake and the real one take the same tests."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain.commands import Pause
from runbook_app.domain.entry import GENESIS, chain, encode
from runbook_app.domain.errors import JournalError
from runbook_app.domain.events import CheckFinished, NoteAdded, StepStarted
from runbook_app.domain.measure import Verdict
from runbook_app.testing.clock import FixedClock
from runbook_app.testing.journal import MemoryJournal


@pytest.fixture(params=["memory", "sqlite"])
def journal(request, tmp_path):
    clock = FixedClock()
    made = (
        MemoryJournal(clock)
        if request.param == "memory"
        else SqliteJournal(tmp_path / "journal.db", clock)
    )
    yield made
    made.close()


def note(text: str) -> NoteAdded:
    return NoteAdded(text=text, by="ada")


def started(**parameters: object) -> StepStarted:
    return StepStarted(item="tls", step="tls.one", attempt=1, parameters=parameters)


async def test_entries_count_from_one_and_chain_onto_each_other(journal):
    first, second = await journal.append(note("a"), note("b"))
    (third,) = await journal.append(note("c"))
    assert [first.seq, second.seq, third.seq] == [1, 2, 3]
    assert [first.previous, second.previous, third.previous] == [GENESIS, first.hash, second.hash]
    assert third.hash == chain(second.hash, 3, third.at, encode(note("c")))


async def test_an_entry_is_stamped_with_the_clock_in_utc(journal):
    (entry,) = await journal.append(note("a"))
    assert entry.at == "2025-10-24T08:00:00.000Z"


async def test_what_was_appended_is_what_is_read(journal):
    pause = Pause(id="c1", by="ada", epoch=1, seen=0, expires="2025-10-24T09:00:00Z")
    appended = await journal.append(note("ü\u2028\0"), started(list=(1, 2), number=0.1), pause)
    assert journal.read() == appended
    assert [entry.is_command for entry in appended] == [False, False, True]


async def test_reading_goes_on_after_a_number_and_stops_at_the_limit(journal):
    await journal.append(*[note(str(n)) for n in range(10)])
    assert [entry.seq for entry in journal.read(after=4, limit=3)] == [5, 6, 7]
    assert journal.read(after=10) == []


async def test_the_tip_is_the_newest_entry(journal):
    assert journal.tip() == (0, GENESIS)
    entries = await journal.append(note("a"), note("b"))
    assert journal.tip() == (2, entries[1].hash)


async def test_appending_nothing_changes_nothing(journal):
    assert await journal.append() == []
    assert journal.tip() == (0, GENESIS)


@pytest.mark.parametrize(
    "body",
    [
        started(thing=object()),
        started(text="\ud800"),
        CheckFinished(
            item="i",
            section="success",
            line="l",
            title="t",
            verdict=Verdict.PASSED,
            seconds=math.nan,
        ),
    ],
    ids=["no JSON", "no Unicode", "not readable again"],
)
async def test_what_cannot_be_written_and_read_again_is_refused_with_all_its_company(journal, body):
    with pytest.raises(JournalError):
        await journal.append(note("before"), body)
    assert journal.read() == []


async def test_appends_at_once_each_stay_in_order_and_leave_no_gap(journal):
    async def writer(name: str) -> list[int]:
        seqs = []
        for number in range(20):
            pair = await journal.append(note(f"{name} {number}"), note(f"{name} {number}'"))
            assert pair[1].seq == pair[0].seq + 1
            seqs += [entry.seq for entry in pair]
        return seqs

    results = await asyncio.gather(*(writer(str(n)) for n in range(8)))
    assert all(seqs == sorted(seqs) for seqs in results)
    assert sorted(seq for seqs in results for seq in seqs) == list(range(1, 321))
    assert journal.verify() is None


async def test_a_refused_append_does_not_touch_its_neighbours(journal):
    outcomes = await asyncio.gather(
        journal.append(note("a")),
        journal.append(started(thing=object())),
        journal.append(note("b")),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], JournalError)
    assert [entry.body for entry in journal.read()] == [note("a"), note("b")]


async def test_a_sound_chain_verifies_also_when_empty(journal):
    assert journal.verify() is None
    await journal.append(note("a"), note("b"))
    assert journal.verify() is None


async def test_nothing_is_appended_after_closing(journal):
    journal.close()
    with pytest.raises(JournalError):
        await journal.append(note("late"))
    journal.close()


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(texts=st.lists(st.text(), max_size=20))
def test_any_text_comes_back_and_the_chain_holds(journal, texts):
    async def append() -> None:
        after = journal.tip()[0]
        bodies = [note(text) for text in texts]
        await journal.append(*bodies)
        assert [entry.body for entry in journal.read(after)] == bodies

    asyncio.run(append())
    assert journal.verify() is None

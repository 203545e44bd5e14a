"""What is printed: plain, safe, and complete for programs."""

from __future__ import annotations

import io
import json

import msgspec
import pytest

from runbook_app.domain import events as ev
from runbook_app.domain.blast import Affected
from runbook_app.domain.forecast import Forecast
from runbook_app.domain.measure import Progress
from runbook_app.headless.colour import wants_colour
from runbook_app.headless.driver import Driver, Scope
from runbook_app.headless.feed import announce
from runbook_app.headless.forecast import forecast_lines
from runbook_app.headless.interrupts import Interrupts
from runbook_app.headless.lines import Narrator
from runbook_app.headless.printer import JsonPrinter, LinePrinter
from runbook_app.ports.journal import LogLine
from tests.domain.story import PLAN, Story, checked, complete, measured

from .stage import Show, Stage, done

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m\rfake"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(story: Story, *, colour: bool = False) -> str:
    out = io.StringIO()
    printer = LinePrinter(out, out, story.plan, colour=colour)
    for entry in story.entries:
        printer.entry(entry)
    return out.getvalue()


def test_an_answer_that_goes_against_the_check_is_printed_as_such() -> None:
    said = ev.UnknownResolved(
        item="tls",
        step="tls.test",
        answer=Progress.DONE,
        by="anna",
        found=Progress.NOT_DONE,
        evidence="port 8001 refused",
    )
    found = ev.UnknownExamined(
        item="tls", step="tls.test", progress=said.found, evidence=said.evidence
    )
    text = printed(Story().tell(found, said))
    assert "  its check finds it not done: port 8001 refused\n" in text
    assert "Test HTTPS access: anna says that it is done, AGAINST its check\n" in text


def test_live_rehearsal_and_dry_run_can_be_told_apart_by_their_first_line() -> None:
    story = Story()
    started = story.entries[0].body
    assert isinstance(started, ev.SessionStarted)
    copied = msgspec.structs.replace(started, copy_of="/srv/shop")
    heads = []
    for begin in (started, copied):
        narrator = Narrator(PLAN)
        heads.append(narrator.tell(begin, "")[0].text)
    foreseen = Forecast(plan="p", title="Phase 1", version="1", target="/srv/staging", items=())
    heads.append(next(forecast_lines(foreseen)).text)
    assert heads == [
        "session s1: Phase 1 Security Hardening on /srv/staging",
        "REHEARSAL on a copy of /srv/shop, session s1: Phase 1 Security Hardening on /srv/staging",
        "DRY RUN of Phase 1 1 on /srv/staging",
    ]


def test_a_step_shows_its_time_beside_the_plans_and_what_it_measured() -> None:
    text = printed(complete())
    assert "08:00:00 session s1: Phase 1 Security Hardening on /srv/staging" not in text
    assert "session s1: Phase 1 Security Hardening on /srv/staging" in text
    assert "step 2.1 Generate TLS certificates: succeeded in 4s (planned 5m)" in text
    assert "P95: 41.3 ms (limit <= 100 ms)" in text
    assert "item 2 TLS/HTTPS Enforcement: committed as cccccccccccc" in text


def test_an_assumed_confirmation_is_not_printed_as_a_confirmation() -> None:
    assert "TLS guide reviewed: assumed (--yes, anna)" in printed(complete(assumed=True))
    assert "TLS guide reviewed: confirmed by anna" in printed(complete())


@pytest.mark.parametrize(
    ("assumed", "who"), [(False, "confirmed by anna"), (True, "assumed (--yes, anna)")]
)
def test_a_blast_radius_is_printed_with_who_confirmed_it(assumed: bool, who: str) -> None:
    thing = Affected(kind="role", name="accounts", how="gets another password")
    story = Story().tell(
        ev.BlastRadiusConfirmed(
            item="tls", step="tls.apply", affected=(thing,), by="anna", assumed=assumed
        )
    )
    text = printed(story)
    assert f"blast radius {who}" in text
    assert "  role accounts gets another password" in text


def test_a_handover_brief_is_printed_with_its_author() -> None:
    story = Story().tell(ev.BriefWritten(by="zoe", lines=("Item: 2 - TLS", "Undo by: 19:50 UTC")))
    text = printed(story)
    assert "where we are, written by zoe:" in text
    assert "  Undo by: 19:50 UTC" in text


def test_nothing_of_the_target_reaches_the_terminal_unseen() -> None:
    story = Story()
    story.step("headers.measure", 1.0, measured(HOSTILE, 1))
    story.tell(
        checked("headers", "every-answer", evidence=HOSTILE),
        ev.NoteAdded(text=HOSTILE, by=HOSTILE),
        ev.QuestionAsked(id="q", item="tls", step="", kind="text", text=HOSTILE),
    )
    text = printed(story)
    assert not {"\x1b", "\x07", "\u202e", "\x9b", "\r"} & set(text)
    log = io.StringIO()
    printer = LinePrinter(log, log, PLAN, colour=False)
    printer.log(LogLine(0, "2025-10-24T08:00:00.000Z", HOSTILE, "", HOSTILE))
    printer.say(HOSTILE)
    assert not {"\x1b", "\x07", "\u202e", "\x9b", "\r"} & set(log.getvalue())


def test_colours_only_on_a_terminal_that_wants_them() -> None:
    assert wants_colour(Terminal(), {})
    assert not wants_colour(io.StringIO(), {})
    assert not wants_colour(Terminal(), {"NO_COLOR": "1"})
    assert not wants_colour(Terminal(), {"TERM": "dumb"})
    assert "\x1b[" not in printed(complete())
    assert "\x1b[32m" in printed(complete(), colour=True)


def test_the_same_status_report_is_printed_once() -> None:
    report = ev.StatusReported(
        started="Item 1", current="x", status=(), next="y", estimated_completion="z"
    )
    text = printed(Story().tell(report, ev.NothingLeft(), report))
    assert text.count("Started: Item 1") == 1


async def test_json_is_one_event_a_line_and_nothing_else() -> None:
    session = Stage(*done())
    out, err = io.StringIO(), io.StringIO()
    printer = JsonPrinter(out, err)
    announce(session, printer)
    session.logs.add("a log line")
    await Driver(session, printer, Scope(unattended=True), Interrupts()).run()
    lines = [json.loads(text) for text in out.getvalue().splitlines()]
    assert [entry["type"] for entry in lines][:3] == [
        "SessionStarted",
        "EngineStarted",
        "CommandAccepted",
    ]
    assert all(entry["at"].endswith("Z") for entry in lines)
    assert all(isinstance(entry["seq"], int) for entry in lines)
    assert "Done." in err.getvalue()
    assert out.getvalue().isascii()


@pytest.mark.parametrize(
    ("logs", "printed"),
    [("steps", ["| step: apt"]), ("all", ["| nginx: GET", "| step: apt"]), ("none", [])],
)
async def test_log_lines_are_streamed_as_far_as_wanted(logs: str, printed: list[str]) -> None:
    session = Stage(*done())
    show = Show(session, logs=logs)
    driver = Driver(session, show.printer, Scope(unattended=True), show.interrupts)
    session.logs.add("GET", source="nginx")
    session.logs.add("apt", source="step")
    await driver.run()
    assert [line[9:].strip() for line in show.printed.splitlines() if "|" in line] == printed


async def test_log_lines_from_before_are_not_printed_again() -> None:
    session = Stage(*done())
    session.logs.add("old news")
    show = Show(session)
    driver = Driver(session, show.printer, Scope(unattended=True), show.interrupts)
    session.logs.add("fresh news")
    await driver.run()
    assert "fresh news" in show.printed
    assert "old news" not in show.printed

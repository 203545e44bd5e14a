"""The diff page: compared beside the screen, for the selected item, and anew when asked."""

from __future__ import annotations

import pytest

from runbook_app.domain import events as ev
from runbook_app.ports.session import Change
from runbook_app.testing.session import FakeSession
from runbook_app.tui.view.diff import diff_page
from runbook_app.tui.view.words import Tone
from tests.tui import stage
from tests.tui.conftest import Open
from tests.tui.screen import press, until_shown

FILE = Change(
    kind="file",
    name="nginx.conf",
    text="--- nginx.conf before\n+++ nginx.conf now\n@@ -1 +1,2 @@\n worker 1;\n+tls on;",
)
DATABASE = Change(kind="database", name="accounts", text="-setting:ssl = off\n+setting:ssl = on")


@pytest.fixture
def changed(session: FakeSession) -> FakeSession:
    stage.tls_failed(session)
    session.changed = [FILE, DATABASE]
    return session


def test_each_line_says_by_sign_and_tone_whether_it_came_or_went(session: FakeSession):
    rows = diff_page(session.plan.items[1], [FILE, DATABASE], "")
    tones = {row[0][0]: row[0][1] for row in rows if len(row) == 1}
    assert tones["+tls on;"] is Tone.GOOD
    assert tones["-setting:ssl = off"] is Tone.BAD
    assert tones[" worker 1;"] is Tone.PLAIN
    assert (("settings, roles and schema ", Tone.DIM), ("accounts", Tone.STRONG)) in rows


async def test_the_selected_item_is_compared_once_until_it_is_asked_for_again(
    changed: FakeSession, opened: Open
):
    async with opened(changed) as pilot:
        await press(pilot, "d")
        await until_shown(pilot, "+tls on;")
        assert changed.compared == ["tls"]
        changed.changed = []
        await press(pilot, "u")
        await until_shown(pilot, "Nothing that this item captured has changed since.")
        await press(pilot, "]")
        await until_shown(pilot, "3 Database hardening")
        assert changed.compared == ["tls", "tls", "database"]


async def test_what_is_being_compared_is_not_asked_for_again(changed: FakeSession, opened: Open):
    changed.may_compare.clear()
    async with opened(changed) as pilot:
        await press(pilot, "d")
        await until_shown(pilot, "comparing what was captured")
        changed.emit(ev.NoteAdded(text="meanwhile", by="op"))
        await press(pilot, "]", "[")
        changed.may_compare.set()
        await until_shown(pilot, "+tls on;")
        assert changed.compared.count("tls") == 1


async def test_why_it_can_t_be_compared_is_shown_and_the_screen_goes_on(
    changed: FakeSession, opened: Open
):
    changed.not_compared = "No Docker engine answers."
    async with opened(changed) as pilot:
        await press(pilot, "d")
        await until_shown(pilot, "No Docker engine answers.")
        changed.not_compared = ""
        await press(pilot, "u")
        await until_shown(pilot, "+setting:ssl = on")


async def test_an_observer_may_compare(changed: FakeSession, opened: Open):
    changed.read_only = True
    async with opened(changed) as pilot:
        await press(pilot, "d")
        await until_shown(pilot, "+tls on;")

"""The folders of sessions."""

from __future__ import annotations

import os

import pytest

from runbook_app.adapters.sessions import SessionFolders
from runbook_app.domain.errors import EnvironmentLacks, UsageError
from runbook_app.testing.clock import FixedClock


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def sessions(tmp_path, clock):
    return SessionFolders(tmp_path / "home", clock)


def begun(sessions, target, plan="phase1-security-hardening"):
    """A session with a journal."""
    folder = sessions.create(plan, target, title="Phase 1")
    (folder / "journal.db").touch()
    return folder


def test_an_id_is_readable_and_sorts_by_time(sessions, clock, tmp_path):
    first = sessions.create("phase1-security-hardening", tmp_path)
    clock.advance(1)
    second = sessions.create("tls", tmp_path)
    assert first.name.startswith("20251024-080000-phase1-security-hardening-")
    assert second.name.startswith("20251024-080001-tls-")
    assert first.name < second.name


@pytest.mark.parametrize(
    ("plan", "part"),
    [
        ("../../etc", "-etc-"),
        ("Größe & Co", "-gr-e-co-"),
        ("", "-plan-"),
        ("a" * 200, "-" + "a" * 32 + "-"),
        ("harden-the-whole-of-the-production-database-now", "-harden-the-whole-of-the-"),
    ],
)
def test_any_plan_id_gives_a_plain_short_name(sessions, tmp_path, plan, part):
    folder = sessions.create(plan, tmp_path)
    assert folder.parent == tmp_path / "home"
    assert part in folder.name


@pytest.mark.parametrize("umask", [0o000, 0o277])
def test_a_session_folder_is_private_whatever_the_umask(sessions, tmp_path, umask):
    before = os.umask(umask)
    try:
        folder = sessions.create("tls", tmp_path)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o7777 == 0o700
    assert folder.parent.stat().st_mode & 0o7777 == 0o700
    assert (folder / "session.json").stat().st_mode & 0o7777 == 0o600


def test_the_list_is_newest_first_and_tells_what_each_is(sessions, clock, tmp_path):
    old = begun(sessions, tmp_path)
    clock.advance(0.5)
    new = begun(sessions, tmp_path / "other")
    first, second = sessions.list()
    assert (first.folder, second.folder) == (new, old)
    assert (second.id, second.plan, second.title) == (
        old.name,
        "phase1-security-hardening",
        "Phase 1",
    )
    assert second.target == tmp_path.resolve()
    assert second.created == "2025-10-24T08:00:00.000Z"


def test_a_folder_without_a_journal_is_no_session(sessions, tmp_path):
    sessions.create("tls", tmp_path)
    (tmp_path / "home" / "locks").mkdir()
    assert sessions.list() == []


def test_there_are_none_where_there_is_no_state_folder(sessions, tmp_path):
    assert sessions.list() == []
    assert sessions.latest(tmp_path) is None


def test_the_latest_is_looked_for_on_one_target(sessions, clock, tmp_path):
    mine = begun(sessions, tmp_path)
    clock.advance(1)
    begun(sessions, tmp_path / "other")
    (tmp_path / "link").symlink_to(tmp_path)
    assert sessions.latest(tmp_path / "link").folder == mine
    assert sessions.latest(tmp_path / "nothing") is None


def test_a_session_is_found_by_its_beginning_its_end_or_its_whole(sessions, clock, tmp_path):
    first = begun(sessions, tmp_path)
    clock.advance(60)
    second = begun(sessions, tmp_path)
    assert sessions.find(first.name).folder == first
    assert sessions.find("20251024-0801").folder == second
    assert sessions.find(second.name[-4:]).folder == second


def test_one_name_being_the_beginning_of_another_is_still_found(sessions, tmp_path):
    folder = begun(sessions, tmp_path)
    longer = folder.with_name(folder.name + "-more")
    longer.mkdir()
    (longer / "journal.db").touch()
    assert sessions.find(folder.name).folder == folder


def test_an_unknown_or_unclear_name_is_answered_with_candidates(sessions, clock, tmp_path):
    with pytest.raises(UsageError, match="runbook open"):
        sessions.find("x")
    first = begun(sessions, tmp_path)
    clock.advance(1)
    second = begun(sessions, tmp_path)
    with pytest.raises(UsageError, match=f"2 sessions: {second.name}, {first.name}"):
        sessions.find("2025")
    for name in ("x", ""):
        with pytest.raises(UsageError, match=second.name):
            sessions.find(name)


def test_a_session_whose_note_is_damaged_is_still_listed(sessions, tmp_path):
    folder = begun(sessions, tmp_path)
    (folder / "session.json").write_bytes(b"\0")
    (summary,) = sessions.list()
    assert (summary.id, summary.target) == (folder.name, None)
    assert summary.created == "2025-10-24T08:00:00.000Z"
    assert sessions.find(folder.name[:10]).folder == folder


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "home").write_text("in the way")
    with pytest.raises(EnvironmentLacks, match="RUNBOOK_HOME"):
        SessionFolders(tmp_path / "home").create("tls", tmp_path)

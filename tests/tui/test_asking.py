"""The checkpoint dialog and questions."""

from __future__ import annotations

import pytest

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.blast import Affected
from runbook_app.testing.session import FakeSession
from tests.tui import stage
from tests.tui.conftest import SMALL, WIDE, Open
from tests.tui.screen import nothing_sent, press, sent, text, until, until_shown


def at_checkpoint(session: FakeSession) -> FakeSession:
    stage.checkpoint_open(stage.headers_done(stage.started(session)))
    return stage.asked(session, "q1", "TLS guide reviewed", choices=("yes", "no"))


async def test_the_checkpoint_shows_values_captures_and_what_is_to_confirm(
    session: FakeSession, opened: Open
):
    async with opened(at_checkpoint(session), SMALL) as pilot:
        shown = text(pilot)
    assert "Checkpoint before 2 TLS/HTTPS enforcement" in shown
    assert "✓ OpenSSL is available  passed" in shown
    assert "version  3.0.17" in shown
    assert "file docker-compose.staging.yml" in shown
    assert "      2,114 bytes, mode 0644" in shown
    assert "      2,155 bytes, encrypted  captures/k1" in shown
    assert "▶ TLS guide reviewed  confirm?" in shown
    assert "The team knows of the outage  by a person  to confirm" in shown


async def test_a_backup_that_is_gone_says_so_in_the_checkpoint(session: FakeSession, opened: Open):
    (session.folder / "captures/k1").unlink()
    async with opened(at_checkpoint(session), SMALL) as pilot:
        assert "✗ NOT THERE  captures/k1" in text(pilot)


async def test_the_line_that_is_being_measured_is_marked(session: FakeSession, opened: Open):
    stage.headers_done(stage.started(session))
    session.emit(ev.CheckpointOpened(item="tls"))
    async with opened(session) as pilot:
        assert "● OpenSSL is available  under way" in text(pilot)
        session.emit(stage.passed("tls", "checkpoint", "openssl", "OpenSSL is available"))
        await until_shown(pilot, "✓ OpenSSL is available  passed")
        assert "● Compose file  under way" in text(pilot)


async def test_under_a_dead_engine_no_line_is_under_way(session: FakeSession, opened: Open):
    stage.headers_done(stage.started(session))
    session.emit(ev.CheckpointOpened(item="tls"))
    session.alive = False
    async with opened(session) as pilot:
        await until_shown(pilot, "○ OpenSSL is available  pending")
        assert "under way" not in text(pilot)


async def test_each_key_confirms_one_line(session: FakeSession, opened: Open):
    async with opened(at_checkpoint(session)) as pilot:
        await press(pilot, "enter", "enter", "y")
        first = await sent(pilot, session)
        assert isinstance(first, cmd.AnswerQuestion)
        assert (first.question, first.answer, first.assumed) == ("q1", "yes", False)
        session.emit(
            ev.QuestionAnswered(id="q1", answer="yes", by="op"),
            ev.LineConfirmed(item="tls", line="read", by="op"),
        )
        stage.asked(session, "q2", "The team knows of the outage")
        await until_shown(pilot, "▶ The team knows of the outage")
        assert "TLS guide reviewed  confirmed by op 08:05" in text(pilot)
        await press(pilot, "y")
        second = await sent(pilot, session, 2)
        assert isinstance(second, cmd.AnswerQuestion)
        assert second.question == "q2"
        session.emit(
            ev.QuestionAnswered(id="q2", answer="yes", by="op"),
            ev.LineConfirmed(item="tls", line="told", by="op"),
            ev.CheckpointPassed(item="tls"),
        )
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)


async def test_a_line_that_does_not_hold_is_denied(session: FakeSession, opened: Open):
    async with opened(at_checkpoint(session)) as pilot:
        await press(pilot, "x")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert command.answer == "no"


async def test_a_checkpoint_put_off_is_opened_again_by_enter(session: FakeSession, opened: Open):
    async with opened(at_checkpoint(session)) as pilot:
        await press(pilot, "escape")
        assert len(pilot.app.screen_stack) == 1
        assert "waiting for you: TLS guide reviewed" in text(pilot)
        session.emit(ev.NoteAdded(text="later", by="op"))
        await nothing_sent(pilot, session)
        assert len(pilot.app.screen_stack) == 1
        await press(pilot, "enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)


async def test_automatic_lines_appear_as_they_finish(session: FakeSession, opened: Open):
    stage.headers_done(stage.started(session))
    async with opened(session) as pilot:
        session.emit(ev.CheckpointOpened(item="tls"))
        await until_shown(pilot, "OpenSSL is available  pending")
        session.emit(stage.passed("tls", "checkpoint", "openssl", "OpenSSL is available"))
        await until_shown(pilot, "OpenSSL is available  passed")


async def test_a_failed_checkpoint_closes_the_dialog_and_says_why(
    session: FakeSession, opened: Open
):
    async with opened(at_checkpoint(session)) as pilot:
        session.emit(
            ev.QuestionWithdrawn(id="q1", reason="the checkpoint failed"),
            ev.CheckpointFailed(item="tls", reason="OpenSSL is missing"),
        )
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        assert "Checkpoint of 2 TLS/HTTPS enforcement failed: OpenSSL is missing" in text(pilot)
        assert "· Check again" in text(pilot)


async def test_g_opens_the_guide_over_the_checkpoint(session: FakeSession, opened: Open):
    async with opened(at_checkpoint(session)) as pilot:
        await press(pilot, "g")
        await until_shown(pilot, "Why it matters.")
        await press(pilot, "escape")
        await until_shown(pilot, "▶ TLS guide reviewed")


async def test_a_choice_is_answered_by_choosing(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        stage.asked(
            session,
            "q7",
            "Which certificate?",
            step="tls.test",
            kind="choice",
            choices=("old", "new"),
        )
        await until_shown(pilot, "Which certificate?")
        await press(pilot, "down", "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert (command.question, command.answer) == ("q7", "new")


async def test_a_step_that_reverts_is_kept_by_the_same_dialog(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        stage.asked(
            session, "q6", "Keep it?", step="tls.test", kind="guarded", choices=("yes", "no")
        )
        await until_shown(pilot, "Keep it, or have it reverted")
        await press(pilot, "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert (command.question, command.answer) == ("q6", "yes")


async def test_a_text_is_answered_by_typing(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        stage.asked(session, "q8", "Which host?", step="tls.test", kind="text")
        await until_shown(pilot, "Which host?")
        await press(pilot, *"db1", "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert command.answer == "db1"


async def test_a_typed_answer_has_its_default_and_what_does_not_fit_is_said_at_once(
    session: FakeSession, opened: Open
):
    stage.tls_running(session)
    fields = {"step": "tls.test", "kind": "text", "takes": "integer", "default": "5"}
    async with opened(session) as pilot:
        stage.asked(session, "q8", "How many hosts?", **fields)
        await until_shown(pilot, "a whole number, 5 by default")
        await press(pilot, "x", "enter")
        await until_shown(pilot, "'x' is not a whole number.")
        assert session.sent == []
        await press(pilot, "backspace", "6", "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert command.answer == "6"


async def test_the_default_of_a_typed_answer_is_given_by_enter(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        stage.asked(session, "q8", "Which host?", step="tls.test", kind="text", default="db1")
        await until_shown(pilot, "db1 by default")
        await press(pilot, "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert command.answer == "db1"


@pytest.mark.parametrize(
    ("takes", "said", "wrong", "right"),
    [
        ("number", "a number", "1.5x", "1.5"),
        ("file", "the path of a file on the engine's machine", " ", "/tmp/audit.pdf"),
    ],
)
async def test_a_number_and_a_file_are_asked_for_as_such(
    session: FakeSession, opened: Open, takes: str, said: str, wrong: str, right: str
):
    stage.tls_running(session)
    async with opened(session) as pilot:
        stage.asked(session, "q8", "Which one?", step="tls.test", kind="text", takes=takes)
        await until_shown(pilot, said)
        await press(pilot, *wrong, "enter")
        await until_shown(pilot, "is not a" if takes == "number" else "is not the path")
        assert session.sent == []
        await press(pilot, *["backspace"] * len(wrong), *right, "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert (command.question, command.answer) == ("q8", right)


async def test_the_cursor_stands_on_the_default_of_a_choice(session: FakeSession, opened: Open):
    stage.tls_running(session)
    fields = {"step": "tls.test", "kind": "choice", "choices": ("a", "b", "c"), "default": "b"}
    async with opened(session) as pilot:
        stage.asked(session, "q8", "Which?", **fields)
        await until_shown(pilot, "b  by default")
        await press(pilot, "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert command.answer == "b"


async def test_a_secret_is_not_shown_while_it_is_typed(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        stage.asked(session, "q8", "The token?", step="tls.test", kind="text", secret=True)
        await until_shown(pilot, "kept secret")
        await press(pilot, "enter")
        await until_shown(pilot, "'' is not")
        assert session.sent == []
        await press(pilot, *"hunter", "space")
        await until_shown(pilot, "•••••••")
        assert "hunter" not in text(pilot)
        await press(pilot, "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert command.answer == "hunter "


async def test_a_question_answered_elsewhere_closes(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        stage.asked(session, "q9", "nginx.conf has changed. Restore it?", kind="changed")
        await until_shown(pilot, "Restore it?")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        session.emit(ev.QuestionAnswered(id="q9", answer="yes", by="other"))
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        await nothing_sent(pilot, session)


async def test_an_observer_sees_the_question_and_no_dialog(session: FakeSession, opened: Open):
    session.read_only = True
    async with opened(at_checkpoint(session)) as pilot:
        assert len(pilot.app.screen_stack) == 1
        assert "waiting for you: TLS guide reviewed" in text(pilot)


RADIUS = """\
Confirm what step tls.compose (Update docker-compose.staging.yml) touches, as of now:
  container staging-api-1 is made anew
  connections of accounts to accounts are dropped: 12
Since it was confirmed:
  new: container staging-api-1 is made anew
Exactly that is done, or this is asked again."""


def asked_radius(session: FakeSession) -> FakeSession:
    return stage.asked(
        session,
        "q10",
        RADIUS,
        step="tls.compose",
        kind="blast_radius",
        choices=("yes", "no"),
    )


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x24", "120x40"])
async def test_a_blast_radius_is_shown_whole(session: FakeSession, opened: Open, size):
    stage.checkpoint_passed(stage.checkpoint_open(stage.headers_done(stage.started(session))))
    async with opened(session, size) as pilot:
        asked_radius(session)
        await until_shown(pilot, "Blast radius: confirm what it touches")
        shown = text(pilot)
    for line in ("container staging-api-1 is made anew", "are dropped: 12", "new: container"):
        assert line in shown


@pytest.mark.parametrize(
    ("keys", "answer"), [(["1"], "yes"), (["up", "enter"], "yes"), (["enter"], "no")]
)
async def test_a_blast_radius_is_confirmed_or_refused(
    session: FakeSession, opened: Open, keys: list[str], answer: str
):
    stage.checkpoint_passed(stage.checkpoint_open(stage.headers_done(stage.started(session))))
    async with opened(session) as pilot:
        asked_radius(session)
        await until_shown(pilot, "Blast radius")
        await press(pilot, *keys)
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert (command.question, command.answer, command.assumed) == ("q10", answer, False)


@pytest.mark.parametrize(("keys", "answer"), [("y", "yes"), ("yn", "no"), ("ny", "yes")])
async def test_y_and_n_put_the_cursor_on_an_answer_and_enter_gives_it(
    session: FakeSession, opened: Open, keys: str, answer: str
):
    stage.checkpoint_passed(stage.checkpoint_open(stage.headers_done(stage.started(session))))
    async with opened(session) as pilot:
        asked_radius(session)
        await until_shown(pilot, "Blast radius")
        await press(pilot, *keys)
        assert session.sent == []
        await press(pilot, "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert command.answer == answer


async def test_y_and_n_are_text_where_text_is_typed(session: FakeSession, opened: Open):
    stage.asked(stage.tls_running(session), "q1", "Which way?", kind="text")
    async with opened(session) as pilot:
        await until_shown(pilot, "Which way?")
        await press(pilot, *"any", "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert command.answer == "any"


async def test_a_blast_radius_asked_again_opens_a_new_dialog(session: FakeSession, opened: Open):
    stage.checkpoint_passed(stage.checkpoint_open(stage.headers_done(stage.started(session))))
    async with opened(session) as pilot:
        stage.asked(
            session, "q9", "First list", step="tls.compose", kind="blast_radius", choices=("yes",)
        )
        await until_shown(pilot, "First list")
        await press(pilot, "enter")
        await sent(pilot, session)
        session.emit(ev.QuestionAnswered(id="q9", answer="yes", by="op"))
        asked_radius(session)
        await until_shown(pilot, "new: container staging-api-1")


async def test_the_step_shows_what_was_confirmed(session: FakeSession, opened: Open):
    stage.tls_running(session)
    thing = Affected(kind="container", name="staging-api-1", how="is made anew")
    session.emit(ev.BlastRadiusConfirmed(item="tls", step="tls.test", affected=(thing,), by="anna"))
    async with opened(session) as pilot:
        await until_shown(pilot, "container staging-api-1 is made anew")
        assert "confirmed by anna" in text(pilot)


async def test_a_step_that_has_not_begun_waits_while_its_blast_radius_is_asked(
    session: FakeSession, opened: Open
):
    stage.checkpoint_passed(stage.checkpoint_open(stage.headers_done(stage.started(session))))
    async with opened(session) as pilot:
        asked_radius(session)
        await until_shown(pilot, "Blast radius")
        await press(pilot, "escape")
        await until_shown(pilot, "◐ 2.3")
        session.emit(ev.QuestionAnswered(id="q10", answer="no", by="op"))
        await until_shown(pilot, "○ 2.3")


async def test_only_the_targets_name_goes_live(session: FakeSession, opened: Open):
    stage.asked(stage.started(session), "q1", "Type its name: staging", item="", kind="target")
    async with opened(session) as pilot:
        await until_shown(pilot, "Go live")
        await press(pilot, "enter", *"stag", "enter")
        await until_shown(pilot, "The target's name is staging: nothing has begun.")
        assert session.sent == []
        await press(pilot, *"ing", "enter")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert (command.question, command.answer, command.assumed) == ("q1", "staging", False)

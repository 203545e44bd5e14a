"""Decisions: the next piece of work, and which commands are turned down and why."""

from __future__ import annotations

import msgspec
import pytest

from runbook_app.domain import commands as cmd
from runbook_app.domain import decisions as d
from runbook_app.domain import events as ev
from runbook_app.domain.fold import fold
from runbook_app.domain.measure import Progress
from runbook_app.domain.plan import Call, Item, Plan, Step, TargetSpec
from runbook_app.domain.state import SessionState

from .test_state import FINISHED, journal, start, started, state_after, succeed

PLAN = Plan(
    id="p",
    title="P",
    version="1",
    path="p.yaml",
    sha256="0" * 64,
    target=TargetSpec(compose="c.yml"),
    items=(
        Item(
            id="tls",
            number=2,
            title="TLS",
            steps=(
                Step(id="tls.one", title="One", call=Call(action="a.b"), required=True),
                Step(id="tls.two", title="Two", call=Call(action="a.b")),
            ),
        ),
    ),
)
META = {"id": "c1", "by": "op", "epoch": 0, "seen": 0, "expires": "2026-01-01T00:01:00Z"}
PASSED_GATE = FINISHED[:2]


def capture(item: str, step: str, name: str, kind: str = "file") -> ev.CaptureTaken:
    return ev.CaptureTaken(
        id=f"{item}{step}{name}",
        item=item,
        step=step,
        kind=kind,
        name=name,
        path="x",
        sha256="0",
        summary="",
    )


def auto(*bodies: ev.AnyEvent, items: tuple[str, ...] = ()) -> SessionState:
    return state_after(ev.RunRequested(auto=True, items=items), *bodies)


def test_the_checkpoint_comes_before_the_first_step() -> None:
    assert d.next_work(auto()) == d.OpenCheckpoint("tls")


@pytest.mark.parametrize(
    ("done", "work"),
    [
        (2, d.RunStep("tls", "tls.one")),
        (4, d.RunStep("tls", "tls.two")),
        (6, d.VerifyItem("tls")),
        (8, d.CommitItem("tls")),
        (9, None),
    ],
)
def test_an_item_goes_on_where_it_is(done: int, work: d.Work | None) -> None:
    assert d.next_work(auto(*FINISHED[:done])) == work


def test_a_failed_step_lets_nothing_go_on() -> None:
    failed = ev.StepFailed(item="tls", step="tls.one", error="e")
    assert d.next_work(auto(*PASSED_GATE, start(), failed)) is None


def test_an_unknown_step_is_settled_first() -> None:
    unknown = ev.StepBecameUnknown(item="tls", step="tls.one", reason="r")
    assert d.next_work(auto(*PASSED_GATE, start(), unknown)) == d.SettleUnknown("tls", "tls.one")


BECAME_UNKNOWN = ev.StepBecameUnknown(item="tls", step="tls.one", reason="r")


def examined(progress: Progress | None) -> SessionState:
    found = ev.UnknownExamined(item="tls", step="tls.one", progress=progress, evidence="seen")
    return state_after(*PASSED_GATE, start(), BECAME_UNKNOWN, found)


def resolve(answer: str) -> cmd.ResolveUnknown:
    return cmd.ResolveUnknown(step="tls.one", answer=answer, **META)


def test_nobody_says_what_came_of_a_step_before_its_check_was_asked() -> None:
    with pytest.raises(d.Rejected, match="still being asked"):
        d.judge(state_after(*PASSED_GATE, start(), BECAME_UNKNOWN), PLAN, resolve("done"))


def test_an_answer_is_one_of_three() -> None:
    with pytest.raises(d.Rejected, match="'perhaps' is no answer"):
        d.judge(examined(Progress.PARTLY), PLAN, resolve("perhaps"))


@pytest.mark.parametrize("found", [*Progress, None])
@pytest.mark.parametrize("answer", Progress)
def test_an_answer_says_who_gave_it_and_whether_its_check_found_otherwise(
    found: Progress | None, answer: Progress
) -> None:
    said = d.judge(examined(found), PLAN, resolve(answer.value))[0]
    assert said == ev.UnknownResolved(
        item="tls", step="tls.one", answer=answer, by="op", found=found, evidence="seen"
    )
    assert ("AGAINST its check" in said.words) == (found not in (None, answer))
    assert ("could not run" in said.words) == (found is None)


def test_what_is_partly_done_is_undone_before_anything_else_and_said_once() -> None:
    state = examined(Progress.PARTLY)
    said = ev.UnknownResolved(
        item="tls", step="tls.one", answer=Progress.PARTLY, by="op", found=None, evidence=""
    )
    fold(journal(started(), *PASSED_GATE, start(), BECAME_UNKNOWN, said)[-1:], state)
    assert d.due(state, PLAN) == d.UndoStep("tls", "tls.one")
    with pytest.raises(d.Rejected, match="being undone already"):
        d.judge(state, PLAN, resolve("done"))


def test_a_started_rollback_goes_on_before_anything_else() -> None:
    begun = ev.RollbackStarted(item="tls", by="op", reason="")
    assert d.next_work(auto(*FINISHED, begun)) == d.RollBack("tls")


def test_until_ends_the_run_after_its_step() -> None:
    state = state_after(
        ev.RunRequested(auto=True, until="tls.one"), *PASSED_GATE, *succeed("tls.one")
    )
    assert d.next_work(state) is None


def test_an_unavailable_item_is_not_run() -> None:
    assert d.next_work(auto(items=("later",))) is None


def test_a_required_step_is_not_skipped() -> None:
    failed = state_after(start(), ev.StepFailed(item="tls", step="tls.one", error="e"))
    skip = cmd.SkipStep(step="tls.one", reason="r", owner="o", expires_on="2026-02-01", **META)
    with pytest.raises(d.Rejected, match="required"):
        d.judge(failed, PLAN, skip)


@pytest.mark.parametrize("missing", ["reason", "owner", "expires_on"])
def test_a_waiver_needs_reason_owner_and_expiry(missing: str) -> None:
    fields = {"reason": "r", "owner": "o", "expires_on": "2026-02-01"} | {missing: " "}
    with pytest.raises(d.Rejected, match="reason, an owner and an expiry"):
        d.judge(state_after(), PLAN, cmd.SkipStep(step="tls.two", **fields, **META))


def test_only_a_failed_step_is_retried() -> None:
    with pytest.raises(d.Rejected, match="only a failed step"):
        d.judge(state_after(), PLAN, cmd.RetryStep(step="tls.one", **META))


def test_yes_does_not_stand_in_for_a_required_person() -> None:
    asked = ev.QuestionAsked(
        id="q", item="tls", step="", kind="confirm", text="?", person_required=True
    )
    answer = cmd.AnswerQuestion(question="q", answer="yes", assumed=True, **META)
    with pytest.raises(d.Rejected, match="person"):
        d.judge(state_after(asked), PLAN, answer)


def test_a_rollback_of_something_changed_later_names_the_order() -> None:
    outline = ev.ItemOutline(
        id="db", number=3, title="DB", steps=("db.one",), checkpoint=(), success=()
    )
    first = state_after().started
    assert first is not None
    changed = ev.PlanChangeAccepted(
        sha256="1", difference="", by="op", outline=(first.outline[0], outline)
    )
    fingerprint = ev.FingerprintTaken(item="tls", moment="checkpoint", sha256="0", path="x")
    state = state_after(
        changed,
        ev.CheckpointOpened(item="tls"),
        fingerprint,
        capture("tls", "tls.one", "compose.yml"),
        ev.CheckpointOpened(item="db"),
        capture("db", "db.one", "compose.yml"),
    )
    with pytest.raises(d.Rejected, match="db, tls"):
        d.judge(state, PLAN, cmd.RollBackItem(item="tls", **META))
    assert d.judge(state, PLAN, cmd.RollBackItem(item="tls", with_dependents=True, **META)) == ()


def test_a_rollback_of_an_item_that_changed_nothing_is_turned_down() -> None:
    with pytest.raises(d.Rejected, match="changed nothing"):
        d.judge(state_after(), PLAN, cmd.RollBackItem(item="tls", **META))


def test_restoring_uses_the_earliest_capture_files_before_containers_newest_first() -> None:
    state = state_after(
        capture("tls", "", "", "project"),
        capture("tls", "", "compose.yml"),
        capture("tls", "tls.one", "key.pem"),
        capture("tls", "tls.two", "compose.yml"),
        capture("tls", "tls.two", "", "project"),
    )
    order = d.restore_order(state.items["tls"], {"file": 0, "project": 10})
    assert [(c.kind, c.name, c.step) for c in order] == [
        ("file", "key.pem", "tls.one"),
        ("file", "compose.yml", ""),
        ("project", "", ""),
    ]


def begun_after(*done_before: ev.DoneBefore) -> SessionState:
    """A session of a plan whose second item needs a first one that is not in scope."""
    first, second = (
        ev.ItemOutline(
            id=name,
            number=1,
            title=name,
            steps=(f"{name}.a",),
            checkpoint=("ready",),
            success=(),
            needs=needs,
        )
        for name, needs in (("first", ()), ("second", ("first",)))
    )
    begun = msgspec.structs.replace(started(), outline=(first, second), done_before=done_before)
    return fold(journal(begun, ev.RunRequested(auto=True, items=("second",))))


def test_what_an_earlier_session_did_meets_a_need() -> None:
    done = ev.DoneBefore(item="first", session="earlier", at="2026-01-01T00:00:00.000Z")
    assert d.next_work(begun_after()) is None
    assert d.next_work(begun_after(done)) == d.OpenCheckpoint("second")


ROLLED_BACK = (
    *FINISHED,
    ev.RollbackStarted(item="tls", by="op", reason=""),
    ev.RollbackFinished(item="tls", proven=True),
)


def again(state: SessionState) -> tuple[ev.AnyEvent, ...]:
    return d.judge(state, PLAN, cmd.RunItem(item="tls", **META))


def test_an_item_of_which_nothing_is_open_is_not_run() -> None:
    with pytest.raises(d.Rejected, match="tls is succeeded: nothing is open of it"):
        again(state_after(*FINISHED))


def test_an_open_item_is_run_alone_also_where_the_scope_leaves_it_out() -> None:
    narrow = (ev.RunRequested(auto=True, items=("later",)), ev.NothingLeft())
    (requested,) = again(state_after(*narrow))
    assert requested == ev.RunRequested(auto=True, items=("later", "tls"), only="tls")
    assert d.next_work(state_after(*narrow, requested)) == d.OpenCheckpoint("tls")


def test_nothing_is_run_again_while_work_is_under_way() -> None:
    with pytest.raises(d.Rejected, match="Work is under way"):
        again(auto(*ROLLED_BACK, ev.RunRequested(auto=True)))


def test_an_item_run_again_begins_with_a_new_checkpoint_and_is_all_that_is_worked_on() -> None:
    taken_up, requested = again(state_after(*ROLLED_BACK))
    state = state_after(*ROLLED_BACK, taken_up, requested)
    assert d.next_work(state) == d.OpenCheckpoint("tls")
    assert (state.step("tls.one").attempt, state.items["tls"].captures) == (1, [])
    assert isinstance(requested, ev.RunRequested)
    other = msgspec.structs.replace(requested, only="later")
    assert d.next_work(state_after(*ROLLED_BACK, taken_up, other)) is None


def test_running_an_item_again_keeps_the_scope_and_adds_the_item_to_it() -> None:
    whole = again(state_after(*ROLLED_BACK))[1]
    narrow = again(
        state_after(*ROLLED_BACK, ev.RunRequested(auto=False, items=("later",)), ev.NothingLeft())
    )[1]
    assert isinstance(whole, ev.RunRequested)
    assert isinstance(narrow, ev.RunRequested)
    assert (whole.items, narrow.items) == ((), ("later", "tls"))

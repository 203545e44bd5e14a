"""Running items on a copy and rolling them back: what came of each."""

from __future__ import annotations

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.entry import Body
from runbook_app.headless.rehearsal import RehearsalDriver, Rehearsed, table
from tests.domain.story import Story

from .stage import Show, Stage, obedient

FINGERPRINT = ev.FingerprintTaken(item="tls", moment="checkpoint", sha256="f", path="x")
FAILED = ev.StepFailed(item="tls", step="tls.test", error="no answer on 443")


def whole() -> tuple[Body, ...]:
    told = [entry.body for entry in Story().run().headers().tls().entries[3:]]
    place = next(i for i, body in enumerate(told) if isinstance(body, ev.CheckpointOpened))
    return (*told[: place + 1], FINGERPRINT, *told[place + 1 :], ev.NothingLeft())


def failing() -> tuple[Body, ...]:
    start = ev.StepStarted(item="tls", step="tls.test", attempt=1, parameters={})
    told = [entry.body for entry in Story().run().headers().checkpoint().entries[3:]]
    place = next(i for i, body in enumerate(told) if isinstance(body, ev.CheckpointOpened))
    return (*told[: place + 1], FINGERPRINT, *told[place + 1 :], start, FAILED)


class Copy(Stage):
    """A stage that also rolls back."""

    def __init__(self, *work: Body, proven: bool = True, refusal: str = "") -> None:
        super().__init__(*work, react=self._act)
        self._proven = proven
        self.noted_after: list[str] = []
        self.show = Show(self, logs="none")
        self.answer = lambda c: refusal if isinstance(c, cmd.RollBackItem) else ""

    def _act(self, _: Stage, command: cmd.Command) -> None:
        if isinstance(command, cmd.RollBackItem):
            self.emit(*(e.body for e in Story().rollback(proven=self._proven).entries[-2:]))
        else:
            obedient(self, command)


async def rehearse(copy: Copy, *items: str) -> dict[str, Rehearsed]:
    async def applied() -> None:
        copy.noted_after = copy.sent_kinds()

    found = await RehearsalDriver(copy, copy.show.printer, items, applied).run()
    return {result.item: result for result in found}


async def test_what_was_run_and_rolled_back_is_proven() -> None:
    found = await rehearse(Copy(*whole()))
    tls = found["tls"]
    assert (tls.good, tls.proven, tls.criteria, tls.rollback_seconds) == (True, True, "2/2", 12.5)
    assert tls.why == ()


async def test_items_without_a_change_have_nothing_to_undo() -> None:
    found = await rehearse(Copy(*whole()))
    assert (found["headers"].good, found["headers"].to_undo) == (True, False)
    assert found["validation"].good


async def test_nobody_is_there_and_the_copy_is_looked_at_before_the_first_rollback() -> None:
    copy = Copy(*whole())
    await rehearse(copy)
    assert copy.sent_kinds() == ["Run", "Stop", "RollBackItem", "Stop"]
    assert copy.noted_after == ["Run", "Stop"]
    assert isinstance(copy.sent[0], cmd.Run)
    assert copy.sent[0].unattended


async def test_a_rollback_that_proves_nothing_is_told_with_its_differences() -> None:
    tls = (await rehearse(Copy(*whole(), proven=False)))["tls"]
    assert (tls.good, tls.ran, tls.proven) == (False, True, False)
    assert tls.why == ("rollback: port:8001: api → none",)


async def test_an_item_that_failed_is_rolled_back_all_the_same() -> None:
    tls = (await rehearse(Copy(*failing())))["tls"]
    assert (tls.good, tls.ran, tls.proven) == (False, False, True)
    assert tls.why == ("step tls.test failed: no answer on 443",)


async def test_a_refused_rollback_is_told() -> None:
    tls = (await rehearse(Copy(*whole(), refusal="Step x is running.")))["tls"]
    assert not tls.good
    assert tls.why == ("rollback: Not rolled back: Step x is running.",)


async def test_what_only_a_person_can_answer_is_told() -> None:
    asked = ev.QuestionAsked(
        id="q", item="tls", step="", kind="confirm", text="Keys kept?", person_required=True
    )
    work = (ev.CheckpointOpened(item="tls"), FINGERPRINT, asked)
    tls = (await rehearse(Copy(*work), "tls"))["tls"]
    assert not tls.ran
    assert tls.why == ("a person has to answer: Keys kept?",)


async def test_only_the_items_asked_for_are_told_of() -> None:
    assert list(await rehearse(Copy(*whole()), "tls")) == ["tls"]


async def test_advice_on_a_session_that_is_removed_is_not_given() -> None:
    copy = Copy(*failing())
    await rehearse(copy)
    assert "runbook resume" not in copy.show.said


def test_the_table_has_a_row_an_item_and_what_went_wrong_below() -> None:
    good = Rehearsed(
        item="tls",
        title="2 TLS (tls)",
        ran=True,
        to_undo=True,
        proven=True,
        apply_seconds=20,
        rollback_seconds=9,
        criteria="2/2",
    )
    bad = Rehearsed(item="db", title="3 DB (db)", ran=False, to_undo=True, why=("step failed",))
    looked = Rehearsed(item="h", title="1 H (h)", ran=True, to_undo=False)
    assert table([looked, good, bad]) == [
        "Item         Apply  Criteria  Rollback  Proof",
        "1 H (h)      -      -         -         nothing to undo",
        "2 TLS (tls)  20s    2/2       9s        proven",
        "3 DB (db)    -      -         -         FAILED, rollback NOT PROVEN",
        "  db: step failed",
    ]

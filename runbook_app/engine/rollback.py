"""Rolling an item back, and proving that the target is what it was at the checkpoint."""

from __future__ import annotations

import msgspec

from runbook_app.domain import events as ev
from runbook_app.domain.errors import ActionError, RunbookError
from runbook_app.domain.fingerprint import compare
from runbook_app.domain.hands import TOUCHED, hands_words, place_words, rollback_warning
from runbook_app.domain.measure import Verdict
from runbook_app.domain.plan import Item
from runbook_app.domain.state import ItemState
from runbook_app.engine.captures import Captures
from runbook_app.engine.checkpoint import trailer
from runbook_app.engine.fingerprints import Fingerprints
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.questions import Questions
from runbook_app.engine.steps import Steps
from runbook_app.ports.clock import Clock
from runbook_app.ports.target import Target

PUT_BACK = "put it back"
LEAVE = "stop here"


class Rollback:
    """Safe to run again from the start: a rollback that was interrupted is simply repeated."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        steps: Steps,
        captures: Captures,
        questions: Questions,
        target: Target,
        fingerprints: Fingerprints,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._steps = steps
        self._captures = captures
        self._questions = questions
        self._target = target
        self._fingerprints = fingerprints
        self._clock = clock

    async def begin(self, item: Item, *, by: str, reason: str, accept_changes: bool) -> None:
        """Ask about what others changed since, then roll back.

        A rollback that was broken off goes on unasked: what it restored by then is its own doing.
        """
        state = self._ledger.state.items[item.id]
        broken_off = state.rollback_started is not None and state.rollback is None
        changed = [] if broken_off else await self._captures.changed_since(state)
        if changed and not accept_changes:
            text = (
                "Changed since the item finished; the rollback would undo that too. All that it"
                " undoes there, the item's own changes among it:\n"
            )
            answer = await self._questions.ask(
                text + "\n".join(changed), item=item.id, kind="changed", choices=("yes", "no")
            )
            if answer.answer != "yes":
                reason = f"the rollback of item {item.id} was declined by {answer.by}"
                await self._ledger.emit(ev.RunPaused(reason=reason))
                return
        await self._ledger.emit(
            *([] if broken_off else warnings(state)),
            ev.RollbackStarted(item=item.id, by=by, reason=reason),
        )
        await self.go_on(item)

    async def go_on(self, item: Item) -> None:
        """Carry a started rollback to its end."""
        began = self._clock.monotonic()
        state = self._ledger.state.items[item.id]
        try:
            await self._own_steps(item, state)
            await self._captures.restore_item(state)
            commit, remarks = await self._revert(item, state)
            remarks += [*left_behind(state), *put_back(state), *by_hand(state)]
            finished = await self._prove(item, state)
        except RunbookError as error:
            await self._ledger.emit(
                ev.RollbackFailed(item=item.id, error=error.message, hint=error.hint)
            )
            return
        seconds = self._clock.monotonic() - began
        await self._ledger.emit(
            msgspec.structs.replace(
                finished, revert_commit=commit, seconds=seconds, remarks=tuple(remarks)
            )
        )

    async def _own_steps(self, item: Item, state: ItemState) -> None:
        """Have the steps take themselves back, then run the item's explicit ones; where they fail,
        offer what it can fall back to."""
        if state.fallback is not None:
            return  # chosen before a crash, or before another failure
        try:
            await self._undo_steps(item, state)
            await self._explicit_steps(item)
        except ActionError as error:
            if not await self._fall_back(item, state, error):
                raise

    async def _fall_back(self, item: Item, state: ItemState, error: ActionError) -> bool:
        found = await self._captures.fallback(state)
        if found is None:
            return False
        taken, losses = found
        answer = await self._questions.ask(
            f"{error.message}\n{taken.summary}\n"
            f"Put that back instead? What was written since then is lost:\n"
            + "\n".join(losses or ["no new rows; changes to older rows would be lost"]),
            item=item.id,
            kind="choice",
            choices=(PUT_BACK, LEAVE),
            person_required=True,
        )
        if answer.answer != PUT_BACK:
            return False
        await self._ledger.emit(
            ev.FallbackChosen(
                item=item.id,
                capture=taken.id,
                name=f"{taken.kind} {taken.name}",
                reason=error.message,
                losses=tuple(losses),
                by=answer.by,
            )
        )
        return True

    async def _undo_steps(self, item: Item, state: ItemState) -> None:
        """What was begun, newest first: an item's steps begin in their order."""
        for step in reversed(item.steps):
            if state.steps[step.id].begun:
                await self._steps.undo(item, step)

    async def _explicit_steps(self, item: Item) -> None:
        if item.rollback:
            await self._target.start_database()
        for number, call in enumerate(item.rollback, start=1):
            outcome, _ = await self._steps.measure(item.id, f"rollback-{number}", call)
            if outcome.verdict is not Verdict.PASSED:
                raise ActionError(
                    f"Rollback step {number} ({call.action}) failed: {outcome.error}",
                    hint=outcome.hint or "Mend the cause, then roll back again.",
                )

    async def _revert(self, item: Item, state: ItemState) -> tuple[str, list[str]]:
        """Record the restored files by a revert commit; history is never rewritten."""
        if state.committed is None:
            return "", []
        mark = trailer("Revert", self._ledger.state.id, state)
        if found := await self._target.git.find_commit(mark):
            await self._target.git.unstage(state.committed.paths)
            return found, []
        subject = item.commit.splitlines()[0]
        message = f'Revert "{subject}"\n\nThis reverts commit {state.committed.commit}.\n\n{mark}\n'
        try:
            return await self._target.git.commit(state.committed.paths, message), []
        except RunbookError as error:
            return "", [f"The files are restored, but the revert could not be committed: {error}"]

    async def _prove(self, item: Item, state: ItemState) -> ev.RollbackFinished:
        if state.fingerprint is None:
            raise ActionError(f"Item {item.id} has no fingerprint to compare with.")
        before = await self._fingerprints.load(state.fingerprint)
        after = await self._fingerprints.take(item.id, "rollback")
        comparison = compare(before, after)
        return ev.RollbackFinished(
            item=item.id,
            proven=not comparison.differences,
            differences=comparison.differences,
            kept=comparison.kept,
            exclusions=tuple(f"{e.field}: {e.reason}" for e in before.exclusions),
        )


def warnings(state: ItemState) -> list[ev.RollbackWarned]:
    """What goes on record before a rollback begins."""
    text = rollback_warning(state)
    return [ev.RollbackWarned(item=state.id, text=text)] if text else []


def by_hand(state: ItemState) -> list[str]:
    return [f"{place_words(one)} {TOUCHED} before: {hands_words(one)}" for one in state.hands]


def left_behind(state: ItemState) -> list[str]:
    """What no rollback can take back, as the item's steps said in their `rollback_remark`."""
    outputs = (step.outputs.get("rollback_remark") for step in state.steps.values())
    return [str(remark) for remark in outputs if remark]


def put_back(state: ItemState) -> list[str]:
    """What a fallback has lost, for the record."""
    if state.fallback is None:
        return []
    chosen = state.fallback
    what = (
        f"The rollback's own steps failed ({chosen.reason}); {chosen.name} was put back as it was"
        f" at the checkpoint, on the word of {chosen.by}."
    )
    return [what, *(f"Lost by it: {loss}" for loss in chosen.losses)]

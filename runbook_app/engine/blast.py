"""What a step will touch: told before it begins, confirmed, and held to right before its effect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from runbook_app.domain import events as ev
from runbook_app.domain.blast import Affected, differences
from runbook_app.domain.plan import Item, Step
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.questions import Questions
from runbook_app.engine.redaction import Redactor

MOST = 5
"""Times in a row that a list is asked for which has changed by the time of its answer."""

Take = Callable[[], Awaitable[Sequence[Affected]]]


class BlastRadius:
    def __init__(self, *, ledger: Ledger, questions: Questions, redactor: Redactor) -> None:
        self._ledger = ledger
        self._questions = questions
        self._redactor = redactor

    async def confirmed(self, item: Item, step: Step, take: Take) -> bool:
        """Whether the step may begin: what it touches now is what somebody has confirmed.

        Nobody is asked where nothing is touched. The step has not begun as long as this asks: a
        crash leaves it pending, and what was confirmed stands as long as it is so.
        """
        for _ in range(MOST + 1):
            now = self._redactor.structure(tuple(await take()))
            known = self._ledger.state.step(step.id).radius
            changed = differences(known.affected, now) if known else []
            if not changed and (known or not now):
                return True
            answer = await self._questions.ask(
                _text(step, now, changed),
                item=item.id,
                step=step.id,
                kind="blast_radius",
                choices=("yes", "no"),
            )
            if answer.answer != "yes":
                reason = f"{answer.by} did not confirm the blast radius of step {step.id}"
                await self._ledger.emit(ev.RunPaused(reason=reason))
                return False
            await self._ledger.emit(
                ev.BlastRadiusConfirmed(
                    item=item.id,
                    step=step.id,
                    affected=now,
                    by=answer.by,
                    assumed=answer.assumed,
                )
            )
        reason = f"what step {step.id} touches changes faster than it can be confirmed"
        await self._ledger.emit(ev.RunPaused(reason=reason))
        return False


def _text(step: Step, now: Sequence[Affected], changed: Sequence[str]) -> str:
    lines = [f"Confirm what step {step.id} ({step.title}) touches, as of now:"]
    lines += [f"  {thing.words}" for thing in now] or ["  nothing any more"]
    if changed:
        lines += ["Since it was confirmed:", *(f"  {line}" for line in changed)]
    lines.append(
        "Exactly that is done, or it is asked again. 'no' pauses the run, with nothing begun."
    )
    return "\n".join(lines)

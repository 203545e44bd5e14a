"""Rolling an item back without a screen, with its proof."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_app.domain.commands import RollBackItem
from runbook_app.domain.state import ItemState
from runbook_app.headless.feed import Detached, EngineDied, Feed
from runbook_app.headless.interrupts import Interrupts
from runbook_app.headless.lines import Tone
from runbook_app.headless.parting import Exit, Parting
from runbook_app.headless.printer import Printer
from runbook_app.ports.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    item: str
    with_dependents: bool = False
    accept_changes: bool = False
    unattended: bool = False
    reason: str = ""
    take_over: str = ""
    """Why the driver that holds the target is displaced; empty: it is not."""


class RollbackDriver:
    """Has one item rolled back; done only when the fingerprint proves it."""

    def __init__(
        self, session: Session, printer: Printer, wish: Wish, interrupts: Interrupts
    ) -> None:
        self._session = session
        self._printer = printer
        self._wish = wish
        self._feed = Feed(session, printer, interrupts)
        self._parting = Parting(session, printer)
        self._finished_before = len(self._item.rollback_history)
        self._answers_before = len(session.state.questions_answered)
        self._started_before = {
            item.id: item.rollback_started_at for item in session.state.items.values()
        }

    @property
    def _item(self) -> ItemState:
        return self._session.state.items[self._wish.item]

    async def run(self) -> int:
        """Roll back, and return the exit code.

        Raises:
            LockedError: another driver holds the target.
        """
        ours = bool(self._wish.take_over) or not self._session.engine_alive()
        try:
            await self._feed.start_engine(self._wish.take_over)
            code = await self._roll_back()
            if ours:
                await self._feed.stop_engine("the rollback is over")
        except Detached as reason:
            return self._parting.detached(str(reason))
        except EngineDied:
            return self._parting.engine_died()
        return code

    async def _roll_back(self) -> int:
        refusal = await self._feed.answered(await self._ask())
        if refusal:
            self._printer.say(f"Not rolled back: {refusal}", Tone.BAD)
            return Exit.USAGE
        while not self._over():
            if asked := self._session.state.question:
                code = self._parting.waiting(asked, may_assume=False)
                if asked.kind == "changed":
                    self._printer.say(
                        f"Or undo those changes too: runbook rollback {self._wish.item}"
                        " --yes --accept-changes"
                    )
                return code
            await self._feed.pump()
        return self._result()

    async def _ask(self) -> str:
        wish = self._wish
        return await self._feed.send(
            RollBackItem,
            item=wish.item,
            reason=wish.reason or "runbook rollback",
            with_dependents=wish.with_dependents,
            accept_changes=wish.accept_changes,
            unattended=wish.unattended,
        )

    def _over(self) -> bool:
        return (
            self._session.state.engine is None
            or len(self._item.rollback_history) > self._finished_before
            or self._declined()
            or self._failed() is not None
        )

    def _declined(self) -> bool:
        """Somebody looked at what changed since, and chose to keep it."""
        answers = self._session.state.questions_answered[self._answers_before :]
        return any(a.kind == "changed" and given.answer != "yes" for a, given in answers)

    def _failed(self) -> ItemState | None:
        """The item, this one or a dependent, whose rollback ended badly."""
        return next(
            (
                item
                for item in self._session.state.items.values()
                if item.rollback_error
                and item.rollback_started_at != self._started_before.get(item.id)
            ),
            None,
        )

    def _result(self) -> int:
        if len(self._item.rollback_history) > self._finished_before:
            return Exit.DONE if self._item.rollback_history[-1].proven else Exit.FAILED
        if failed := self._failed():
            self._printer.say(f"Item {failed.id} is not rolled back: {failed.rollback_error}")
            if failed.rollback_hint:
                self._printer.say(f"  {failed.rollback_hint}")
            return Exit.FAILED
        self._printer.say("Nothing was rolled back.", Tone.CARE)
        return Exit.WAITING

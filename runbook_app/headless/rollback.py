"""Rolling an item back without a screen, with its proof."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_app.domain.commands import RollBackItem
from runbook_app.domain.entry import Entry
from runbook_app.domain.events import QuestionAnswered, RollbackStarted
from runbook_app.domain.state import ItemState
from runbook_app.headless.feed import Detached, EngineDied, Feed, settle_engine
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
        self._started = False
        self._declined = False

    @property
    def _item(self) -> ItemState:
        return self._session.state.items[self._wish.item]

    async def run(self) -> int:
        """Roll back, and return the exit code.

        Raises:
            LockedError: another driver holds the target.
        """
        ours = not self._session.engine_alive()
        try:
            await settle_engine(self._session)
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
                self._printer.say(
                    f"Or undo those changes too: runbook rollback {self._wish.item}"
                    " --yes --accept-changes"
                )
                return code
            self._note(await self._feed.pump())
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

    def _note(self, entries: list[Entry]) -> None:
        for entry in entries:
            match entry.body:
                case RollbackStarted():
                    self._started = True
                case QuestionAnswered(answer="no"):
                    self._declined = not self._started
                case _:
                    pass

    def _over(self) -> bool:
        return (
            self._session.state.engine is None
            or self._declined
            or len(self._item.rollback_history) > self._finished_before
            or (self._started and self._failed() is not None)
        )

    def _failed(self) -> ItemState | None:
        """The item, this one or a dependent, whose rollback ended badly."""
        items = self._session.state.items.values()
        return next((item for item in items if item.rollback_error), None)

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

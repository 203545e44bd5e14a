"""Running items on a copy of the target, and rolling each of them back with its proof."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from runbook_app.domain.clock import parse_time
from runbook_app.domain.entry import Entry
from runbook_app.domain.events import QuestionAnswered, QuestionAsked
from runbook_app.domain.outcome import failures
from runbook_app.domain.plan import Item, Plan
from runbook_app.domain.state import ItemState, SessionState
from runbook_app.domain.times import began, ended, seconds
from runbook_app.headless.driver import Driver, Scope
from runbook_app.headless.interrupts import Interrupts
from runbook_app.headless.lines import Tone
from runbook_app.headless.printer import Printer
from runbook_app.headless.rollback import RollbackDriver, Wish
from runbook_app.headless.summary import columns
from runbook_app.ports.journal import LogLine
from runbook_app.ports.session import Session

REASON = "rehearsal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What came of one item."""

    item: str
    title: str
    ran: bool
    """All of its steps, its criteria and its commit."""
    to_undo: bool
    """It has a checkpoint, to which a rollback leads back."""
    proven: bool = False
    apply_seconds: float = 0.0
    rollback_seconds: float = 0.0
    criteria: str = "-"
    why: tuple[str, ...] = ()
    """What went wrong, and where."""

    @property
    def good(self) -> bool:
        return self.ran and (self.proven or not self.to_undo)


class _Muted:
    """A printer without the advice on how to go on: the session goes with its copy."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self.wants_logs = printer.wants_logs
        self.asked: QuestionAsked | None = None
        """What a person would have had to answer."""
        self.last = ""

    @property
    def lost(self) -> bool:
        return self._printer.lost

    def entry(self, entry: Entry) -> None:
        if isinstance(entry.body, QuestionAsked):
            self.asked = entry.body
        elif isinstance(entry.body, QuestionAnswered):
            self.asked = None
        self._printer.entry(entry)

    def log(self, line: LogLine) -> None:
        self._printer.log(line)

    def say(self, text: str, tone: Tone = Tone.PLAIN) -> None:  # noqa: ARG002 - it is not shown
        self.last = text


class RehearsalDriver:
    """`applied` is awaited when the items have been run, before the first is rolled back."""

    def __init__(
        self,
        session: Session,
        printer: Printer,
        items: tuple[str, ...],
        applied: Callable[[], Awaitable[None]],
    ) -> None:
        self._session = session
        self._printer = _Muted(printer)
        self._items = items
        self._applied = applied

    async def run(self) -> list[Rehearsed]:
        """Run the items, then roll back whatever was begun; in the plan's order.

        Raises:
            LockedError: another driver holds the copy.
        """
        scope = Scope(items=self._items, unattended=True)
        await Driver(self._session, self._printer, scope, Interrupts()).run()
        found = {
            item.id: applied(item, self._state.items[item.id], self._printer.asked)
            for item in self._in_scope()
        }
        await self._applied()
        for item_id in self._newest_first(found):
            found[item_id] = await self._roll_back(found[item_id])
        return list(found.values())

    @property
    def _state(self) -> SessionState:
        return self._session.state

    def _in_scope(self) -> Iterable[Item]:
        plan: Plan = self._session.plan
        return (item for item in plan.items if not self._items or item.id in self._items)

    def _newest_first(self, found: dict[str, Rehearsed]) -> list[str]:
        begun = [item_id for item_id, result in found.items() if result.to_undo]
        opened = {item_id: self._state.items[item_id].checkpoint_opened_at for item_id in begun}
        return sorted(begun, key=lambda item_id: opened[item_id], reverse=True)

    async def _roll_back(self, result: Rehearsed) -> Rehearsed:
        wish = Wish(item=result.item, unattended=True, reason=REASON)
        await RollbackDriver(self._session, self._printer, wish, Interrupts()).run()
        item = self._state.items[result.item]
        done = item.rollback
        if done is None:
            reason = item.rollback_error or self._printer.last or "it did not end"
            return replace(result, why=(*result.why, f"rollback: {reason}"))
        differences = [f"rollback: {d.field}: {d.before} → {d.after}" for d in done.differences]
        return replace(
            result,
            proven=done.proven,
            rollback_seconds=done.seconds,
            why=(*result.why, *differences),
        )


def applied(item: Item, found: ItemState, asked: QuestionAsked | None) -> Rehearsed:
    """What came of an item's run, before it is rolled back."""
    ran = found.status.done
    lines = found.success.values()
    held = f"{sum(line.passed for line in lines)}/{len(lines)}" if lines else "-"
    return Rehearsed(
        item=item.id,
        title=f"{item.number} {item.title} ({item.id})",
        ran=ran,
        to_undo=found.fingerprint is not None,
        apply_seconds=_took(found),
        criteria=held,
        why=() if ran else tuple(_reasons(found, asked)),
    )


def _took(found: ItemState) -> float:
    first, last = began(found), ended(found)
    if not first or last < first:
        return 0.0
    return (parse_time(last) - parse_time(first)).total_seconds()


def _reasons(found: ItemState, asked: QuestionAsked | None) -> list[str]:
    if reasons := list(failures(found)):
        return reasons
    if found.outline.unavailable:
        return ["an action of it is not installed here"]
    if asked is not None and asked.item == found.id:
        return [f"a person has to answer: {asked.text}"]
    words = found.status.value.replace("_", " ")
    return [f"not run to its end ({words})" if found.started else "not run"]


def table(found: Iterable[Rehearsed]) -> list[str]:
    """A row an item, and below it what went wrong."""
    results = list(found)
    rows = [("Item", "Apply", "Criteria", "Rollback", "Proof"), *(_row(r) for r in results)]
    return [*columns(rows), *(f"  {r.item}: {why}" for r in results for why in r.why)]


def _row(result: Rehearsed) -> tuple[str, ...]:
    undone = seconds(result.rollback_seconds) if result.rollback_seconds else "-"
    return (
        result.title,
        seconds(result.apply_seconds) if result.apply_seconds else "-",
        result.criteria,
        undone,
        _proof(result),
    )


def _proof(result: Rehearsed) -> str:
    if not result.to_undo:
        return "nothing to undo" if result.ran else "not run"
    words = "proven" if result.proven else "NOT PROVEN"
    return words if result.ran else f"FAILED, rollback {words}"

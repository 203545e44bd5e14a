"""The dry run: each step's own check, then its action on a target that is only predicted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from runbook_app.domain.clock import format_duration
from runbook_app.domain.errors import ActionError, NotMeasured, RunbookError
from runbook_app.domain.forecast import (
    Ahead,
    Certainty,
    Forecast,
    ItemForecast,
    StepForecast,
    Told,
)
from runbook_app.domain.measure import Finding, Measurement
from runbook_app.domain.plan import (
    ActionKind,
    Call,
    CaptureLine,
    CheckLine,
    ConfirmLine,
    Item,
    Plan,
    Reference,
    Step,
)
from runbook_app.domain.references import left_out, ready
from runbook_app.domain.state import ItemState, ItemStatus, SessionState
from runbook_app.engine.recorder import previous_measurements
from runbook_app.engine.unwatched import Unwatched
from runbook_app.ports.action import Action, Registry
from runbook_app.ports.foresight import Foresight, Unforeseeable

_KINDS = {
    CheckLine: ("check", "checks"),
    ConfirmLine: ("confirmation by a person", "confirmations by a person"),
    CaptureLine: ("capture", "captures"),
}
_NAMED = 4
"""Steps that are named one by one."""


def _nobody(_: Ahead) -> None:
    """Hear of no progress."""


class Forecaster:
    def __init__(
        self,
        plan: Plan,
        *,
        registry: Registry,
        foresight: Foresight,
        mask: Callable[[Forecast], Forecast],
        state: SessionState | None = None,
    ) -> None:
        """With the `state` of a session, what it has done or rolled back is left out, and what its
        steps gave is there."""
        self._plan = plan
        self._registry = registry
        self._foresight = foresight
        self._mask = mask
        self._state = state
        self._changed: list[str] = []
        """Numbers of steps that are predicted to change something."""
        self._lost: list[str] = []
        """Numbers of steps with an effect of which not all is known."""
        self._taken: list[tuple[str, Measurement]] = []

    async def forecast(
        self,
        target: str,
        items: Collection[str] = (),
        told: Callable[[Ahead], None] = _nobody,
    ) -> Forecast:
        """Foresee the plan, or these of its items, in its order; secrets masked.

        `told` hears of each step before it is looked at.
        """
        wanted = [
            item
            for item in self._plan.items
            if (not items or item.id in items)
            and not self._done(item)
            and not self._rolled_back(item)
        ]
        ids = {item.id for item in wanted}
        done = {item.id for item in self._plan.items if self._done(item)}
        steps = {step.id: number for item in wanted for number, step in self._steps(item)}
        places = {name: place for place, name in enumerate(steps, start=1)}

        def begin(step: Step) -> None:
            place, number = places[step.id], steps[step.id]
            told(Ahead(number=number, title=step.title, place=place, total=len(steps)))

        found = [await self._item(item, ids | done, begin) for item in wanted]
        return self._mask(
            Forecast(
                plan=self._plan.id,
                title=self._plan.title,
                version=self._plan.version,
                target=target,
                items=tuple(found),
            )
        )

    def _known(self, item: Item) -> ItemState | None:
        return self._state.items.get(item.id) if self._state else None

    def _done(self, item: Item) -> bool:
        known = self._known(item)
        return known is not None and known.status.done

    def _rolled_back(self, item: Item) -> bool:
        known = self._known(item)
        return known is not None and known.status is ItemStatus.ROLLED_BACK

    def _steps(self, item: Item) -> list[tuple[str, Step]]:
        """Those that are still to run, by their number."""
        known = self._known(item)
        over = {s.id for s in known.steps.values() if s.status.over} if known else set()
        numbered = ((f"{item.number}.{n}", step) for n, step in enumerate(item.steps, start=1))
        return [(number, step) for number, step in numbered if step.id not in over]

    def _checkpoint(self, item: Item) -> tuple[str, ...]:
        known = self._known(item)
        if known is not None and known.checkpoint_passed_at:
            return ()
        kinds = Counter(_KINDS[type(line)] for line in item.checkpoint)
        return tuple(
            f"{count} {one if count == 1 else several}" for (one, several), count in kinds.items()
        )

    async def _item(
        self, item: Item, wanted: Collection[str], begin: Callable[[Step], None]
    ) -> ItemForecast:
        if item.when is not None and item.when.reason:
            reason = item.when.reason
            return ItemForecast(
                id=item.id, number=item.number, title=item.title, not_required=reason
            )
        found = []
        for number, step in self._steps(item):
            begin(step)
            found.append(await self._step(item, step, number))
        return ItemForecast(
            id=item.id,
            number=item.number,
            title=item.title,
            steps=tuple(found),
            checkpoint=self._checkpoint(item),
            criteria=len(item.success),
            commit=item.commit.partition("\n")[0],
            not_required=item.not_required,
            needs=tuple(need for need in item.needs if need not in wanted),
        )

    async def _step(self, item: Item, step: Step, number: str) -> StepForecast:
        blank = StepForecast(
            id=step.id, number=number, title=step.title, action=step.call.action, effect=step.effect
        )
        if step.when is not None and step.when.reason:
            return _with(blank, not_applicable=step.when.reason)
        call, passed, waits = self._prepared(item, step)
        if passed:
            return _with(blank, not_applicable=passed)
        if waits:
            if step.effect:
                self._lose_sight(number)
            return _with(blank, cannot_know=waits)
        action = self._registry.get(step.call.action)
        if action is None:
            self._lose_sight(number)
            return _with(blank, cannot_know="its action is not installed")
        try:
            parameters = self._registry.coerce(action, dict(call.parameters))
        except ValueError as error:
            return _with(blank, cannot_know=f"a parameter is wrong: {error}")
        made = _Made(item=item.id, step=step, number=number, action=action, parameters=parameters)
        if action.kind is ActionKind.EFFECT:
            return await self._effect(blank, made)
        return await self._measuring(blank, made)

    def _prepared(self, item: Item, step: Step) -> tuple[Call, str, str]:
        """The call with its values in place; why it is passed over, or what it waits for."""
        if self._state is None:
            return step.call, "", _waits(item, step)
        known = self._known(item)
        edited = known.steps[step.id].parameters if known and step.id in known.steps else None
        call = step.call_with(edited)
        try:
            passed = left_out(item.when, item.id, self._state)
            passed = passed or left_out(step.when, item.id, self._state)
            return ready(call, item.id, self._state), passed, ""
        except ActionError as error:
            return call, "", error.message

    async def _effect(self, blank: StepForecast, call: _Made) -> StepForecast:
        told = await self._told(call)
        if told.done:
            assumes = self._doubts() if told.certainty is Certainty.PREDICTED else ()
            return _with(blank, check=told, assumes=assumes)
        ended = await self._tried(call)
        changes = tuple(await self._foresight.foreseen())
        assumes = (*self._foresight.assumed, *(self._doubts() if changes else ()))
        if changes:
            self._changed.append(blank.number)
        if ended.cannot_know or ended.fails:
            self._lose_sight(blank.number)
        return _with(
            blank,
            check=told,
            changes=changes,
            assumes=assumes,
            cannot_know=ended.cannot_know,
            fails=ended.fails,
        )

    async def _told(self, call: _Made) -> Told:
        recorder = _Recorder(self._taken, self._state)
        run = self._foresight.asking(recorder=recorder, **call.place)
        checker = call.action.checker
        if checker is None:
            return Told(certainty=Certainty.UNKNOWN, evidence="the action has no check")
        found: list[Finding] = []

        async def ask() -> None:
            found.append(await checker(run, **call.parameters))

        ended = await self._ended(ask(), call.step.timeout)
        if not found:
            return Told(certainty=Certainty.UNKNOWN, evidence=ended.cannot_know or ended.fails)
        proved = not (self._foresight.looked or self._lost)
        return Told(
            certainty=Certainty.PROVED if proved else Certainty.PREDICTED,
            progress=found[0].progress,
            evidence=found[0].evidence,
        )

    async def _tried(self, call: _Made) -> _Ended:
        recorder = _Recorder(self._taken, self._state)
        run = self._foresight.trying(recorder=recorder, **call.place)
        return await self._ended(call.action.function(run, **call.parameters), call.step.timeout)

    async def _measuring(self, blank: StepForecast, call: _Made) -> StepForecast:
        """A check runs while nothing before it changes anything; a probe never does: it writes."""
        recorder = _Recorder(self._taken, self._state)
        if call.action.kind is ActionKind.PROBE:
            return _with(blank, cannot_know="it has to write in order to measure")
        if self._changed or self._lost or not self._foresight.untouched:
            needed = f"what it measures, once {self._before()}"
            run = self._foresight.closed(recorder=recorder, needed=needed, **call.place)
        else:
            run = self._foresight.asking(recorder=recorder, **call.place)
        work = call.action.function(run, **call.parameters)
        ended = await self._ended(work, call.step.timeout)
        self._taken += [(call.step.id, measurement) for measurement in recorder.measurements]
        bad = "; ".join(m.name for m in recorder.measurements if not m.ok)
        fails = ended.fails or (f"does not hold: {bad}" if bad and not ended.cannot_know else "")
        return _with(
            blank,
            cannot_know=ended.cannot_know,
            fails=fails,
            measured=tuple(recorder.measurements),
        )

    async def _ended(self, work: Awaitable[None], limit: timedelta) -> _Ended:
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await work
        except Unforeseeable as ended:
            return _Ended(cannot_know=ended.needed)
        except TimeoutError:
            return _Ended(cannot_know=f"it was not foreseen within {format_duration(limit)}")
        except NotMeasured as error:
            return _Ended(cannot_know=str(error))
        except ActionError as error:
            return _Ended(fails=str(error))
        except RunbookError as error:
            return _Ended(cannot_know=str(error))
        except Exception as error:  # noqa: BLE001 - an action's own mistake ends its prediction
            return _Ended(cannot_know=f"it ended with {type(error).__name__}: {error}")
        return _Ended()

    def _before(self) -> str:
        steps = list(dict.fromkeys([*self._changed, *self._lost]))
        if len(steps) <= _NAMED:
            return f"{', '.join(steps)} {'have' if len(steps) > 1 else 'has'} run"
        return (
            f"the {len(steps)} steps before it that change something have run, from {steps[0]} on"
        )

    def _lose_sight(self, number: str) -> None:
        self._lost.append(number)
        self._foresight.lose_sight(number)

    def _doubts(self) -> tuple[str, ...]:
        if not self._lost:
            return ()
        return (f"what is not known of {', '.join(self._lost)} leaves this alone",)


def _waits(item: Item, step: Step) -> str:
    """What a step needs of others before it can be foreseen; empty when it needs nothing."""
    asked = [reference for each in (item.when, step.when) if each for reference in each.references]
    given = [p for later in step.call.later for p in later.parts if isinstance(p, Reference)]
    if not asked and not given:
        return ""
    what = "whether it is run" if asked else "its parameters"
    needed = ", ".join(dict.fromkeys(str(reference) for reference in (*asked, *given)))
    return f"{what}: {needed} is known when that step has run"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    item: str
    step: Step
    number: str
    action: Action
    parameters: dict[str, object]

    @property
    def place(self) -> dict[str, str]:
        return {"item": self.item, "step": self.step.id, "called": self.number}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How trying an action ended; empty: as it should."""

    cannot_know: str = ""
    fails: str = ""


@dataclass(slots=True)
class _Recorder(Unwatched):
    taken: Sequence[tuple[str, Measurement]]
    state: SessionState | None
    measurements: list[Measurement] = field(default_factory=list)

    def measured(self, measurement: Measurement) -> None:
        self.measurements.append(measurement)

    async def ask(self, text: str, **how: object) -> str:  # noqa: ARG002 - nobody is asked
        raise Unforeseeable(f"a person is asked: {text.partition(chr(10))[0]}")

    def previous(self, name: str) -> list[tuple[str, Measurement]]:
        found = previous_measurements(self.state, name) if self.state else []
        found += [(by, taken) for by, taken in self.taken if taken.name == name]
        if not found:
            raise Unforeseeable(f"what was measured before as '{name}', in a session")
        return found


def _with(blank: StepForecast, **fields: object) -> StepForecast:
    return msgspec.structs.replace(blank, **fields)

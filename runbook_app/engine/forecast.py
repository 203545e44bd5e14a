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
    Certainty,
    Forecast,
    ItemForecast,
    StepForecast,
    Told,
)
from runbook_app.domain.measure import Finding, Measurement
from runbook_app.domain.plan import (
    ActionKind,
    CaptureLine,
    CheckLine,
    ConfirmLine,
    Item,
    Plan,
    Reference,
    Step,
)
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


class Forecaster:
    def __init__(
        self,
        plan: Plan,
        *,
        registry: Registry,
        foresight: Foresight,
        mask: Callable[[Forecast], Forecast],
    ) -> None:
        self._plan = plan
        self._registry = registry
        self._foresight = foresight
        self._mask = mask
        self._changed: list[str] = []
        """Numbers of steps that are predicted to change something."""
        self._lost: list[str] = []
        """Numbers of steps with an effect of which not all is known."""
        self._taken: list[tuple[str, Measurement]] = []

    async def forecast(self, target: str, items: Collection[str] = ()) -> Forecast:
        """Foresee the plan, or these of its items, in its order; secrets masked."""
        wanted = [item for item in self._plan.items if not items or item.id in items]
        ids = {item.id for item in wanted}
        found = [await self._item(item, ids) for item in wanted]
        return self._mask(
            Forecast(
                plan=self._plan.id,
                title=self._plan.title,
                version=self._plan.version,
                target=target,
                items=tuple(found),
            )
        )

    async def _item(self, item: Item, wanted: Collection[str]) -> ItemForecast:
        if item.when is not None and item.when.reason:
            reason = item.when.reason
            return ItemForecast(
                id=item.id, number=item.number, title=item.title, not_required=reason
            )
        kinds = Counter(_KINDS[type(line)] for line in item.checkpoint)
        return ItemForecast(
            id=item.id,
            number=item.number,
            title=item.title,
            steps=tuple(
                [
                    await self._step(item, step, f"{item.number}.{place}")
                    for place, step in enumerate(item.steps, start=1)
                ]
            ),
            checkpoint=tuple(
                f"{number} {one if number == 1 else several}"
                for (one, several), number in kinds.items()
            ),
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
        if waits := _waits(item, step):
            if step.effect:
                self._lose_sight(number)
            return _with(blank, cannot_know=waits)
        action = self._registry.get(step.call.action)
        if action is None:
            self._lose_sight(number)
            return _with(blank, cannot_know="its action is not installed")
        try:
            parameters = self._registry.coerce(action, dict(step.call.parameters))
        except ValueError as error:
            return _with(blank, cannot_know=f"a parameter is wrong: {error}")
        call = _Call(item=item.id, step=step, number=number, action=action, parameters=parameters)
        if action.kind is ActionKind.EFFECT:
            return await self._effect(blank, call)
        return await self._measuring(blank, call)

    async def _effect(self, blank: StepForecast, call: _Call) -> StepForecast:
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

    async def _told(self, call: _Call) -> Told:
        recorder = _Recorder(self._taken)
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

    async def _tried(self, call: _Call) -> _Ended:
        recorder = _Recorder(self._taken)
        run = self._foresight.trying(recorder=recorder, **call.place)
        return await self._ended(call.action.function(run, **call.parameters), call.step.timeout)

    async def _measuring(self, blank: StepForecast, call: _Call) -> StepForecast:
        """A check runs while nothing before it changes anything; a probe never does: it writes."""
        recorder = _Recorder(self._taken)
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
class _Call:
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
    measurements: list[Measurement] = field(default_factory=list)

    def measured(self, measurement: Measurement) -> None:
        self.measurements.append(measurement)

    async def ask(self, text: str, **how: object) -> str:  # noqa: ARG002 - nobody is asked
        raise Unforeseeable(f"a person is asked: {text.partition(chr(10))[0]}")

    def previous(self, name: str) -> list[tuple[str, Measurement]]:
        found = [(by, taken) for by, taken in self.taken if taken.name == name]
        if not found:
            raise Unforeseeable(f"what was measured before as '{name}', in a session")
        return found


def _with(blank: StepForecast, **fields: object) -> StepForecast:
    return msgspec.structs.replace(blank, **fields)

"""Dry runs of actions on a target of fakes, and their diffs applied."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from runbook_app.adapters.foresight.secrets import ForeseenSecrets
from runbook_app.adapters.foresight.target import ForeseenTarget
from runbook_app.adapters.foresight.world import World
from runbook_app.domain.forecast import Ahead, Forecast
from runbook_app.domain.plan import ActionKind, Call, Item, Plan, Step
from runbook_app.domain.state import SessionState
from runbook_app.engine.forecast import Forecaster
from runbook_app.engine.redaction import Redactor
from runbook_app.ports.action import Action, Recorder, Run
from runbook_app.testing.foresight import FakeProjectReader
from runbook_app.testing.harness import Case
from runbook_app.testing.run import FakeTarget


@dataclass
class Known:
    """The actions of some cases, with their parameters as they are."""

    actions: dict[str, Action]

    def get(self, name: str) -> Action | None:
        return self.actions.get(name)

    def names(self) -> list[str]:
        return [*self.actions]

    def parameters(self, action: Action) -> dict[str, Any]:
        return {}

    def coerce(self, action: Action, values: dict[str, object]) -> dict[str, object]:
        return values


def plan_of(target: FakeTarget, cases: Sequence[Case]) -> Plan:
    steps = tuple(
        Step(
            id=f"item.s{place}",
            title=case.action.name,
            call=Call(action=case.action.name, parameters=case.parameters),
            effect=case.action.kind is ActionKind.EFFECT,
        )
        for place, case in enumerate(cases, start=1)
    )
    item = Item(id="item", number=1, title="Item", steps=steps)
    return replace(target.run.plan, items=(item,))


async def dry_run(
    target: FakeTarget,
    scratch: Path,
    *cases: Case,
    edit: Callable[[Plan], Plan] = lambda plan: plan,
    state: SessionState | None = None,
    told: Callable[[Ahead], None] = lambda _: None,
) -> Forecast:
    """Foresee these cases one after the other, as the steps of one item of an edited plan.

    Of a session only what is left by its `state`.
    """
    plan, redactor = edit(plan_of(target, cases)), Redactor(["postgres"])
    world = World(target.folder)
    secrets = ForeseenSecrets(world, redactor.register)
    for name, value in target.secrets.history:
        secrets.register(name, value)

    def real(*, item: str, step: str, recorder: Recorder) -> Run:
        return dataclasses.replace(target.run, plan=plan, item=item, step=step, recorder=recorder)

    foresight = ForeseenTarget(
        world,
        real=real,
        reader=FakeProjectReader(target.compose),
        secrets=secrets,
        scratch=scratch,
    )
    known = Known({case.action.name: case.action for case in cases})
    forecaster = Forecaster(
        plan, registry=known, foresight=foresight, mask=redactor.structure, state=state
    )
    return await forecaster.forecast("fake", told=told)


def patched(before: str, diff: str) -> str:
    """A text with a unified diff applied to it."""
    old, new = before.splitlines(), list[str]()
    place = 0
    for line in diff.splitlines()[2:]:
        if hunk := re.match(r"@@ -(\d+)(?:,(\d+))? ", line):
            start = int(hunk[1]) - (hunk[2] != "0")
            new += old[place:start]
            place = start
        elif line.startswith("+"):
            new.append(line[1:])
        else:
            assert old[place] == line[1:]
            new += [] if line.startswith("-") else [old[place]]
            place += 1
    return "".join(f"{line}\n" for line in [*new, *old[place:]])

"""A dry run: a target that is only read, and what a plan would do to it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.bootstrap.engines import plain_names
from runbook_app.bootstrap.sessions import check_target
from runbook_app.domain.errors import CaptureRequired, UsageError

if TYPE_CHECKING:
    from runbook_app.domain.forecast import Forecast
    from runbook_app.domain.plan import Plan
    from runbook_app.engine.forecast import Forecaster
    from runbook_app.ports.target import Prior


def foresee(plan: Plan, target: Path, items: Collection[str] = ()) -> Forecast:
    """Foresee what a plan, or these of its items, would do to a target; nothing is changed.

    Temporary files lie in a private folder that is gone afterwards.

    Raises:
        UsageError: there is no such target, or temporary files would lie in it.
    """
    target = target.expanduser().resolve()
    check_target(plan, target)
    if Path(tempfile.gettempdir()).resolve().is_relative_to(target):
        raise UsageError(
            f"Temporary files would be written into {target}.", hint="Set TMPDIR to another folder."
        )
    with tempfile.TemporaryDirectory(prefix="runbook-plan-") as made:
        return asyncio.run(_foresee(plan, target, Path(made), items))


async def _foresee(plan: Plan, target: Path, scratch: Path, items: Collection[str]) -> Forecast:
    async with _forecaster(plan, target, scratch) as forecaster:
        return await forecaster.forecast(str(target), items)


@asynccontextmanager
async def _forecaster(plan: Plan, root: Path, scratch: Path) -> AsyncIterator[Forecaster]:
    from runbook_app.adapters.artefacts import FolderArtefacts
    from runbook_app.adapters.children import Children, forget
    from runbook_app.adapters.foresight.secrets import ForeseenSecrets
    from runbook_app.adapters.foresight.target import ForeseenTarget
    from runbook_app.adapters.foresight.world import World
    from runbook_app.adapters.notifier import VARIABLE
    from runbook_app.adapters.registry import InstalledActions
    from runbook_app.adapters.sealer import FileKeySealer
    from runbook_app.adapters.target import StackTarget
    from runbook_app.adapters.target_secrets import secrets_of
    from runbook_app.engine.forecast import Forecaster
    from runbook_app.engine.redaction import Redactor
    from runbook_app.ports.action import Recorder, Run

    world, redactor = World(root), Redactor(plain_names(plan))
    secrets = ForeseenSecrets(world, redactor.register)
    for name, value in secrets_of(root, plan.target.compose):
        secrets.register(name, value)
    target = StackTarget(
        plan=plan,
        root=root,
        scratch=scratch / "scratch",
        session="dry-run",
        children=Children(forget, {VARIABLE: None}),
        secrets=secrets,
        artefacts=FolderArtefacts(scratch, FileKeySealer(scratch / "key")),
    )

    def real(*, item: str, step: str, recorder: Recorder) -> Run:
        return target.context(item=item, step=step, capture=_refuse, recorder=recorder)

    foresight = ForeseenTarget(
        world, real=real, reader=target.project, secrets=secrets, scratch=scratch / "scratch"
    )
    try:
        yield Forecaster(
            plan, registry=InstalledActions(), foresight=foresight, mask=redactor.structure
        )
    finally:
        await target.close()


async def _refuse(prior: Prior) -> None:
    """Stop whatever would change the target: each change asks for a capture before it begins."""
    raise CaptureRequired(f"A dry run changes nothing, and {prior.name} was about to be changed.")

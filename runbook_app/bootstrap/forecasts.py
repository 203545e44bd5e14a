"""A dry run: a target that is only read, and what a plan would do to it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from runbook_app.bootstrap.engines import plain_names
from runbook_app.bootstrap.sessions import check_target, client, load_plan
from runbook_app.bootstrap.surroundings import artefacts_in
from runbook_app.domain.errors import ActionError, CaptureRequired, RunbookError, UsageError

if TYPE_CHECKING:
    from runbook_app.adapters.dry_run import Asked
    from runbook_app.domain.forecast import Ahead, Forecast
    from runbook_app.domain.plan import Plan
    from runbook_app.engine.client import SessionClient
    from runbook_app.engine.forecast import Forecaster
    from runbook_app.ports.dry_run import DryRun
    from runbook_app.ports.target import Prior

Told = Callable[["Ahead"], None]


def foresee(
    plan: Plan,
    target: Path,
    items: Collection[str] = (),
    told: Told = lambda _: None,
    session: SessionClient | None = None,
) -> Forecast:
    """Foresee what a plan, or these of its items, would do to a target; nothing is changed.

    Of a `session` only what is still to do. Temporary files lie in a private folder that is gone
    afterwards.

    Raises:
        UsageError: there is no such target, or temporary files would lie in it.
        EnvironmentLacks: the plan has a Compose project, and no Docker engine or Compose is here.
    """
    import asyncio
    import tempfile

    target = target.expanduser().resolve()
    if plan.target.compose:
        from runbook_app.adapters.doctor import require_stack

        require_stack(target)
    check_target(plan, target)
    if Path(tempfile.gettempdir()).resolve().is_relative_to(target):
        raise UsageError(
            f"Temporary files would be written into {target}.", hint="Set TMPDIR to another folder."
        )
    with tempfile.TemporaryDirectory(prefix="runbook-plan-") as made:
        try:
            return asyncio.run(_foresee(plan, target, Path(made), items, told, session))
        except ActionError as error:
            raise UsageError(error.message, hint=error.hint) from error


async def _foresee(
    plan: Plan,
    target: Path,
    scratch: Path,
    items: Collection[str],
    told: Told,
    session: SessionClient | None,
) -> Forecast:
    async with _forecaster(plan, target, scratch, session) as forecaster:
        return await forecaster.forecast(str(target), items, told)


@asynccontextmanager
async def _forecaster(
    plan: Plan, root: Path, scratch: Path, session: SessionClient | None
) -> AsyncIterator[Forecaster]:
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
    from runbook_app.engine.known_secrets import secrets_kept
    from runbook_app.engine.redaction import Redactor
    from runbook_app.ports.action import Recorder, Run

    world, redactor = World(root), Redactor(plain_names(plan))
    secrets = ForeseenSecrets(world, redactor.register)
    for value, name in secrets_kept(artefacts_in(session.folder)).items() if session else ():
        secrets.register(name, value)
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
            plan,
            registry=InstalledActions(),
            foresight=foresight,
            mask=redactor.structure,
            state=session.state if session else None,
        )
    finally:
        await target.close()


async def _refuse(prior: Prior) -> None:
    """Stop whatever would change the target: each change asks for a capture before it begins."""
    raise CaptureRequired(f"A dry run changes nothing, and {prior.name} was about to be changed.")


@contextmanager
def leaving_nothing() -> Iterator[None]:
    """Let signals end this process as an error does, so that temporary files are taken away."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, _leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


# In a process of its own


def dry_run(plan: Path, target: Path, overrides: Mapping[str, str]) -> DryRun:
    """A dry run of a plan, for a screen."""
    from runbook_app.adapters.dry_run import Asked, ProcessDryRun

    return ProcessDryRun(Asked(plan=str(plan), target=str(target), variables=dict(overrides)))


def answer_dry_run() -> int:
    """Make the dry run that standard input asks for, and tell it on standard output."""
    import msgspec

    from runbook_app.adapters.dry_run import Asked, Said

    def say(said: Said) -> None:
        os.write(1, msgspec.json.encode(said) + b"\n")

    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    with leaving_nothing():
        try:
            found = _answer(asked, lambda ahead: say(Said(ahead=ahead)))
        except RunbookError as error:
            say(Said(error=error.message, hint=error.hint))
            return error.exit_code
        say(Said(found=found))
    return 0


def _answer(asked: Asked, told: Told) -> Forecast:
    if asked.session:
        with closing(client(Path(asked.session), read_only=True)) as session:
            return foresee(session.plan, Path(session.started.target), (), told, session)
    target = Path(asked.target)
    plan = load_plan(Path(asked.plan), target, asked.variables, window_from_now=True)
    return foresee(plan, target, (), told)

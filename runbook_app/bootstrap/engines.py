"""The engine's process, with everything that it drives."""

from __future__ import annotations

import asyncio
import getpass
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.bootstrap.rehearsals import rehearsal_record
from runbook_app.bootstrap.sessions import client
from runbook_app.bootstrap.surroundings import crash_point, home
from runbook_app.domain.errors import RunbookError, UsageError

if TYPE_CHECKING:
    from runbook_app.adapters.lock import TargetLock
    from runbook_app.domain.plan import Plan
    from runbook_app.engine.client import SessionClient
    from runbook_app.engine.engine import Engine


def run_engine(folder: Path, descriptor: int) -> int:
    """Drive a session to its end; `descriptor` hears whether that could begin."""
    from runbook_app.adapters.engine_start import answer

    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        lock, session = _hold_target(folder)
    except RunbookError as error:
        answer(descriptor, error)
        return error.exit_code
    begun = False

    def begin() -> None:
        nonlocal begun
        begun = True
        answer(descriptor, None)

    try:
        asyncio.run(_drive(folder, session, begin))
    except RunbookError as error:
        if not begun:
            answer(descriptor, error)
        return error.exit_code
    finally:
        session.close()
        lock.release()
    return 0


def _hold_target(folder: Path) -> tuple[TargetLock, SessionClient]:
    from runbook_app.adapters.lock import TargetLock

    session = client(folder, read_only=True)
    target = Path(session.started.target)
    if not target.is_dir():
        raise UsageError(f"The session's target {target} is not there any more.")
    lock = TargetLock(target, home())
    lock.acquire(session.id, getpass.getuser())
    return lock, session


@contextmanager
def only_driver(target: Path, what: str) -> Iterator[None]:
    """Hold a target's lock.

    Raises:
        LockedError: another driver holds it.
    """
    from runbook_app.adapters.lock import TargetLock

    lock = TargetLock(target.expanduser().resolve(), home())
    lock.acquire(what, getpass.getuser())
    try:
        yield
    finally:
        lock.release()


async def _drive(folder: Path, session: SessionClient, begun: Callable[[], None]) -> None:
    from runbook_app.adapters.children import start_time
    from runbook_app.domain.events import EngineStarted

    async with assembled(folder, session) as engine:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, engine.stop, "the process was told to end")
        started = EngineStarted(
            epoch=session.state.epoch + 1,
            pid=os.getpid(),
            pid_started=start_time(os.getpid()) or "",
            host=socket.gethostname(),
        )
        await engine.run(started, begun=begun)


@asynccontextmanager
async def assembled(folder: Path, session: SessionClient) -> AsyncIterator[Engine]:
    """The engine with everything it drives, closed in order at the end."""
    from runbook_app.adapters.artefacts import FolderArtefacts
    from runbook_app.adapters.children import Children
    from runbook_app.adapters.clock import SystemClock
    from runbook_app.adapters.doorbell import SocketDoorbell
    from runbook_app.adapters.engine_start import say_last
    from runbook_app.adapters.logs import SqliteLogWriter
    from runbook_app.adapters.recipient import recipient_of
    from runbook_app.adapters.registry import InstalledActions
    from runbook_app.adapters.rehearsal_record import TargetRehearsals
    from runbook_app.adapters.sealer import FileKeySealer
    from runbook_app.adapters.sqlite_journal import SqliteJournal
    from runbook_app.adapters.target import StackTarget
    from runbook_app.adapters.target_secrets import secrets_of
    from runbook_app.engine.assembly import assemble
    from runbook_app.engine.known_secrets import KnownSecrets
    from runbook_app.engine.ledger import Ledger
    from runbook_app.engine.redaction import Redactor

    clock, plan = SystemClock(), session.plan
    redactor = Redactor(plain_names(plan))
    journal = SqliteJournal(folder / "journal.db", clock)
    doorbell = SocketDoorbell(folder)
    logs = SqliteLogWriter(folder / "logs.db")
    ledger = Ledger(journal, doorbell, redactor)
    root = Path(session.started.target)
    artefacts = FolderArtefacts(folder, FileKeySealer(home() / "captures.key"))
    secrets = KnownSecrets(redactor, artefacts, recipient_of(folder))
    children = Children(ledger.emit, {"RUNBOOK_CANARY": secrets.canary()})
    for name, value in secrets_of(root, plan.target.compose):
        secrets.register(name, value)
    target = StackTarget(
        plan=plan,
        root=root,
        scratch=folder / "scratch",
        session=session.id,
        children=children,
        secrets=secrets,
        artefacts=artefacts,
    )
    try:
        yield assemble(
            plan=plan,
            root=root,
            ledger=ledger,
            target=target,
            artefacts=artefacts,
            registry=InstalledActions(),
            logs=logs,
            redactor=redactor,
            clock=clock,
            crash=crash_point(),
            end_survivor=children.end_survivor,
            rehearsals=TargetRehearsals(rehearsal_record(), plan, root, children),
            canary=secrets.canary(),
        )
    except Exception as error:
        raise say_last(error, redactor.text) from error
    finally:
        await target.close()
        logs.close()
        doorbell.close()
        journal.close()


def plain_names(plan: Plan) -> list[str]:
    """Words of the plan that are no secrets, even where a weak password equals one."""
    database = plan.target.database
    names = [database.service, database.name, database.user, plan.target.api_service]
    return [*names, *(item.id for item in plan.items), "postgres"]

"""The engine's process, with everything that it drives."""

from __future__ import annotations

import asyncio
import getpass
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.bootstrap.rehearsals import rehearsal_record
from runbook_app.bootstrap.sessions import client
from runbook_app.bootstrap.surroundings import crash_point, home
from runbook_app.domain.errors import RunbookError, UsageError

if TYPE_CHECKING:
    from runbook_app.adapters.artefacts import FolderArtefacts
    from runbook_app.adapters.children import Children
    from runbook_app.adapters.lock import TargetLock
    from runbook_app.adapters.target import StackTarget
    from runbook_app.domain.plan import Plan
    from runbook_app.engine.client import SessionClient
    from runbook_app.engine.engine import Engine
    from runbook_app.engine.redaction import Redactor


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


def stand_guard(folder: Path) -> int:
    """Be the guard that an engine started; standard output and input are its."""
    from runbook_app.adapters.children import Children, forget, start_time
    from runbook_app.adapters.clock import SystemClock
    from runbook_app.adapters.guards import stand_by
    from runbook_app.engine.guard import Guard

    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    session = client(folder, read_only=False)
    pid = os.getpid()
    guard = Guard(
        session,
        SystemClock(),
        pid=pid,
        pid_started=start_time(pid) or "",
        end=Children(forget).end_survivor,
    )
    stand_by()
    try:
        asyncio.run(guard.stand())
    finally:
        session.close()
    return 0


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
    from runbook_app.adapters.children import Children
    from runbook_app.adapters.clock import SystemClock
    from runbook_app.adapters.doorbell import SocketDoorbell
    from runbook_app.adapters.engine_start import say_last
    from runbook_app.adapters.guards import DetachedGuards
    from runbook_app.adapters.logs import SqliteLogWriter
    from runbook_app.adapters.registry import InstalledActions
    from runbook_app.adapters.rehearsal_record import TargetRehearsals
    from runbook_app.adapters.sqlite_journal import SqliteJournal
    from runbook_app.engine.assembly import assemble
    from runbook_app.engine.ledger import Ledger
    from runbook_app.engine.redaction import Redactor

    clock, plan = SystemClock(), session.plan
    journal = SqliteJournal(folder / "journal.db", clock)
    doorbell = SocketDoorbell(folder)
    logs = SqliteLogWriter(folder / "logs.db")
    redactor = Redactor(plain_names(plan))
    ledger = Ledger(journal, doorbell, redactor)
    children = Children(ledger.emit)
    root = Path(session.started.target)
    target, artefacts = target_in(folder, session, children, redactor)
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
            guards=DetachedGuards(
                folder,
                children,
                guard=[sys.executable, "-m", "runbook_app.guard_process", str(folder)],
                check=[sys.executable, "-m", "runbook_app.check_process", str(folder)],
            ),
            rehearsals=TargetRehearsals(rehearsal_record(), plan, root, children),
        )
    except Exception as error:
        raise say_last(error, redactor.text) from error
    finally:
        await target.close()
        logs.close()
        doorbell.close()
        journal.close()


def target_in(
    folder: Path, session: SessionClient, children: Children, redactor: Redactor
) -> tuple[StackTarget, FolderArtefacts]:
    """The session's target, with its secrets made known to the redactor."""
    from runbook_app.adapters.artefacts import FolderArtefacts
    from runbook_app.adapters.recipient import recipient_of
    from runbook_app.adapters.sealer import FileKeySealer
    from runbook_app.adapters.target import StackTarget
    from runbook_app.adapters.target_secrets import secrets_of
    from runbook_app.engine.known_secrets import KnownSecrets

    plan, root = session.plan, Path(session.started.target)
    artefacts = FolderArtefacts(folder, FileKeySealer(home() / "captures.key"))
    secrets = KnownSecrets(redactor, artefacts, recipient_of(folder))
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
    return target, artefacts


def plain_names(plan: Plan) -> list[str]:
    """Words of the plan that are no secrets, even where a weak password equals one."""
    database = plan.target.database
    names = [database.service, database.name, database.user, plan.target.api_service]
    return [*names, *(item.id for item in plan.items), "postgres"]

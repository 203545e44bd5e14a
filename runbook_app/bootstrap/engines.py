"""The engine's process, with everything that it drives."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.bootstrap.notifying import notifier
from runbook_app.bootstrap.rehearsals import rehearsal_record
from runbook_app.bootstrap.sessions import client, not_on_record
from runbook_app.bootstrap.signals import read_journal
from runbook_app.bootstrap.surroundings import artefacts_in, crash_point, home
from runbook_app.domain.errors import EnvironmentLacks, LockedError, RunbookError, UsageError

if TYPE_CHECKING:
    from runbook_app.adapters.artefacts import FolderArtefacts
    from runbook_app.adapters.children import Children
    from runbook_app.adapters.lock import Held, TargetLock
    from runbook_app.adapters.target import StackTarget
    from runbook_app.domain.events import LockTaken
    from runbook_app.domain.plan import Plan
    from runbook_app.engine.client import SessionClient
    from runbook_app.engine.engine import Engine
    from runbook_app.engine.known_secrets import KnownSecrets
    from runbook_app.engine.redaction import Redactor


def run_engine(folder: Path, descriptor: int, take_over: str = "") -> int:
    """Drive a session to its end; `descriptor` hears whether that could begin.

    `take_over` is the reason to displace whoever holds the target; empty: they are not.
    """
    import asyncio
    import signal

    from runbook_app.adapters.engine_start import answer

    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        lock, session, taken = _hold_target(folder, take_over)
    except RunbookError as error:
        answer(descriptor, error)
        return error.exit_code
    begun = False

    def begin() -> None:
        nonlocal begun
        begun = True
        answer(descriptor, None)

    try:
        asyncio.run(_drive(folder, session, begin, lock.beat, taken))
    except RunbookError as error:
        if not begun:
            answer(descriptor, error)
        return error.exit_code
    finally:
        session.close()
        lock.release()
    return 0


def _hold_target(
    folder: Path, take_over: str
) -> tuple[TargetLock, SessionClient, Sequence[LockTaken]]:
    from runbook_app.adapters.lock import TargetLock

    session = client(folder, read_only=True)
    if session.plan.sha256 != session.state.plan_sha256:
        raise UsageError(
            f"The plan is not the one that the session is on record with. {not_on_record(session)}",
            hint=f"`runbook resume {session.id} --accept-plan-change` goes on with"
            f" {session.started.plan_path} as it is now.",
        )
    target = Path(session.started.target)
    if not target.is_dir():
        raise UsageError(f"The session's target {target} is not there any more.")
    lock = TargetLock(target, home())
    before = lock.acquire(session.id, getpass.getuser(), beats=True, take_over=bool(take_over))
    return lock, session, () if before is None else (_lock_taken(before, take_over),)


def _lock_taken(before: Held, take_over: str) -> LockTaken:
    from runbook_app.domain.clock import to_text
    from runbook_app.domain.events import LockTaken

    holder = before.holder
    return LockTaken(
        session=holder.session,
        operator=holder.operator,
        host=holder.host,
        pid=holder.pid,
        since=holder.since,
        heartbeat=to_text(before.heartbeat),
        how=before.how,
        by=getpass.getuser(),
        reason="" if before.how == "ended" else take_over,
    )


def refusal(target: Path) -> LockedError | None:
    """What a second driver of a target is told; None when nobody that runs has recorded a lock."""
    from runbook_app.adapters.lock import TargetLock

    try:
        return TargetLock(target, home()).refusal()
    except EnvironmentLacks:  # the target is not there
        return None


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
    import asyncio
    import signal

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


async def _drive(
    folder: Path,
    session: SessionClient,
    begun: Callable[[], None],
    beat: Callable[[], None],
    taken: Sequence[LockTaken],
) -> None:
    import asyncio
    import signal
    import socket

    from runbook_app.adapters.children import start_time
    from runbook_app.adapters.registry import InstalledActions
    from runbook_app.domain.events import EngineStarted

    for lock in taken:
        if lock.session != session.id:
            await _end_children(home() / lock.session)
    async with assembled(folder, session) as engine:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, engine.stop, "the process was told to end")
        started = EngineStarted(
            epoch=session.state.epoch + 1,
            pid=os.getpid(),
            pid_started=start_time(os.getpid()) or "",
            host=socket.gethostname(),
            actions_from=InstalledActions().sources(session.plan.actions()),
        )
        await engine.run(started, begun=begun, beat=beat, taken=taken)


async def _end_children(folder: Path) -> None:
    """End what an engine of another session left at work on the target: never two actors."""
    from runbook_app.adapters.children import Children, forget
    from runbook_app.domain.fold import fold
    from runbook_app.domain.state import SessionState

    if not (folder / "journal.db").is_file():
        return

    journal, state = read_journal(folder), SessionState()
    try:
        while entries := journal.read(state.seq):
            fold(entries, state)
    finally:
        journal.close()
    for child in state.children.values():  # that session's own recovery records their end
        await Children(forget).end_survivor(child.pid, child.pid_started)


@asynccontextmanager
async def assembled(folder: Path, session: SessionClient) -> AsyncIterator[Engine]:
    """The engine with everything it drives, closed in order at the end."""
    from runbook_app.adapters.by_hand import SpooledTranscripts
    from runbook_app.adapters.children import Children
    from runbook_app.adapters.clock import SystemClock
    from runbook_app.adapters.doorbell import SocketDoorbell
    from runbook_app.adapters.engine_start import say_last
    from runbook_app.adapters.guards import DetachedGuards
    from runbook_app.adapters.logs import SqliteLogWriter
    from runbook_app.adapters.notifier import VARIABLE
    from runbook_app.adapters.one_time import MemoryKey
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
    root = Path(session.started.target)
    secrets, artefacts = secrets_in(folder, session, redactor)
    # The addresses that a person is called at are none of the children's business.
    children = Children(ledger.emit, {**secrets.environment(), VARIABLE: None})
    target = target_in(folder, session, children, secrets, artefacts)
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
                guard=[sys.executable, "-m", "runbook_app.processes.guard", str(folder)],
                check=[sys.executable, "-m", "runbook_app.processes.check", str(folder)],
            ),
            transcripts=SpooledTranscripts(folder),
            notifier=notifier(secrets),
            rehearsals=TargetRehearsals(rehearsal_record(), plan, root, children),
            make_key=MemoryKey,
            canary=secrets.canary(),
        )
    except Exception as error:
        raise say_last(error, redactor.text) from error
    finally:
        await target.close()
        logs.close()
        doorbell.close()
        journal.close()


def secrets_in(
    folder: Path, session: SessionClient, redactor: Redactor
) -> tuple[KnownSecrets, FolderArtefacts]:
    """The secrets that a session knows, made known to the redactor, and where it keeps them."""
    from runbook_app.adapters.recipient import recipient_of
    from runbook_app.adapters.target_secrets import secrets_of
    from runbook_app.engine.known_secrets import KnownSecrets

    artefacts = artefacts_in(folder)
    secrets = KnownSecrets(redactor, artefacts, recipient_of(folder))
    root = Path(session.started.target)
    for name, value in secrets_of(root, session.plan.target.compose):
        secrets.register(name, value)
    return secrets, artefacts


def target_in(
    folder: Path,
    session: SessionClient,
    children: Children,
    secrets: KnownSecrets,
    artefacts: FolderArtefacts,
) -> StackTarget:
    """The session's target."""
    from runbook_app.adapters.target import StackTarget

    return StackTarget(
        plan=session.plan,
        root=Path(session.started.target),
        scratch=folder / "scratch",
        session=session.id,
        children=children,
        secrets=secrets,
        artefacts=artefacts,
    )


def plain_names(plan: Plan) -> list[str]:
    """Words of the plan that are no secrets, even where a weak password equals one."""
    database = plan.target.database
    names = [database.service, database.name, database.user, plan.target.api_service]
    return [*names, *(item.id for item in plan.items), "postgres"]

"""The composition root: the one place that names the concrete classes.

Everything heavy is imported inside the functions, when it is first needed.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.domain.errors import RunbookError, UsageError
from runbook_app.ports.crash import CrashPoint, no_crash

if TYPE_CHECKING:
    from runbook_app.adapters.lock import TargetLock
    from runbook_app.adapters.recipient import Recipient
    from runbook_app.adapters.rehearsal import Rehearsal
    from runbook_app.adapters.rehearsal_record import Begun, RehearsalRecord
    from runbook_app.adapters.sessions import SessionFolders, SessionSummary
    from runbook_app.domain.events import DoneBefore
    from runbook_app.domain.plan import Plan
    from runbook_app.domain.state import ScoreState
    from runbook_app.engine.client import SessionClient
    from runbook_app.engine.engine import Engine
    from runbook_app.ports.journal import Journal
    from runbook_app.ports.signing import PublicKey


def home() -> Path:
    """Where sessions and keys live: `$RUNBOOK_HOME`, or the platform's state folder."""
    given = os.environ.get("RUNBOOK_HOME")
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_state_path

    return user_state_path("runbook")


def folders() -> SessionFolders:
    from runbook_app.adapters.sessions import SessionFolders

    return SessionFolders(home())


def load_plan(
    plan: Path,
    target: Path | None,
    overrides: Mapping[str, str],
    *,
    window_from_now: bool = False,
) -> Plan:
    """Read and validate a plan for a target.

    Raises:
        PlanError: every mistake at once.
    """
    from runbook_app.adapters.plans import read_plan
    from runbook_app.adapters.registry import InstalledActions

    return read_plan(plan, InstalledActions(), overrides, target, window_from_now=window_from_now)


def create_session(
    plan: Path,
    target: Path,
    overrides: Mapping[str, str],
    *,
    window_from_now: bool = False,
    done_before: Sequence[DoneBefore] = (),
    seal_to: Recipient | None = None,
) -> SessionClient:
    """Pin the plan and its variables, and begin a session; its engine is not started yet.

    Raises:
        PlanError: the plan has mistakes.
        UsageError: the target is no folder, or has not what the plan names.
    """
    from runbook_app.adapters.plan_pin import pin

    target = target.expanduser().resolve()
    plan = plan.expanduser().resolve()
    loaded = load_plan(plan, target, overrides, window_from_now=window_from_now)
    _check_target(loaded, target)
    folder = folders().create(loaded.id, target, title=loaded.title)
    pin(folder, loaded)
    if seal_to is not None:
        seal_to.keep(folder)
    asyncio.run(_write_start(folder, loaded, target, done_before))
    return _client(folder, read_only=False)


async def _write_start(
    folder: Path, plan: Plan, target: Path, done_before: Sequence[DoneBefore] = ()
) -> None:
    """Write the journal's first event; only then does the file get the name that counts."""
    from runbook_app import __version__
    from runbook_app.adapters.clock import SystemClock
    from runbook_app.adapters.durable import sync_folder
    from runbook_app.adapters.sqlite_journal import SqliteJournal
    from runbook_app.domain.decisions import outline
    from runbook_app.domain.events import SessionStarted

    begun = folder / "journal.begun"
    journal = SqliteJournal(begun, SystemClock())
    try:
        await journal.append(
            SessionStarted(
                session=folder.name,
                plan=plan.id,
                plan_title=plan.title,
                plan_path=plan.path,
                plan_sha256=plan.sha256,
                target=str(target),
                operator=getpass.getuser(),
                host=socket.gethostname(),
                program=__version__,
                variables={
                    name: value if isinstance(value, str | int | float | bool) else str(value)
                    for name, value in plan.variables.items()
                },
                outline=outline(plan),
                done_before=tuple(done_before),
            )
        )
    finally:
        journal.close()
    begun.rename(folder / "journal.db")
    sync_folder(folder)


def recipient_key() -> Path:
    """Where the operator's own private key lies: beside the session folders, not in them."""
    return home() / "recipient.key"


def open_session(session: str | None, target: Path, *, read_only: bool = False) -> SessionClient:
    """Open a session by id (or the start of one), or the latest on a target.

    Raises:
        UsageError: there is none.
    """
    target = target.expanduser().resolve()
    found = folders().find(session) if session else folders().latest(target)
    if found is None:
        raise UsageError(
            f"There is no session on {target}.",
            hint="Give --target DIR or a session's id; `runbook sessions` lists them.",
        )
    return _client(found.folder, read_only=read_only)


def list_sessions(target: Path | None = None) -> list[SessionSummary]:
    """Sessions of this machine, newest first; those on one target when it is given."""
    return folders().list(target)


def find_done_before(plan: str, item: str, target: Path) -> DoneBefore | None:
    """The newest session of the plan on the target that worked on the item, if it did it."""
    from runbook_app.domain.events import DoneBefore
    from runbook_app.domain.state import ItemStatus

    for summary in list_sessions(target):
        if summary.plan != plan:
            continue
        session = open_session(summary.id, target, read_only=True)
        session.close()
        found = session.state.items.get(item)
        if found is not None and found.status is ItemStatus.SUCCEEDED and not found.drifted:
            return DoneBefore(item=item, session=summary.id, at=found.verified_at)
        if found is not None and found.status is not ItemStatus.PENDING:
            return None
    return None


def hold_pin(session: SessionClient, *, accept: bool) -> SessionClient:
    """Hold the plan file against the session's pin before an engine is started.

    Returns the session to go on with: the same one, or with the changed plan adopted.

    Raises:
        UsageError: it was edited since the session began, and that was not accepted.
        PlanError: the edited plan has mistakes.
    """
    from runbook_app.adapters.plan_pin import as_options, changed_lines, pin

    started = session.started
    if session.engine_alive():
        return session
    original = Path(started.plan_path)
    difference = changed_lines(session.plan, original)
    if not difference:
        return session
    if not accept:
        raise UsageError(
            f"{original} was edited since this session began:\n{difference}\n",
            hint="Undo the edit, or add --accept-plan-change to go on with the edited plan.",
        )
    values = as_options(started.variables)
    changed = load_plan(original, None, values, window_from_now=True)
    # Recorded first: a crash in between leaves the old pin, and the question is asked again.
    asyncio.run(session.record_plan_change(changed, difference))
    pin(session.folder, changed)
    session.close()
    return _client(session.folder, read_only=False)


def _check_target(plan: Plan, target: Path) -> None:
    if not target.is_dir():
        raise UsageError(
            f"{target} is not a folder.", hint="Give the project's folder with --target DIR."
        )
    if not plan.target.compose:
        return
    if not (target / plan.target.compose).is_file():
        raise UsageError(
            f"{target} has no {plan.target.compose}, which the plan names as its Compose file.",
            hint="Give the project's folder with --target DIR, or `runbook demo DIR` for a sample.",
        )
    _check_services(plan, target / plan.target.compose)


def _check_services(plan: Plan, compose: Path) -> None:
    from runbook_app.adapters.compose_file import loaded

    try:
        document = loaded(compose.read_text("utf-8", "replace"), name=str(compose))
    except RunbookError as error:
        raise UsageError(error.message, hint=error.hint) from error
    if "include" in document:  # services may stand in other files; Compose itself will tell
        return
    services = document.get("services") or {}
    wanted = [plan.target.api_service, plan.target.database.service]
    missing = [service for service in wanted if service and service not in services]
    if missing:
        raise UsageError(
            f"{compose} has no service {' and no service '.join(missing)}, which the plan names.",
            hint=f"It has {', '.join(services) or 'none'}. Mend it, or the plan's `target`.",
        )


def _client(folder: Path, *, read_only: bool) -> SessionClient:
    from runbook_app.adapters.children import start_time
    from runbook_app.adapters.clock import SystemClock
    from runbook_app.adapters.doorbell import SocketDoorbell
    from runbook_app.adapters.durable import write_durably
    from runbook_app.adapters.engine_start import last_words, start_engine
    from runbook_app.adapters.logs import SqliteLogReader
    from runbook_app.adapters.plan_pin import pinned_plan
    from runbook_app.adapters.sqlite_journal import SqliteJournal
    from runbook_app.engine.client import SessionClient
    from runbook_app.engine.export import Exporter

    clock = SystemClock()
    return SessionClient(
        folder=folder,
        read_plan=lambda started, created: pinned_plan(
            folder, started.plan_path, started.variables, created=created
        ),
        journal=SqliteJournal(folder / "journal.db", clock, read_only=read_only),
        doorbell=SocketDoorbell(folder),
        logs=SqliteLogReader(folder / "logs.db"),
        clock=clock,
        exporter=Exporter(sign=_sign, write=write_durably, crash=_crash_point()),
        read_only=read_only,
        is_alive=lambda pid, started: start_time(pid) == started,
        start_engine=lambda: start_engine(folder),
        last_words=lambda pid: last_words(folder, pid),
    )


# Signals


def signing_key() -> Path:
    """The operator's key, made by the first export; the public key lies beside it."""
    return home() / "signing.key"


def _sign(message: bytes) -> tuple[str, bytes]:
    from runbook_app.adapters.signing_key import FileSigner

    return FileSigner(signing_key()).sign(message)


def public_key(path: Path | None) -> PublicKey | None:
    """The key in a file, or this machine's own; None when this machine has none.

    Raises:
        UsageError: the file holds no key that signals are signed with.
    """
    from runbook_app.adapters.signing_key import FilePublicKey, public_file

    if path is not None:
        return FilePublicKey.load(path)
    own = public_file(signing_key())
    return FilePublicKey.load(own) if own.exists() else None


def read_journal(folder: Path) -> Journal:
    """The journal in a session's folder, to be read only; damage does not keep it from opening.

    Raises:
        UsageError: there is none.
        JournalError: it is no SQLite file.
    """
    from runbook_app.adapters.clock import SystemClock
    from runbook_app.adapters.sqlite_journal import SqliteJournal

    path = folder / "journal.db"
    if not path.is_file():
        raise UsageError(
            f"{folder} has no journal.db.", hint="Give a session's folder, or a signal.json."
        )
    return SqliteJournal(path, SystemClock(), read_only=True)


# The engine's process


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

    session = _client(folder, read_only=True)
    target = Path(session.started.target)
    if not target.is_dir():
        raise UsageError(f"The session's target {target} is not there any more.")
    lock = TargetLock(target, home())
    lock.acquire(session.id, getpass.getuser())
    return lock, session


async def _drive(folder: Path, session: SessionClient, begun: Callable[[], None]) -> None:
    from runbook_app.adapters.children import start_time
    from runbook_app.domain.events import EngineStarted

    async with _assembled(folder, session) as engine:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, engine.stop, "the process was told to end")
        started = EngineStarted(
            epoch=session.state.epoch + 1,
            pid=os.getpid(),
            pid_started=start_time(os.getpid()) or "",
            host=socket.gethostname(),
        )
        await engine.run(started, begun=begun)


def measure_score(
    plan: Path | None, target: Path, overrides: Mapping[str, str], *, probes: bool
) -> tuple[Plan, ScoreState]:
    """Measure a target's score without a session; with probes as the target's only driver.

    Everything is recorded as in a session, in a folder that is gone afterwards.

    Raises:
        LockedError: another driver holds the target, and probes were asked for.
        PlanError: the plan has mistakes.
        UsageError: there is no such target, or the plan has no checks for a score.
    """
    from runbook_app.adapters.lock import TargetLock
    from runbook_app.adapters.plan_pin import pin

    target = target.expanduser().resolve()
    chosen, variables = (plan, {}) if plan else _used_on(target)
    loaded = load_plan(chosen, target, {**variables, **overrides}, window_from_now=True)
    _check_target(loaded, target)
    if not loaded.score.measurable:
        raise UsageError(f"{chosen} has no checks for a score.", hint="See docs/plan-format.md.")
    lock = TargetLock(target, home())
    if probes:
        lock.acquire("(a measurement of the score)", getpass.getuser())
    try:
        with tempfile.TemporaryDirectory(prefix="runbook-score-") as made:
            folder = Path(made)
            pin(folder, loaded)
            asyncio.run(_write_start(folder, loaded, target))
            session = _client(folder, read_only=True)
            try:
                return loaded, asyncio.run(_take_score(folder, session, probes=probes))
            finally:
                session.close()
    finally:
        lock.release()


def _used_on(target: Path) -> tuple[Path, dict[str, str]]:
    """The plan of the newest session on a target and its variables, else the plan that is shipped.

    Raises:
        UsageError: several are shipped, and none was ever run here.
    """
    from runbook_app.adapters.plan_pin import as_options
    from runbook_app.resources import shipped_plans

    latest = folders().latest(target)
    if latest is not None:
        session = _client(latest.folder, read_only=True)
        try:
            started = session.started
        finally:
            session.close()
        used = Path(started.plan_path)
        if used.is_file():
            return used, as_options(started.variables)
    shipped = sorted(shipped_plans().glob("*.yaml"))
    if len(shipped) != 1:
        raise UsageError(f"No plan was run on {target}.", hint="Name one: runbook score PLAN")
    return shipped[0], {}


async def _take_score(folder: Path, session: SessionClient, *, probes: bool) -> ScoreState:
    async with _assembled(folder, session) as engine:
        await engine.scoring.take("asked", by=getpass.getuser(), probes=probes)
    session.refresh()
    return session.state.scores[-1]


# Rehearsals


def rehearsal(
    plan: Plan, target: Path, *, workdir: Path | None, say: Callable[[str], None]
) -> Rehearsal:
    """A rehearsal of a plan on a copy of a target; nothing of it is made yet.

    Raises:
        UsageError: the target is no folder, or has not what the plan names.
    """
    from runbook_app.adapters.clock import SystemClock
    from runbook_app.adapters.rehearsal import Rehearsal
    from runbook_app.domain.clock import to_text

    target = target.expanduser().resolve()
    _check_target(plan, target)
    if not plan.target.compose:
        raise UsageError("The plan names no Compose file, so there is nothing to copy.")
    return Rehearsal(
        plan,
        target,
        record=rehearsal_record(),
        key=home() / "captures.key",
        workdir=workdir.expanduser().absolute() if workdir else None,
        say=say,
        now=lambda: to_text(SystemClock().now()),
    )


def rehearsal_record() -> RehearsalRecord:
    from runbook_app.adapters.rehearsal_record import RehearsalRecord

    return RehearsalRecord(home())


def remove_rehearsal(begun: Begun) -> None:
    """Take away a rehearsal's copy, with its engine and its session.

    Raises:
        RunbookError: something could not be removed.
    """
    from runbook_app.adapters.rehearsal_removal import Removal

    engine = None
    folder = home() / begun.session
    if begun.session and (folder / "journal.db").is_file():
        session = _client(folder, read_only=True)
        if session.state.engine is not None:
            engine = (session.state.engine.pid, session.state.engine.pid_started)
        session.close()
    Removal(rehearsal_record(), lambda name: home() / name).remove(begun, engine)


def note_rehearsal(plan: Plan, target: Path) -> None:
    """Tell the newest session of this plan on a target what is on record of rehearsals."""
    from runbook_app.adapters.children import Children
    from runbook_app.adapters.rehearsal_record import TargetRehearsals

    latest = folders().latest(target.expanduser().resolve())
    if latest is None or latest.plan != plan.id:
        return
    session = _client(latest.folder, read_only=False)

    async def note() -> None:
        async def forget(_: object) -> None:
            """No engine, no journal: these only read."""

        root = Path(session.started.target)
        record = TargetRehearsals(rehearsal_record(), session.plan, root, Children(forget))
        await session.note_rehearsals(await record.noted())

    try:
        asyncio.run(note())
    finally:
        session.close()


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


@asynccontextmanager
async def _assembled(folder: Path, session: SessionClient) -> AsyncIterator[Engine]:
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
    redactor = Redactor(_plain_names(plan))
    journal = SqliteJournal(folder / "journal.db", clock)
    doorbell = SocketDoorbell(folder)
    logs = SqliteLogWriter(folder / "logs.db")
    ledger = Ledger(journal, doorbell, redactor)
    children = Children(ledger.emit)
    root = Path(session.started.target)
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
            crash=_crash_point(),
            end_survivor=children.end_survivor,
            rehearsals=TargetRehearsals(rehearsal_record(), plan, root, children),
        )
    except Exception as error:
        raise say_last(error, redactor.text) from error
    finally:
        await target.close()
        logs.close()
        doorbell.close()
        journal.close()


def _plain_names(plan: Plan) -> list[str]:
    """Words of the plan that are no secrets, even where a weak password equals one."""
    database = plan.target.database
    names = [database.service, database.name, database.user, plan.target.api_service]
    return [*names, *(item.id for item in plan.items), "postgres"]


def _crash_point() -> CrashPoint:
    """Where a test has this process end; nowhere, unless the environment says so."""
    if "RUNBOOK_CRASH_AT" not in os.environ:
        return no_crash
    from runbook_app.testing.crash import crash_at

    return crash_at

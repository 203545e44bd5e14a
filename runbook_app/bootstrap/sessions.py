"""Sessions: begun, opened, listed, and held against their pinned plan."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.bootstrap.signals import sign
from runbook_app.bootstrap.surroundings import artefacts_in, crash_point, folders, home
from runbook_app.domain.errors import (
    JournalError,
    PlanEdited,
    RunbookError,
    Unanswered,
    UsageError,
)

if TYPE_CHECKING:
    from runbook_app.adapters.recipient import Recipient
    from runbook_app.adapters.sessions import SessionSummary
    from runbook_app.domain.entry import Body, Entry
    from runbook_app.domain.events import DoneBefore, QuestionAsked
    from runbook_app.domain.plan import Plan
    from runbook_app.domain.variables import Question
    from runbook_app.engine.client import SessionClient
    from runbook_app.engine.leaks import Leak
    from runbook_app.engine.redaction import Redactor
    from runbook_app.engine.replay import ReplayedSession

EARLIER = 10
"""Sessions of a plan, the newest, from which a new one takes how long steps take."""


def load_plan(
    plan: Path,
    target: Path | None,
    overrides: Mapping[str, str],
    *,
    window_from_now: bool = False,
    stand_in: bool = False,
) -> Plan:
    """Read and validate a plan for a target.

    `stand_in` lets what it asks for have a default or any value, for a plan that is only read.

    Raises:
        PlanError: every mistake at once.
        Unanswered: it asks for variables that have no value.
    """
    from runbook_app.adapters.plans import read_plan
    from runbook_app.adapters.registry import InstalledActions

    return read_plan(
        plan,
        InstalledActions(),
        overrides,
        target,
        window_from_now=window_from_now,
        stand_in=stand_in,
    )


def open_questions(
    plan: Path, target: Path | None, overrides: Mapping[str, str]
) -> tuple[Question, ...]:
    """What a plan asks for, and neither options nor target nor environment answer.

    Raises:
        PlanError: its variables have mistakes.
    """
    from runbook_app.adapters import plans

    return plans.open_questions(plan, overrides, target)


def create_session(
    plan: Path,
    target: Path,
    overrides: Mapping[str, str],
    *,
    window_from_now: bool = False,
    done_before: Sequence[DoneBefore] = (),
    seal_to: Recipient | None = None,
    on_screen: bool = False,
    assumed_answers: Sequence[str] = (),
) -> SessionClient:
    """Pin the plan and its variables, and begin a session; its engine is not started yet.

    On a screen, a target that is no rehearsal's copy has to be named by a person first.
    `assumed_answers` are the variables that the plan asks for and nobody has answered.

    Raises:
        PlanError: the plan has mistakes.
        Unanswered: it asks for variables that have no value.
        UsageError: the target is no folder, or has not what the plan names.
    """
    import asyncio

    from runbook_app.adapters.plan_pin import pin
    from runbook_app.adapters.rehearsal_record import RehearsalRecord

    target = target.expanduser().resolve()
    plan = plan.expanduser().resolve()
    loaded = load_plan(plan, target, overrides, window_from_now=window_from_now)
    check_target(loaded, target)
    folder = folders().create(loaded.id, target, title=loaded.title)
    pin(folder, loaded)
    if seal_to is not None:
        seal_to.keep(folder)
    copy_of = RehearsalRecord(home()).copied_to(target)
    start = write_start(
        folder,
        loaded,
        target,
        done_before,
        earlier=_earlier(loaded.id),
        copy_of=copy_of,
        names_target=on_screen and not copy_of,
        assumed_answers=assumed_answers,
    )
    asyncio.run(start)
    return client(folder, read_only=False)


def _earlier(plan: str) -> dict[str, tuple[float, float]]:
    """How long the steps of the plan took in its newest sessions."""
    from runbook_app.adapters.durations import step_durations

    sessions = [summary for summary in list_sessions() if summary.plan == plan]
    return step_durations(summary.folder / "journal.db" for summary in sessions[:EARLIER])


async def write_start(
    folder: Path,
    plan: Plan,
    target: Path,
    done_before: Sequence[DoneBefore] = (),
    *,
    earlier: Mapping[str, tuple[float, float]] | None = None,
    copy_of: str = "",
    names_target: bool = False,
    assumed_answers: Sequence[str] = (),
) -> None:
    """Write the journal's first event; only then does the file get the name that counts."""
    import socket

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
                variables=dict(plan.variables),
                outline=outline(plan),
                done_before=tuple(done_before),
                earlier=dict(earlier or {}),
                copy_of=copy_of,
                names_target=names_target,
                assumed_answers=tuple(assumed_answers),
            )
        )
    finally:
        journal.close()
    begun.rename(folder / "journal.db")
    sync_folder(folder)


def open_session(session: str | None, target: Path, *, read_only: bool = False) -> SessionClient:
    """Open a session by id (or the start of one), or the latest on a target.

    Raises:
        UsageError: there is none.
    """
    return client(_find(session, target).folder, read_only=read_only)


def _find(session: str | None, target: Path) -> SessionSummary:
    target = target.expanduser().resolve()
    found = folders().find(session) if session else folders().latest(target)
    if found is None:
        raise UsageError(
            f"There is no session on {target}.",
            hint="Give --target DIR or a session's id; `runbook sessions` lists them.",
        )
    return found


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


def hold_pin(session: SessionClient, *, accept: bool = False, accepted: str = "") -> SessionClient:
    """Hold the plan file against the session's pin before an engine is started.

    `accept` takes any change, `accepted` the one that was shown as these lines. Returns the session
    to go on with: the same one, or with the changed plan adopted.

    Raises:
        PlanEdited: it was edited since the session began, and that was not accepted.
        UsageError: an item of it is gone whose rollback would be lost.
        PlanError: the edited plan has mistakes.
    """
    import asyncio

    from runbook_app.adapters.plan_pin import as_options, pin
    from runbook_app.domain.decisions import lost_by

    started = session.started
    if session.engine_alive():
        return session
    difference = _edited(session)
    if not difference:
        return session
    original = Path(started.plan_path)
    if not (accept or difference == accepted):
        raise PlanEdited(str(original), difference)
    values = as_options(started.variables)
    try:
        changed = load_plan(original, None, values, window_from_now=True)
    except Unanswered as error:
        names = ", ".join(question.name for question in error.questions)
        raise UsageError(
            f"{original} now asks for {names}, which this session has not pinned.",
            hint="Write the values into the plan, or begin a new session.",
        ) from error
    if lost := lost_by(session.state, changed):
        raise UsageError(
            f"{original} has no item {', '.join(lost)} any more, which changed the target: its"
            " rollback would be lost.",
            hint="Leave it in the plan, or roll it back first.",
        )
    if new := [n for n in changed.variables if n.startswith("env.") and n not in started.variables]:
        raise UsageError(
            f"{original} now asks the environment for {', '.join(new)}, which this session has not"
            " pinned.",
            hint="Write the values into the plan, or begin a new session.",
        )
    # Recorded first: a crash in between leaves the old pin, and the question is asked again.
    asyncio.run(session.record_plan_change(changed, difference))
    pin(session.folder, changed)
    session.close()
    return client(session.folder, read_only=False)


def _edited(session: SessionClient) -> str:
    """The lines in which the plan's file, or the session's copy, is not what is on record."""
    from runbook_app.adapters.plan_pin import changed_lines

    difference = changed_lines(session.plan, Path(session.started.plan_path))
    if session.plan.sha256 != session.state.plan_sha256:
        difference = f"{not_on_record(session)}\n{difference}"
    return difference


def _hold_plan(session: SessionClient, accepted: str) -> bool:
    """Hold a session's pin beside the screen that has it open; whether another plan was pinned."""
    if not _edited(session):
        return False
    opened = client(session.folder, read_only=False)
    held = opened
    try:
        held = hold_pin(opened, accepted=accepted)
        return held is not opened
    finally:
        held.close()


def not_on_record(session: SessionClient) -> str:
    """What is wrong with a pinned plan of which the journal has another hash."""
    return (
        f"The session's own copy, {session.plan.path}, has SHA-256 {session.plan.sha256}; the plan"
        f" on record has {session.state.plan_sha256}."
    )


def replay_session(session: str | None, target: Path) -> ReplayedSession:
    """Open a session's record to be told again.

    Raises:
        UsageError: there is no such session.
        JournalError: nothing of its record can be read.
    """
    from runbook_app.adapters.logs import SqliteLogReader
    from runbook_app.adapters.plan_pin import lost_beginning, pinned_plan
    from runbook_app.bootstrap.signals import read_journal
    from runbook_app.domain.events import SessionStarted
    from runbook_app.engine.client import stand_in
    from runbook_app.engine.replay import ReplayedSession

    found = _find(session, target)
    folder = found.folder
    entries: list[Entry] = []
    journal = read_journal(folder)
    try:
        while read := journal.read(entries[-1].seq if entries else 0):
            entries += read
    finally:
        journal.close()
    entries[:0] = stand_in(entries, lambda at: lost_beginning(folder, at))
    if not entries or not isinstance(started := entries[0].body, SessionStarted):
        raise JournalError(f"The journal in {folder} has no beginning.")
    plan = pinned_plan(folder, started.plan_path, started.variables, created=entries[0].at)
    return ReplayedSession(found.id, folder, plan, entries, SqliteLogReader(folder / "logs.db"))


def check_target(plan: Plan, target: Path) -> None:
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


def client(folder: Path, *, read_only: bool) -> SessionClient:
    from runbook_app.adapters.by_hand import ProcessByHand
    from runbook_app.adapters.changes import changes_of
    from runbook_app.adapters.children import start_time
    from runbook_app.adapters.clock import SystemClock
    from runbook_app.adapters.doorbell import SocketDoorbell
    from runbook_app.adapters.dry_run import Asked, ProcessDryRun
    from runbook_app.adapters.durable import write_durably
    from runbook_app.adapters.engine_start import last_words, start_engine
    from runbook_app.adapters.logs import SqliteLogReader
    from runbook_app.adapters.plan_pin import lost_beginning, pinned_plan
    from runbook_app.adapters.sqlite_journal import SqliteJournal
    from runbook_app.engine.client import SessionClient
    from runbook_app.engine.export import Exporter

    clock, mask = SystemClock(), _Mask(folder)
    with ExitStack() as opened:  # a journal that can't be followed leaves nothing open
        journal = SqliteJournal(folder / "journal.db", clock, read_only=read_only)
        opened.callback(journal.close)
        doorbell = SocketDoorbell(folder)
        opened.callback(doorbell.close)
        made = SessionClient(
            folder=folder,
            read_plan=lambda started, created: pinned_plan(
                folder, started.plan_path, started.variables, created=created
            ),
            journal=journal,
            doorbell=doorbell,
            logs=SqliteLogReader(folder / "logs.db"),
            clock=clock,
            exporter=Exporter(
                sign=sign, write=write_durably, find_leak=_find_leak, crash=crash_point()
            ),
            read_only=read_only,
            is_alive=lambda pid, started: start_time(pid) == started,
            start_engine=lambda take_over: start_engine(folder, take_over),
            last_words=lambda pid: last_words(folder, pid),
            mask=lambda body: mask(made.plan, body),
            leave_answer=lambda asked, answer: _leave_answer(folder, asked, answer),
            changes_of=lambda item: changes_of(folder, item),
            by_hand=ProcessByHand(folder),
            dry_run=lambda: ProcessDryRun(Asked(session=str(folder))),
            hold_plan=_hold_plan,
            lost_beginning=lambda at: lost_beginning(folder, at),
        )
        opened.pop_all()
    return made


def _find_leak(folder: Path) -> Leak | None:
    from runbook_app.bootstrap.leaks import find_leak

    return find_leak(folder)


def _leave_answer(folder: Path, asked: QuestionAsked, answer: str) -> None:
    from runbook_app.adapters.one_time import leave_answer

    leave_answer(folder, asked, answer)


class _Mask:
    """Replaces the secrets that a session knows in what a screen is about to put on record.

    Without the key that they are sealed with it stays as it is, so that a session can be stopped;
    nothing is signed then.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: tuple[int, int] | None = None
        """Which version of the sealed file is known."""
        self._redactor: Redactor | None = None

    def __call__(self, plan: Plan, body: Body) -> Body:
        from runbook_app.engine.known_secrets import SEALED

        sealed = self._folder / SEALED
        if not sealed.exists():
            return body
        found = sealed.stat()
        if self._redactor is None or self._read != (found.st_ino, found.st_mtime_ns):
            self._read, self._redactor = (found.st_ino, found.st_mtime_ns), self._known(plan)
        return self._redactor.structure(body)

    def _known(self, plan: Plan) -> Redactor:
        from runbook_app.bootstrap.engines import plain_names
        from runbook_app.engine.known_secrets import KnownSecrets
        from runbook_app.engine.redaction import Redactor

        redactor = Redactor(plain_names(plan))
        with suppress(RunbookError):
            KnownSecrets(redactor, artefacts_in(self._folder))
        return redactor

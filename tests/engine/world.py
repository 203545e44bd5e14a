"""A session over real files, journal, captures and processes; only containers are missing.

The kill tests drive it in a process of its own (`tests.engine.process`, `tests.engine.stories`), so
that a real SIGKILL ends a real engine.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import os
import pickle
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from actions import command
from runbook_app.adapters.artefacts import FolderArtefacts
from runbook_app.adapters.by_hand import ProcessByHand, SpooledTranscripts
from runbook_app.adapters.children import Children, start_time
from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.doorbell import SocketDoorbell
from runbook_app.adapters.durable import write_durably
from runbook_app.adapters.files import FileCapturable, TargetFiles
from runbook_app.adapters.git import GitRepository
from runbook_app.adapters.guards import DetachedGuards
from runbook_app.adapters.logs import SqliteLogReader, SqliteLogWriter
from runbook_app.adapters.one_time import MemoryKey, leave_answer
from runbook_app.adapters.sealer import FileKeySealer
from runbook_app.adapters.shell import HostShell
from runbook_app.adapters.signing_key import FileSigner
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain import events as ev
from runbook_app.domain.blast import Affected
from runbook_app.domain.decisions import outline
from runbook_app.domain.entry import Body, Entry
from runbook_app.domain.errors import ActionError, RunbookError
from runbook_app.domain.fingerprint import Exclusion, Fingerprint
from runbook_app.domain.measure import Finding
from runbook_app.domain.plan import (
    Call,
    CaptureLine,
    CheckLine,
    ConfirmLine,
    Item,
    Plan,
    Score,
    ScoreCategory,
    ScoreCheck,
    Step,
    TargetSpec,
)
from runbook_app.engine.assembly import assemble
from runbook_app.engine.client import SessionClient
from runbook_app.engine.engine import Engine
from runbook_app.engine.export import Exporter
from runbook_app.engine.known_secrets import KnownSecrets
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.redaction import Redactor
from runbook_app.ports.action import Action, Recorder, Registry, Run, check, effect, probe
from runbook_app.ports.clock import Clock
from runbook_app.ports.notifier import NobodyToCall, Notifier
from runbook_app.ports.rehearsals import NoRehearsals, Rehearsals
from runbook_app.ports.target import Capturable, Capture, Prior
from runbook_app.testing.crash import crash_at
from runbook_app.testing.session import FakeDryRun

PROGRESS = "PROGRESS.md"


@effect
async def write(run: Run, *, path: str, text: str) -> None:
    """Write a file."""
    run.log(f"writing {path}")
    await run.files.write(path, text.encode())
    crash_at(f"written:{path}")


@write.check
async def _written(run: Run, *, path: str, text: str) -> Finding:
    if not run.files.exists(path):
        return run.not_done(f"{path} is missing")
    if run.files.read(path) == text.encode():
        return run.done(f"{path} holds the text")
    return run.partly(f"{path} holds something else")


@effect
async def append(run: Run, *, path: str, line: str, fail_at: str = "") -> None:
    """Add a line in two writes, so that a kill between them leaves it half done."""
    before = run.files.read(path).decode() if run.files.exists(path) else ""
    await run.files.write(path, f"{before}{line}".encode())
    crash_at(f"half:{path}")
    await run.files.write(path, f"{before}{line}\n".encode())
    if fail_at and run.files.exists(fail_at):
        run.fail(f"{fail_at} is in the way", hint=f"Remove {fail_at}.")


@append.check
async def _appended(run: Run, *, path: str, line: str, fail_at: str = "") -> Finding:
    text = run.files.read(path).decode() if run.files.exists(path) else ""
    if text.endswith(f"{line}\n"):
        return run.done("the line is there")
    return run.partly("half a line") if text.endswith(line) else run.not_done("no such line")


RADIUS = "radius"
"""In the scratch folder: the containers that `spread` touches, one a line."""


@effect
async def spread(run: Run, *, path: str, text: str, fail_at: str = "") -> None:
    """Write a file, and with that touch what the list in the scratch folder says."""
    await run.files.write(path, text.encode())
    crash_at(f"spread:{path}")
    if fail_at and run.files.exists(fail_at):
        run.fail(f"{fail_at} is in the way")


@spread.check
async def _spread(run: Run, *, path: str, text: str, fail_at: str = "") -> Finding:
    if not run.files.exists(path):
        return run.not_done(f"{path} is missing")
    return run.done() if run.files.read(path) == text.encode() else run.partly("it is another")


@spread.blast_radius
async def _touched(run: Run, *, path: str, text: str, fail_at: str = "") -> list[Affected]:
    found = []
    file = run.scratch / RADIUS
    for word in file.read_text().split() if file.exists() else ():
        match word:
            case "write":
                await run.files.write(path, text.encode())
            case "break":
                raise ZeroDivisionError("a mistake in the action")
            case "secret":
                run.secrets.register("TOKEN", secret := run.files.read("base.txt").decode())
                found.append(Affected(kind="role", name=secret, how="is made"))
            case "restless":
                found.append(Affected(kind="container", name=uuid.uuid4().hex, how="is made"))
            case _:
                found.append(Affected(kind="container", name=word, how="is made anew"))
    return found


@effect
async def stumble(run: Run, *, path: str) -> None:
    """Leave half a file in the first attempt, and write all of it in the next."""
    await run.files.write(path, b"half")
    crash_at(f"half:{path}")
    if told(run.scratch).count(f"apply {run.step}") == 1:
        run.fail("stumbled", hint="Try again.")
    await run.files.write(path, b"half and half\n")


@stumble.check
async def _stumbled(run: Run, *, path: str) -> Finding:
    if not run.files.exists(path):
        return run.not_done(f"{path} is missing")
    whole = run.files.read(path) == b"half and half\n"
    return run.done("it is whole") if whole else run.partly("it is half")


@effect
async def insert(run: Run, *, path: str, row: str) -> None:
    """Add a row as the application does, whose data a checkpoint's copy holds."""
    with run.files.path(path).open("a") as file:
        file.write(f"{row}\n")
    crash_at(f"inserted:{path}")


@insert.check
async def _inserted(run: Run, *, path: str, row: str) -> Finding:
    there = row in run.files.read(path).decode().splitlines()
    return run.done(f"{row} is there") if there else run.not_done(f"no {row}")


@effect
async def lie(run: Run) -> None:
    """Do nothing, and be caught by the check."""


@lie.check
async def _lied(run: Run) -> Finding:
    return run.not_done("nothing is there")


_OPENED: list[str] = []
"""What stands for connections that this process opened earlier."""


@effect
async def lock(run: Run, *, path: str) -> None:
    """Change a file, after which only those get in who are in already, or who find a door."""
    _OPENED.append(path)
    await run.files.write(path, b"locked\n")
    crash_at(f"half:{path}")


@lock.check
async def _locked(run: Run, *, path: str) -> Finding:
    inside = path in _OPENED or (run.scratch / "door").exists()
    if not inside:
        return run.not_done("no new connection")
    return run.done("it answers") if run.files.exists(path) else run.not_done("not locked")


@check
async def holds(run: Run, *, path: str, limit: float = 1000) -> None:
    """Measure a file's size."""
    run.require(f"{path} exists", run.files.exists(path), str(run.files.exists(path)))
    if run.files.exists(path):
        run.measure("size", len(run.files.read(path)), "bytes", at_most=limit)


@check
async def waits(run: Run, *, gate: str) -> None:
    """Wait until a file appears."""
    run.log("waiting")
    while not (run.folder / gate).exists():
        await asyncio.sleep(0.01)


@check
async def breaks(run: Run) -> None:
    """End by an exception that nobody expected."""
    raise ZeroDivisionError("a mistake in the action")


@check
async def asks(run: Run, *, text: str) -> None:
    """Ask the operator."""
    run.output("answer", await run.ask(text, choices=("blue", "red")))


@check
async def tells(run: Run, *, takes: str = "text", default: str = "", secret: str = "") -> None:
    """Ask the operator for a typed answer; of a secret one only its hash is told."""
    answer = await run.ask("How much?", takes=takes, default=default, secret=secret)
    run.log(f"the answer is {answer}")
    shown = hashlib.sha256(answer.encode()).hexdigest() if secret else answer
    run.output("answer", shown)


@check
async def states(run: Run, *, text: str) -> None:
    """Have a statement confirmed."""
    run.require(text, await run.confirm(text), "confirmed")


@check
async def child(run: Run, *, argv: list[str]) -> None:
    """Run a command on this machine."""
    run.equals("exit code", (await run.shell.run(argv)).exit_code, 0)


@check
async def remarks(run: Run, *, text: str) -> None:
    """Leave a remark for the rollback."""
    run.output("rollback_remark", text)


@check
async def leaks(run: Run, *, path: str) -> None:
    """Say a secret, found in a file, in every way an action can."""
    secret = run.files.read(path).decode()
    run.secrets.register("TOKEN", secret)
    run.log(f"the token is {secret}")
    run.progress(f"using {secret}")
    run.output("token", secret)
    run.measure("token", secret)
    run.fail(f"it was {secret}", hint=secret)


@check
async def spills(run: Run, *, path: str) -> None:
    """End by an exception that nobody expected, with a secret in its words."""
    secret = run.files.read(path).decode()
    run.secrets.register("TOKEN", secret)
    raise LookupError(f"no account for {secret}, {quote(secret, safe='')}")


@check
async def scores(run: Run, *, minimum: float = 0) -> None:
    """Measure the score, as the plan's own step does."""
    assert run.score is not None
    taken = await run.score.measure(step=run.step)
    run.measure("security score", taken.total, at_least=minimum)


@probe
async def touches(run: Run) -> None:
    """Write a file and take it away again, as a probe does."""
    await run.files.write("runbook_probe_x", b"x")
    await run.files.remove("runbook_probe_x")


RUNNING = "running"
"""Beside the target: what a command started on this machine, which no capture holds."""
TALLY = "tally"
"""In the scratch folder: which step's apply and check was called, in order."""


def told(scratch: Path) -> list[str]:
    """The lines of the tally."""
    file = scratch / TALLY
    return file.read_text().splitlines() if file.exists() else []


def tallied(action: Action) -> Action:
    """The same effect, which leaves a line in the tally when it is applied and when it is asked."""
    checker = action.checker
    if checker is None:
        return action

    async def apply(run: Run, **parameters: object) -> None:
        _tell(run, "apply")
        await action.function(run, **parameters)

    async def ask(run: Run, **parameters: object) -> Finding:
        _tell(run, "check")
        return await checker(run, **parameters)

    return dataclasses.replace(action, function=apply, checker=ask)


def _tell(run: Run, word: str) -> None:
    with (run.scratch / TALLY).open("a") as file:
        file.write(f"{word} {run.step}\n")


class Actions:
    """Implements `ports.action.Registry` over this module's actions."""

    def __init__(self) -> None:
        found = (
            write,
            append,
            spread,
            stumble,
            insert,
            lie,
            lock,
            holds,
            waits,
            breaks,
            asks,
            tells,
            states,
            child,
            remarks,
            leaks,
            spills,
            scores,
            touches,
            command.shell,
            command.python,
        )
        self._actions = {action.name: tallied(action) for action in found}

    def get(self, name: str) -> Action | None:
        return self._actions.get(name)

    def names(self) -> list[str]:
        return sorted(self._actions)

    def parameters(self, action: Action) -> dict[str, Any]:
        return {}

    def coerce(self, action: Action, values: dict[str, object]) -> dict[str, object]:
        if "unfit" in values:
            raise ValueError("unfit: no such parameter")
        return values


class DataCopy:
    """A fallback: what a file that no capability captures held at the checkpoint."""

    kind = "volume"
    rank = 5

    def __init__(self, root: Path) -> None:
        self._file = root / "data"

    async def prior(self, name: str) -> Prior:
        return Prior(kind="volume", name="data", content=self._now(), summary="a copy of the data")

    async def state(self, name: str) -> str:
        return ""

    async def difference(
        self, taken: ev.CaptureTaken, content: bytes, *, since: bool = False
    ) -> str:
        return ""

    async def losses(self, taken: ev.CaptureTaken, content: bytes) -> list[str]:
        old = content.decode().splitlines()
        return [line for line in self._now().decode().splitlines() if line not in old]

    async def restore(self, taken: ev.CaptureTaken, content: bytes) -> bool:
        self._file.write_bytes(content)
        return True

    def _now(self) -> bytes:
        return self._file.read_bytes() if self._file.exists() else b""


class FileTarget:
    """Implements `ports.target.Target` for a folder without containers."""

    def __init__(self, root: Path, scratch: Path, children: Children, secrets: Redactor) -> None:
        self._root = root
        self._scratch = scratch
        self._children = children
        self._secrets = secrets
        self.git = GitRepository(root, children)
        self.plan = PLAN
        self.survivors: RunbookError | None = None
        """Why what an older engine left can't be ended."""
        self.displaced: tuple[str, ...] = ()
        """Sessions whose survivors it was told to end."""
        self.database_starts = 0
        self.database_fault: ActionError | None = None
        """Why the database does not start."""

    def capturables(self) -> Sequence[Capturable]:
        return [FileCapturable(self._root, self.git), DataCopy(self._root)]

    def context(self, *, item: str, step: str, capture: Capture, recorder: Recorder) -> Run:
        missing: Any = SimpleNamespace()
        return Run(
            session="s",
            item=item,
            step=step,
            plan=self.plan,
            folder=self._root,
            scratch=self._scratch,
            files=TargetFiles(self._root, capture, self.git),
            containers=missing,
            compose=missing,
            database=missing,
            secrets=self._secrets,
            http=missing,
            shell=HostShell(self._root, self._children, recorder.output_bytes),
            git=self.git,
            record=missing,
            recorder=recorder,
        )

    async def fingerprint(self) -> Fingerprint:
        excluded = {".git", *self.plan.record_documents()}
        files = {
            f"file:{path.relative_to(self._root)}": f"{path.stat().st_mode:o} {path.read_bytes()!r}"
            for path in sorted(self._root.rglob("*"))
            if path.is_file() and not excluded & set(path.relative_to(self._root).parts)
        }
        reasons = tuple(
            Exclusion(field=name, reason="the session's own") for name in sorted(excluded)
        )
        return Fingerprint(fields=files, exclusions=reasons)

    async def start_database(self) -> None:
        self.database_starts += 1
        if self.database_fault is not None:
            raise self.database_fault

    async def end_survivors(self, others: Iterable[str] = ()) -> Sequence[str]:
        self.displaced = tuple(others)
        if self.survivors is not None:
            raise self.survivors
        return []

    def follow_logs(self, write: Callable[[str, bytes], None]) -> None:
        self.write_log = write

    async def stop_logs(self) -> Sequence[ev.LogLost]:
        return []

    async def close(self) -> None:
        """Nothing is open."""


def call(action: str, **parameters: object) -> Call:
    return Call(action=f"world.{action}", parameters=parameters)


def line(line_id: str, action: str, **parameters: object) -> CheckLine:
    return CheckLine(id=line_id, title=line_id, call=call(action, **parameters))


def step(step_id: str, action: str, **parameters: object) -> Step:
    changes = action in ("write", "append", "spread", "stumble", "insert", "lie", "lock")
    return Step(
        id=step_id,
        title=step_id,
        call=call(action, **parameters),
        effect=changes,
        blast_radius=action == "spread",
    )


FIRST = Item(
    id="first",
    number=1,
    title="First",
    checkpoint=(
        line("base", "holds", path="base.txt"),
        CaptureLine(id="copies", title="Copies", files=("base.txt",), project=False),
        ConfirmLine(id="ready", title="Ready to begin"),
    ),
    steps=(
        step("first.new", "write", path="sub/new.txt", text="new\n"),
        step("first.base", "append", path="base.txt", line="one"),
        step("first.more", "append", path="base.txt", line="two"),
    ),
    success=(line("new-is-there", "holds", path="sub/new.txt"),),
    commit="feat: first",
)
SECOND = Item(
    id="second",
    number=2,
    title="Second",
    needs=("first",),
    checkpoint=(ConfirmLine(id="ready2", title="Ready for the second"),),
    steps=(step("second.base", "append", path="base.txt", line="three"),),
    success=(line("base-holds", "holds", path="base.txt"),),
)
PLAN = Plan(
    id="plan",
    title="A plan over files",
    version="1",
    path="plan.yaml",
    sha256="0" * 64,
    items=(FIRST, SECOND),
    target=TargetSpec(compose="", progress=PROGRESS),
)


def scored(check_id: str, action: str, **fields: Any) -> ScoreCheck:
    """A check of a score; what is no field of it is a parameter of the action."""
    known = {name: fields.pop(name) for name in ("excluded", "probe") if name in fields}
    return ScoreCheck(
        id=check_id,
        title=check_id,
        call=call(action, **fields),
        weight=1,
        source="the test",
        **known,
    )


SCORE = Score(
    declared_current=70,
    declared_target=95,
    categories=(
        ScoreCategory(
            name="Files",
            declared_current=0,
            declared_target=100,
            checks=(
                scored("base", "holds", path="base.txt"),
                scored("new", "holds", path="sub/new.txt"),
                scored("touched", "touches", probe=True),
                scored("odd", "breaks"),
                scored("elsewhere", "holds", path="base.txt", excluded="other is a, not b"),
            ),
        ),
    ),
)
SCORED = replace(PLAN, score=SCORE)
"""The plan with a score of which the first item makes one more check pass."""


def plan_of(*steps: Step, **fields: Any) -> Plan:
    """A plan with one item of these steps, a checkpoint and nothing else."""
    values: dict[str, Any] = {
        "id": "only",
        "number": 1,
        "title": "Only",
        "checkpoint": (CaptureLine(id="copies", title="Copies", project=False),),
    }
    return replace(PLAN, items=(Item(**(values | {"steps": steps} | fields)),))


class MortalJournal(SqliteJournal):
    """A journal on disk that has a crash point before and after every append."""

    async def append(self, *bodies: Body) -> list[Entry]:
        kinds = "+".join(dict.fromkeys(type(body).__name__ for body in bodies))
        crash_at(f"before:{kinds}")
        entries = await super().append(*bodies)
        crash_at(f"after:{kinds}")
        return entries


class World:
    """A target folder and a session folder below one temporary path."""

    def __init__(self, base: Path, plan: Plan = PLAN) -> None:
        self.base = base
        self.plan = plan
        self.root = base / "target"
        self.folder = base / "session"
        self.survivors: RunbookError | None = None
        self.rehearsals: Rehearsals = NoRehearsals()
        self.notifier: Notifier = NobodyToCall()
        self.clock: Clock = SystemClock()
        self.registry: Registry = Actions()

    def make(self) -> World:
        for folder in (self.root, self.folder, self.folder / "scratch"):
            folder.mkdir(parents=True, exist_ok=True)
        (self.root / "base.txt").write_text("zero\n")
        return self

    async def begin(self, *, names_target: bool = False) -> None:
        journal = MortalJournal(self.folder / "journal.db", SystemClock())
        await journal.append(
            ev.SessionStarted(
                session="s",
                plan=self.plan.id,
                plan_title=self.plan.title,
                plan_path=self.plan.path,
                plan_sha256=self.plan.sha256,
                target=str(self.root),
                operator="op",
                host="h",
                program="0",
                variables={},
                outline=outline(self.plan),
                names_target=names_target,
            )
        )
        journal.close()

    def keep_plan(self) -> None:
        """Leave the plan for processes that know the folder alone."""
        (self.base / "plan").write_bytes(pickle.dumps(self.plan))

    @classmethod
    def at(cls, base: Path) -> World:
        return cls(base, pickle.loads((base / "plan").read_bytes()))

    def process(self, role: str) -> list[str]:
        """Of `tests.engine.watched`."""
        return [sys.executable, "-m", "tests.engine.watched", role, str(self.base)]

    def start_engine(self, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.process("engine"), start_new_session=True, env=os.environ | environment
        )

    def _start_detached(self, _: str) -> None:
        process = self.start_engine()
        process.returncode = 0  # nobody waits for it here

    def client(self, *, read_only: bool = False) -> SessionClient:
        clock = self.clock
        return SessionClient(
            folder=self.folder,
            read_plan=lambda started, created: self.plan,
            journal=MortalJournal(self.folder / "journal.db", clock),
            doorbell=SocketDoorbell(self.folder),
            logs=SqliteLogReader(self.folder / "logs.db"),
            clock=clock,
            exporter=Exporter(
                sign=FileSigner(self.base / "signing.key").sign,
                write=write_durably,
                find_leak=lambda _: None,
                crash=crash_at,
            ),
            read_only=read_only,
            is_alive=lambda pid, started: start_time(pid) == started,
            start_engine=self._start_detached,
            last_words=lambda pid: "",
            mask=lambda body: body,
            leave_answer=lambda asked, answer: leave_answer(self.folder, asked, answer),
            changes_of=lambda _: [],
            by_hand=ProcessByHand(self.folder),
            dry_run=FakeDryRun,
            hold_plan=lambda *_: False,
        )

    @asynccontextmanager
    async def engine(self):
        clock, redactor = self.clock, Redactor()
        self.redactor = redactor
        journal = MortalJournal(self.folder / "journal.db", clock)
        doorbell = SocketDoorbell(self.folder)
        logs = SqliteLogWriter(self.folder / "logs.db")
        ledger = Ledger(journal, doorbell, redactor)
        artefacts = FolderArtefacts(self.folder, FileKeySealer(self.base / "captures.key"))
        secrets = KnownSecrets(redactor, artefacts)
        children = Children(ledger.emit, secrets.environment())
        target = FileTarget(self.root, self.folder / "scratch", children, redactor)
        target.plan = self.plan
        target.survivors = self.survivors
        self.target = target
        try:
            yield assemble(
                plan=self.plan,
                root=self.root,
                ledger=ledger,
                target=target,
                artefacts=artefacts,
                registry=self.registry,
                logs=logs,
                redactor=redactor,
                clock=clock,
                crash=crash_at,
                end_survivor=children.end_survivor,
                canary=secrets.canary(),
                make_key=MemoryKey,
                guards=DetachedGuards(
                    self.folder, children, guard=self.process("guard"), check=self.process("check")
                ),
                transcripts=SpooledTranscripts(self.folder),
                rehearsals=self.rehearsals,
                notifier=self.notifier,
            )
        finally:
            logs.close()
            doorbell.close()
            journal.close()

    async def drive(self, epoch: int = 1) -> None:
        """Run an engine until it is stopped."""
        async with self.engine() as engine:
            await run_engine(engine, epoch)

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Mode and bytes of every file of the target, but the record."""
        return {
            str(path.relative_to(self.root)): (path.stat().st_mode, path.read_bytes())
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
            and path.name not in self.plan.record_documents()
            and ".git" not in path.relative_to(self.root).parts
        }


async def run_engine(engine: Engine, epoch: int) -> None:
    pid = os.getpid()
    await engine.run(
        ev.EngineStarted(epoch=epoch, pid=pid, pid_started=start_time(pid) or "", host="h"),
        begun=lambda: None,
    )


async def until(
    client: SessionClient, holds_now: Callable[[], bool], *, seconds: float = 30
) -> None:
    """Follow a session until something holds."""
    async with asyncio.timeout(seconds):
        while not holds_now():
            await client.changes(0.5)

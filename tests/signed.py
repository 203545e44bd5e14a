"""A session in a folder with a real journal and a real key, and its signal."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.durable import write_durably
from runbook_app.adapters.signing_key import FilePublicKey, FileSigner, public_file
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain.entry import Body
from runbook_app.engine.client import SessionClient
from runbook_app.engine.export import Exporter
from runbook_app.ports.crash import no_crash
from runbook_app.ports.hands import NoWayIn
from runbook_app.ports.session import Exported
from runbook_app.testing.doorbell import MemoryDoorbell
from runbook_app.testing.session import FakeDryRun, FakeLogs
from tests.domain.story import Story, complete


class SignedSession:
    """Told like a `Story`; `home` has the key, as `$RUNBOOK_HOME` does."""

    def __init__(self, home: Path, story: Story | None = None) -> None:
        self.story = story or complete(assumed=True)
        self.folder = home / "s1"
        self.folder.mkdir(parents=True)
        self.key_file = home / "signing.key"
        self.page = self.folder / "signal.md"
        self.signal = self.folder / "signal.json"
        self.database = self.folder / "journal.db"
        self.tell(*(entry.body for entry in self.story.entries))

    def tell(self, *bodies: Body) -> None:
        journal = SqliteJournal(self.database, SystemClock())
        try:
            asyncio.run(_append(journal, bodies))
        finally:
            journal.close()

    def client(self, *, read_only: bool = False) -> SessionClient:
        return SessionClient(
            folder=self.folder,
            read_plan=lambda *_: self.story.plan,
            journal=SqliteJournal(self.database, SystemClock(), read_only=read_only),
            doorbell=MemoryDoorbell(),
            logs=FakeLogs(),
            clock=SystemClock(),
            exporter=Exporter(
                sign=FileSigner(self.key_file).sign,
                write=write_durably,
                find_leak=lambda _: None,
                crash=no_crash,
            ),
            read_only=read_only,
            is_alive=lambda *_: False,
            start_engine=lambda _: None,
            last_words=lambda _: "",
            mask=lambda body: body,
            leave_answer=lambda *_: None,
            changes_of=lambda _: [],
            by_hand=NoWayIn(),
            dry_run=FakeDryRun,
            hold_plan=lambda *_: False,
        )

    def export(self, out: Path | None = None) -> Exported:
        client = self.client()
        try:
            return asyncio.run(client.export(out))
        finally:
            client.close()

    @property
    def key(self) -> FilePublicKey:
        return FilePublicKey.load(public_file(self.key_file))

    def sql(self, statement: str, *values: object) -> None:
        """Change the journal behind the program's back."""
        connection = sqlite3.connect(self.database)
        with connection:
            connection.execute(statement, values)
        connection.close()


async def _append(journal: SqliteJournal, bodies: tuple[Body, ...]) -> None:
    await journal.append(*bodies)

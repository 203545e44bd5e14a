"""A target with secrets in its Compose file, faked; values are made for each test."""

from __future__ import annotations

import dataclasses
import json
import secrets
import shutil
from pathlib import Path

from actions._secrets_manifest import Entry
from actions.secrets_rotation import APPLICATION
from runbook_app.domain.scram import verifier
from runbook_app.ports.capabilities import ExecResult
from runbook_app.resources import sample_target
from runbook_app.testing.capabilities import result
from runbook_app.testing.run import FakeTarget
from tests.actions.database_target import database_target

MANIFEST = [
    Entry(name="db_password", description="the role", source="the database", valid="length:32"),
    Entry(name="jwt_secret", description="tokens", source="random", rotation_days=90),
    Entry(name="admin_password", description="the administrator", source="random"),
    Entry(name="column_key", description="columns", source="item 3", valid="hex:64"),
]
OLD = {
    "DB_PASSWORD": secrets.token_hex(12),
    "JWT_SECRET": secrets.token_hex(32),
    "ADMIN_PASSWORD": secrets.token_hex(10),
}
TOKENS = {**OLD, "PROJECT": "shop", "API_PORT": "8001", "SUBNET": "10.89.1.0/24"}
HASH, NEW_HASH = "$argon2id$old", "$argon2id$new"


class SecretsTarget:
    """The sample with what item 3 left: a column key in its file."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        monkeypatch.setattr("os.geteuid", lambda: 0)
        self.role = verifier(OLD["DB_PASSWORD"], b"0" * 16)
        self.hash = HASH
        self.git: dict[str, str] = {}
        """What git says, by command."""
        self.fake = database_target(folder, {})
        self._copy_sample()
        self.fake.database.on_query = self._query
        self.fake.database.on_execute = self._execute
        self.fake.containers.on_execute = self._in_container
        for name, value in OLD.items():
            self.fake.secrets.register(name, value)
        self.column_key = secrets.token_hex(32)
        self.write("secrets/api/column_key", self.column_key, uid=10001)
        info = self.fake.containers.running["db"]
        self.fake.containers.running["db"] = dataclasses.replace(info, environment={})

    def _copy_sample(self) -> None:
        for path in ("docker-compose.staging.yml", ".env.example", "src/core/config.py"):
            place = self.fake.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(sample_target() / path, place)
            text = place.read_text()
            for name, value in TOKENS.items():
                text = text.replace(f"@@{name}@@", value)
            place.write_text(text)

    def write(self, path: str, text: str, *, uid: int) -> None:
        place = self.fake.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(0o600)
        self.fake.files.owners[path] = uid

    def value(self, name: str) -> str:
        return (self.fake.folder / APPLICATION / name).read_text()

    def _query(self, sql: str) -> list[tuple[str]]:
        return [(self.role,)] if "rolpassword" in sql else [(self.hash,)]

    def _execute(self, sql: str) -> list[tuple[str]]:
        if sql.startswith("ALTER ROLE"):
            self.role = sql.partition("PASSWORD '")[2].partition("'")[0]
        elif "UPDATE" in sql:
            self.hash = sql.partition("= '")[2].partition("'")[0]
        return []

    def _in_container(self, service: str, argv: object, stdin: bytes) -> ExecResult:
        order = json.loads(stdin)
        old = order["hash"] == HASH and OLD["ADMIN_PASSWORD"] in order["old"]
        new = order["hash"] == NEW_HASH
        return result(json.dumps({"old": old, "new": new, "hash": NEW_HASH if old else ""}))

    @property
    def target(self) -> FakeTarget:
        return self.fake

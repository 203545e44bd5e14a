"""A stack seen from outside: its database through the superuser's socket, its API by HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from runbook_app.adapters.children import Children
from runbook_app.adapters.compose_engine import find_compose
from tests.real.demos import Demo

HERE = Path(__file__).parent


async def _forget(_: object) -> None:
    """These children are the test's, not an engine's."""


def compose(root: Path, file: str, *argv: str) -> None:
    command = [*asyncio.run(find_compose(Children(_forget))), "-f", file, *argv]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    demo: Demo
    plan: Path
    project: str
    service: str
    database: str
    superuser: str

    @classmethod
    def of_sample(cls, demo: Demo, plan: Path) -> Stack:
        return cls(
            demo=demo,
            plan=plan,
            project=demo.project,
            service="db",
            database="accounts",
            superuser="postgres",
        )

    @property
    def root(self) -> Path:
        return self.demo.root

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        scope = ("--target", str(self.root), "--yes", "-q")
        return self.demo.runbook("run", str(self.plan), *scope, *more)

    def roll_back(self) -> subprocess.CompletedProcess[str]:
        return self.demo.runbook("rollback", "database", "--yes")

    def execute(self, service: str, *argv: str, user: str = "") -> tuple[int, str]:
        client = docker.from_env()
        try:
            container = client.containers.get(f"{self.project}-{service}-1")
            code, output = container.exec_run(list(argv), user=user)
            return int(code), output.decode()
        finally:
            client.close()

    def sql(self, text: str, database: str = "") -> str:
        code, said = self.execute(
            self.service,
            *("psql", "--no-psqlrc", "-Atq", "-v", "ON_ERROR_STOP=1", "-U", self.superuser),
            *("-d", database or self.database, "-c", text),
            user="postgres",
        )
        assert code == 0, said
        return said.strip()

    def dump(self, database: str = "") -> str:
        code, said = self.execute(
            self.service,
            *("pg_dump", "--schema-only", "-U", self.superuser, database or self.database),
            user="postgres",
        )
        assert code == 0, said
        return re.sub(r"^\\(un)?restrict .*$", "", said, flags=re.MULTILINE)

    def alembic(self, *argv: str) -> tuple[int, str]:
        return self.execute("api", "alembic", *argv)

    def call(self, method: str, path: str, body: object = None, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.demo.plan().variables['https_port']}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    def token(self) -> str:
        text = (self.root / "docker-compose.staging.yml").read_text()
        found = re.search(r'ADMIN_PASSWORD: "?([^"\n]+)', text)
        assert found is not None
        login = {"email": "admin@example.com", "password": found[1]}
        return str(self.call("POST", "/api/v1/auth/login", login)["access_token"])

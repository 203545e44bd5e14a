"""Where secrets can be read: each place passes clean and fails with one in it."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actions import _secret_shapes as shapes
from actions import secret_places
from runbook_app.domain.errors import DatabaseRefused, NotMeasured
from runbook_app.ports.capabilities import ExecResult
from runbook_app.testing.capabilities import container, result
from runbook_app.testing.network import response
from runbook_app.testing.run import FakeTarget

SECRET = secrets.token_hex(16)
CLEAN = {"PATH": "/bin", "DB_USER": "accounts", "DB_PASSWORD_FILE": "/run/secrets/db_password"}
COMPOSE = "services:\n  api:\n    environment:\n      DB_PASSWORD_FILE: /run/secrets/db_password\n"


@pytest.fixture
def stack(target: FakeTarget) -> FakeTarget:
    """A stack whose secrets are in files alone."""
    (target.folder / "docker-compose.yml").write_text(COMPOSE)
    folder = target.folder / "secrets/api"
    folder.mkdir(parents=True)
    (folder / "db_password").write_text(SECRET)
    (folder / "db_password").chmod(0o600)
    starts(target, CLEAN)
    target.shell.programs["git"] = git(["docker-compose.yml"])
    target.containers.histories["api:latest"] = b'[[{"Created": 1}]]'
    return target


def starts(target: FakeTarget, environment: Mapping[str, str], process: str = "") -> None:
    """Let the container be started so, and its first process have this besides."""
    info = dataclasses.replace(container("api"), environment=dict(environment))
    target.containers.running["api"] = info

    def execute(_: str, argv: Sequence[str], __: bytes) -> ExecResult:
        if argv[0] == "cat":
            return result(f"PATH=/bin\0{process}\0")
        return result(json.dumps({"db_password": SECRET}))

    target.containers.on_execute = execute


def git(tracked: Sequence[str], history: str = "") -> Any:
    def run(argv: Sequence[str]) -> ExecResult:
        return result("\0".join(tracked) if argv[1] == "ls-files" else history)

    return run


async def test_a_variable_with_a_secret_shows_in_docker_inspect(stack: FakeTarget) -> None:
    assert await stack.measure(secret_places.inspect) == []
    starts(stack, {**CLEAN, "DB_PASSWORD": SECRET})
    assert await stack.measure(secret_places.inspect) == ["docker inspect of api"]
    assert SECRET not in str(stack.recorder.measurements)
    starts(stack, {**CLEAN, "DATABASE_URL": f"postgresql://accounts:{SECRET}@db/accounts"})
    assert await stack.measure(secret_places.inspect) == ["docker inspect of api"]


async def test_an_entrypoint_that_exports_a_secret_is_seen(stack: FakeTarget) -> None:
    assert await stack.measure(secret_places.first_process) == []
    starts(stack, CLEAN, f"JWT_SECRET={SECRET}")
    assert await stack.measure(secret_places.first_process) == ["/proc/1/environ of api"]


async def test_a_process_that_can_not_be_read_is_not_measured(stack: FakeTarget) -> None:
    stack.containers.on_execute = lambda *_: result(exit_code=1)
    with pytest.raises(NotMeasured, match="can't be read"):
        await stack.measure(secret_places.first_process)


async def test_where_no_environment_can_be_read_nothing_is_measured(stack: FakeTarget) -> None:
    stack.containers.on_execute = lambda *_: result("")
    with pytest.raises(NotMeasured, match="No process's environment"):
        await stack.measure(secret_places.first_process)


async def test_a_secret_in_the_compose_file_is_seen(stack: FakeTarget) -> None:
    assert await stack.measure(secret_places.compose_file) == []
    (stack.folder / "docker-compose.yml").write_text(f"{COMPOSE}      JWT_SECRET: {SECRET}\n")
    assert await stack.measure(secret_places.compose_file) == ["docker-compose.yml"]
    assert "JWT_SECRET (line 5)" in str(stack.recorder.measurements)


@pytest.mark.parametrize(
    "made_by", [f"ENV JWT_SECRET={SECRET}", f"RUN login {SECRET}"], ids=["ENV", "RUN"]
)
async def test_a_secret_that_an_image_was_built_with_is_seen(
    stack: FakeTarget, made_by: str
) -> None:
    assert await stack.measure(secret_places.images) == []
    history = json.dumps([[{"Created": 1, "CreatedBy": made_by}]])
    stack.containers.histories["api:latest"] = history.encode()
    assert await stack.measure(secret_places.images) == ["history of api:latest"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".env.example", f"DB_PASSWORD={SECRET}\n"),
        ("config/app.yaml", 'api_key: "abcd-efgh-ijkl"\n'),
        ("src/settings.py", f'FALLBACK = "{SECRET}"\n'),
        ("certs/key.pem", "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEG\n"),
    ],
    ids=["example", "configuration", "source", "key"],
)
async def test_a_secret_in_a_tracked_file_is_seen(stack: FakeTarget, name: str, text: str) -> None:
    assert await stack.measure(secret_places.repository) == []
    path = stack.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert await stack.measure(secret_places.repository) == []  # not tracked
    stack.shell.programs["git"] = git(["docker-compose.yml", name])
    assert await stack.measure(secret_places.repository) == ["no secret in them"]
    assert SECRET not in str(stack.recorder.measurements)


async def test_a_repository_that_lists_nothing_is_not_measured(stack: FakeTarget) -> None:
    stack.shell.programs["git"] = git([])
    with pytest.raises(NotMeasured, match="can't be whole"):
        await stack.measure(secret_places.repository)


@pytest.mark.usefixtures("without_pauses")
async def test_a_secret_in_a_log_is_seen(stack: FakeTarget) -> None:
    said: list[str] = []

    def asked(*_: Any, headers: Mapping[str, str]) -> Any:
        said.append(headers["X-Request-ID"])
        return response(200)

    requested(stack, asked)
    stack.containers.on_logs = lambda _: f"request {said[-1]}\n".encode()
    assert await stack.measure(secret_places.container_logs, port=1) == []
    stack.containers.on_logs = lambda _: f"request {said[-1]}\nusing {SECRET}\n".encode()
    (failed,) = await stack.measure(secret_places.container_logs, port=1)
    assert failed.startswith("log of api")
    stack.containers.on_logs = lambda _: b""
    with pytest.raises(NotMeasured, match="not found in its log"):
        await stack.measure(secret_places.container_logs, port=1)


def requested(target: FakeTarget, answer: Any) -> None:
    async def request(_: str, __: str, **more: Any) -> Any:
        return answer(headers=more["headers"])

    http = type("Http", (), {"request": staticmethod(request)})()
    target.run = dataclasses.replace(target.run, http=http)


async def test_a_file_that_others_can_read_fails(stack: FakeTarget) -> None:
    wanted = {"folders": ["secrets"], "files": ["certs/key.pem"]}
    assert await stack.measure(secret_places.files_private, **wanted) == []
    (stack.folder / "secrets/api/db_password").chmod(0o640)
    assert await stack.measure(secret_places.files_private, **wanted) == [
        "readable by their owners alone"
    ]


async def test_without_a_file_of_secrets_nothing_is_measured(target: FakeTarget) -> None:
    with pytest.raises(NotMeasured, match="no secret in a file"):
        await target.measure(secret_places.files_private, folders=["secrets"])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"a": SECRET, "b": secrets.token_urlsafe(24)}, ""),
        ({"a": "db"}, "equals a name of the plan"),
        ({"a": "correct horse"}, "bits, fewer than 100"),
        ({"a": "a" * 64}, "bits, fewer than 100"),
        ({"a": SECRET, "b": SECRET}, "is the same as"),
    ],
)
async def test_a_weak_or_repeated_secret_fails(
    stack: FakeTarget, values: dict[str, str], words: str
) -> None:
    stack.run = dataclasses.replace(
        stack.run,
        plan=replace(
            stack.run.plan,
            target=replace(
                stack.run.plan.target,
                database=replace(stack.run.plan.target.database, service="db"),
            ),
        ),
    )
    stack.containers.on_execute = lambda *_: result(json.dumps(values))
    failed = await stack.measure(secret_places.strength)
    assert failed == (["strong and distinct"] if words else [])
    assert words in str(stack.recorder.measurements)


@pytest.mark.parametrize("refused", [True, False])
async def test_a_published_password_has_to_be_refused(stack: FakeTarget, refused: bool) -> None:
    old = secrets.token_hex(12)
    stack.shell.programs["git"] = git([], f"+DB_PASSWORD={old}\n+      DB_PASSWORD: ${{X}}\n")

    def query(_: str) -> Any:
        login = stack.database.logins[-1]
        if login and login.password == old and refused:
            raise DatabaseRefused("password authentication failed")
        return [(1,)]

    stack.database.on_query = query
    failed = await stack.measure(secret_places.published_refused)
    assert failed == ([] if refused else ["published value 1 refused"])
    assert stack.value("values of DB_PASSWORD in the history") == 1
    assert old not in str(stack.recorder.measurements)


async def test_without_a_way_in_a_refusal_means_nothing(stack: FakeTarget) -> None:
    def query(_: str) -> Any:
        raise DatabaseRefused("no pg_hba.conf entry")

    stack.database.on_query = query
    with pytest.raises(DatabaseRefused):
        await stack.measure(secret_places.published_refused)


# Shapes


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("DB_PASSWORD=hunter2hunter2", True),
        ('      DB_PASSWORD: "hunter2"', True),
        ("SECRET_KEY = abcdef", True),
        ("db_password_2: abcdef", True),
        ("export API_KEY='abcdef'", True),
        ("  - JWT_SECRET=abcdef", True),
        ("url: postgres://u:hunter2@db/x", True),
        ("DB_PASSWORD=", False),
        ("DB_PASSWORD=${DB_PASSWORD}", False),
        ("DB_PASSWORD_FILE: /run/secrets/db_password", False),
        ("JWT_SECRET: /run/secrets/jwt", False),
        ("JWT_SECRET=change-me", False),
        ("JWT_SECRET=<made at deployment>", False),
        ("#DB_PASSWORD=hunter2", False),
        ("access_token_minutes: 15", False),
        ("secrets: [db_password]", False),
        ("url: postgres://db/x", False),
        ("password_encryption: scram-sha-256", False),
    ],
)
def test_what_looks_like_a_secret(line: str, seen: bool) -> None:
    assert bool(shapes.in_text(line)) == seen


@given(st.text(max_size=200))
def test_any_text_can_be_looked_through(text: str) -> None:
    shapes.in_text(text)
    assert shapes.bits(text) >= 0


@given(st.binary(min_size=16, max_size=32))
def test_random_values_are_strong_and_none_of_them_is_told(data: bytes) -> None:
    found = list(shapes.weak({"one": data.hex()}, words=["db"], least_bits=100))
    assert data.hex() not in str(found)


def test_what_is_generated_is_strong() -> None:
    values = {str(n): secrets.token_hex(32) for n in range(20)}
    assert list(shapes.weak(values, words=[], least_bits=100)) == []

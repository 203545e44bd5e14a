"""The engine, the images and small stacks; whatever a test made is removed after it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_app.adapters.docker_client import DockerClient
from runbook_app.domain.plan import Database
from tests.real.adapters.stacks import Stack
from tests.real.images import sample_image

MakeStack = Callable[..., Stack]


@pytest.fixture(scope="session")
def docker() -> Iterator[DockerClient]:
    client = DockerClient()
    yield client
    client.close()


@pytest.fixture
async def make_stack(docker: DockerClient, tmp_path: Path) -> AsyncIterator[MakeStack]:
    stacks: list[Stack] = []

    def make(services: str, **more: Any) -> Stack:
        folder = tmp_path / f"target{len(stacks)}"
        folder.mkdir()
        stacks.append(Stack(folder, docker, services, **more))
        return stacks[-1]

    yield make
    for stack in stacks:
        await stack.remove()


@pytest.fixture(scope="session")
def api_image(docker: DockerClient) -> str:
    return sample_image(docker, "api")


@pytest.fixture(scope="session")
def db_image(docker: DockerClient) -> str:
    return sample_image(docker, "db")


DATABASE = Database(
    service="db",
    name="app",
    user="app",
    password_from="environment:POSTGRES_PASSWORD",
    superuser="postgres",
)
PASSWORD = "a-throwaway-password"

Sql = Callable[[str], Awaitable[str]]


_SERVICES = """
api:
  image: {api_image}
  init: true
  stop_grace_period: 0s
  entrypoint: ["python3", "-m", "http.server", "--directory", "/www", "8000"]
  command: []
  volumes: ["./www:/www:ro"]
db:
  image: {db_image}
  environment: {{POSTGRES_USER: app, POSTGRES_PASSWORD: {password}, POSTGRES_DB: app}}
  command: ["-c", "fsync=off"]
  volumes: ["data:/var/lib/postgresql/data"]
  healthcheck:
    test: ["CMD", "pg_isready", "-q", "-h", "127.0.0.1"]
    interval: 300ms
    timeout: 5s
    retries: 200
"""
_EMPTY = """
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
DROP DATABASE IF EXISTS other;
DROP OWNED BY reader, readers;
DROP ROLE IF EXISTS reader, readers;
"""
OPENAPI = '{"paths": {"/health": {}}}'


@pytest.fixture(scope="module")
def shared(
    docker: DockerClient, tmp_path_factory: pytest.TempPathFactory, api_image: str, db_image: str
) -> Iterator[Stack]:
    """A database, and an "API" that only serves its description; for a whole module."""
    folder = tmp_path_factory.mktemp("shared") / "target"
    stack = _database_stack(folder, docker, api_image, db_image)
    asyncio.run(stack.run().compose.up())
    yield stack
    asyncio.run(stack.remove())


@pytest.fixture
async def own_stack(
    docker: DockerClient, api_image: str, db_image: str, tmp_path: Path
) -> AsyncIterator[Stack]:
    """The same for one test, which may do with it what it likes."""
    stack = _database_stack(tmp_path / "target", docker, api_image, db_image)
    await stack.run().compose.up()
    stack.captures.clear()
    yield stack
    await stack.remove()


def _database_stack(folder: Path, docker: DockerClient, api_image: str, db_image: str) -> Stack:
    (folder / "www").mkdir(parents=True)
    (folder / "www/openapi.json").write_text(OPENAPI)
    services = _SERVICES.format(api_image=api_image, db_image=db_image, password=PASSWORD)
    return Stack(folder, docker, services, more="volumes:\n  data: {}\n", database=DATABASE)


@pytest.fixture
async def stack(shared: Stack) -> Stack:
    """The module's stack, running, with an empty database."""
    if await shared.run().compose.settled():
        await shared.run().compose.up()
    (shared.folder / "www/openapi.json").write_text(OPENAPI)
    await run_sql(shared, "CREATE ROLE reader; CREATE ROLE readers;", may_fail=True)
    await run_sql(shared, _EMPTY)
    shared.captures.clear()
    return shared


async def run_sql(stack: Stack, statements: str, *, may_fail: bool = False) -> str:
    """Run statements as the database's superuser."""
    result = await stack.run().containers.execute(
        "db",
        [
            "psql",
            "-qAt",
            *([] if may_fail else ["-v", "ON_ERROR_STOP=1"]),
            "-U",
            "app",
            "-d",
            "app",
        ],
        stdin=statements.encode(),
        log=False,
    )
    assert result.ok, result.stderr
    return result.text


@pytest.fixture
def sql(stack: Stack) -> Sql:
    return lambda statements: run_sql(stack, statements)

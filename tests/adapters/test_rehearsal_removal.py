"""Taking a rehearsal's copy away: all of it, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runbook_app.adapters.children import start_time
from runbook_app.adapters.rehearsal_names import Names
from runbook_app.adapters.rehearsal_record import Begun, RehearsalRecord
from runbook_app.adapters.rehearsal_removal import Removal, _remove_from_engine

PROJECT = "com.docker.compose.project"
SESSION = "runbook.session"


class Engine:
    """Stands for the SDK's client: things by kind and name, each with one label."""

    def __init__(self, labels: dict[str, str], images: dict[str, str]) -> None:
        self.things = {
            kind: {f"{kind}-{name}": label for name, label in labels.items()}
            for kind in ("container", "network", "volume")
        }
        self.image_of = {f"container-{name}": "nginx:latest" for name in labels}
        self.named = images

    def _found(self, kind: str, filters: dict[str, list[str]]) -> list[str]:
        (wanted,) = filters["label"]
        return [name for name, label in self.things[kind].items() if label == wanted]

    def containers(self, *, all: bool, filters: dict[str, list[str]]) -> list[dict[str, str]]:  # noqa: A002 - as the SDK calls it
        assert all
        found = self._found("container", filters)
        return [{"Id": name, "Image": self.image_of[name]} for name in found]

    def networks(self, *, filters: dict[str, list[str]]) -> list[dict[str, str]]:
        return [{"Id": name} for name in self._found("network", filters)]

    def volumes(self, *, filters: dict[str, list[str]]) -> dict[str, list[dict[str, str]]]:
        return {"Volumes": [{"Name": name} for name in self._found("volume", filters)]}

    def remove_container(self, name: str, **_: Any) -> None:
        del self.things["container"][name]

    def remove_network(self, name: str) -> None:
        del self.things["network"][name]

    def remove_volume(self, name: str, **_: Any) -> None:
        del self.things["volume"][name]

    def images(self) -> list[dict[str, Any]]:
        return [{"Id": image, "RepoTags": [name]} for name, image in self.named.items()]

    def tag(self, image: str, repository: str, tag: str, **_: Any) -> None:
        self.named[f"{repository}:{tag}"] = image

    def remove_image(self, name: str, **_: Any) -> None:
        del self.named[name]


def begun(folder: Path = Path("/none"), **fields: Any) -> Begun:
    names = Names(before="staging", project="copy", ports={}, subnets={})
    known = {
        "id": "r1",
        "pid": 1,
        "pid_started": "1",
        "target": "/srv/staging",
        "folder": str(folder),
        "names": names,
        "session": "s1",
    }
    return Begun(**(known | fields))


def test_everything_of_the_copy_goes_and_nothing_else() -> None:
    labels = {
        "api": f"{PROJECT}=copy",
        "trial": f"{SESSION}=r1",
        "probe": f"{SESSION}=s1",
        "target": f"{PROJECT}=staging",
        "longer": f"{PROJECT}=copy-2",
        "others": f"{SESSION}=s2",
    }
    engine = Engine(labels, {})
    _remove_from_engine(engine, begun())
    for kind, left in engine.things.items():
        assert sorted(left) == [f"{kind}-longer", f"{kind}-others", f"{kind}-target"]


def test_image_names_mean_again_what_they_meant() -> None:
    engine = Engine(
        {"api": f"{PROJECT}=copy"},
        {
            "nginx:latest": "built-on-the-copy",
            "vault:1": "built-too",
            "other:1": "newer",
            "copy-api:latest": "x",
            "copycat:latest": "y",
        },
    )
    before = {"nginx:latest": "old", "vault:1": "older", "other:1": "somebody's"}
    _remove_from_engine(engine, begun(images=before, used=("vault:1", "fresh:1")))
    assert engine.named == {
        "nginx:latest": "old",
        "vault:1": "older",
        "other:1": "newer",
        "copycat:latest": "y",
    }


@pytest.fixture
def removal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Removal:
    found = Removal(RehearsalRecord(tmp_path / "home"), lambda name: tmp_path / "home" / name)
    engine = Engine({}, {})
    monkeypatch.setattr(found._docker, "use", lambda function, *args: function(engine, *args))
    return found


def test_folder_session_and_record_go_and_twice_does_no_harm(
    removal: Removal, tmp_path: Path
) -> None:
    found = begun(tmp_path / "work")
    (tmp_path / "work" / "copy").mkdir(parents=True)
    (tmp_path / "home" / "s1").mkdir(parents=True)
    record = RehearsalRecord(tmp_path / "home")
    record.write(found)
    removal.remove(found, None)
    removal.remove(msgspec.structs.replace(found), None)
    assert not (tmp_path / "work").exists()
    assert not (tmp_path / "home" / "s1").exists()
    assert record.begun() == []


def test_the_engine_on_the_copy_is_ended_first(removal: Removal, tmp_path: Path) -> None:
    engine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    started = start_time(engine.pid) or ""
    removal.remove(begun(tmp_path / "work"), (engine.pid, started))
    assert start_time(engine.pid) != started
    engine.wait()


def test_a_process_that_only_has_the_same_number_is_left_alone(
    removal: Removal, tmp_path: Path
) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        removal.remove(begun(tmp_path / "work"), (other.pid, "1"))
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()

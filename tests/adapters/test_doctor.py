"""What the doctor finds and misses."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from runbook_app.adapters import doctor
from runbook_app.adapters.doctor import Part, examine, render, require
from runbook_app.domain.errors import EnvironmentLacks
from runbook_app.domain.plan import Call, CheckLine, Database
from tests.domain.story import PLAN, TLS


def part(parts: list[Part], name: str) -> Part:
    return next(part for part in parts if part.name == name)


def asking_for(tool: str) -> CheckLine:
    call = Call(action="host.tool_available", parameters={"tool": tool})
    return CheckLine(id="tool", title=tool, call=call)


@pytest.fixture
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")


@pytest.mark.usefixtures("no_engine")
def test_an_engine_that_does_not_answer_is_lacking_with_the_remedy(tmp_path: Path) -> None:
    found = part(examine(tmp_path), "docker engine")
    assert found.lacking
    assert "make engine" in found.hint


@pytest.mark.usefixtures("no_engine")
def test_nothing_begins_without_an_engine(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacks, match="docker engine: missing") as lacks:
        require(tmp_path, tmp_path)
    assert lacks.value.exit_code == 5


@pytest.mark.usefixtures("no_engine")
def test_a_tool_is_lacking_only_when_the_plan_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(PLAN, items=(replace(TLS, checkpoint=(asking_for("no-such-tool"),)),))
    assert part(examine(tmp_path, None, plan), "no-such-tool").lacking
    monkeypatch.setenv("PATH", str(tmp_path))
    parts = examine(tmp_path)
    assert part(parts, "git").lacking
    assert not part(parts, "openssl").found
    assert not part(parts, "openssl").lacking


@pytest.mark.usefixtures("no_engine")
def test_a_target_is_held_against_the_plan(tmp_path: Path) -> None:
    target = tmp_path / "target"
    assert part(examine(tmp_path, target), "target").lacking
    target.mkdir()
    plan = replace(PLAN, target=replace(PLAN.target, database=Database(service="db")))
    assert part(examine(tmp_path, target, plan), "compose.yml").lacking
    (target / "compose.yml").write_text("services:\n  api: {image: x}\n")
    parts = examine(tmp_path, target, plan)
    assert part(parts, "compose.yml").found == "1 services"
    assert part(parts, "service api").found
    assert part(parts, "service db").lacking
    (target / "compose.yml").write_text("services: [\n")
    assert part(examine(tmp_path, target, plan), "compose.yml").lacking


@pytest.mark.usefixtures("no_engine")
def test_a_full_disk_is_lacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SPACE", 2**62)
    assert part(examine(tmp_path / "not" / "there"), "disk space").lacking


def test_the_table_tells_needed_from_optional() -> None:
    lines = render(
        [
            Part(name="git", found="git 2"),
            Part(name="openssl", needed=False, hint="install it"),
            Part(name="engine", hint="start it"),
        ]
    )
    assert lines[:3] == [
        "ok       git      git 2",
        "missing  openssl  install it",
        "MISSING  engine   start it",
    ]
    assert lines[-1] == "Lacking: engine."
    assert render([Part(name="git", found="git 2")])[-1] == "Nothing is lacking."

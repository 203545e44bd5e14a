"""The demo's own names, and the copy of the sample."""

from __future__ import annotations

import socket
import stat
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from runbook_app.adapters.demo import Demo, copy_sample, read_marker
from runbook_app.adapters.demo_settings import (
    Settings,
    choose,
    fill,
    host_routes,
    port_free,
)
from runbook_app.domain.errors import EnvironmentLacks, UsageError
from runbook_app.resources import sample_target

FIRST = Settings(project="a", api_port=8001, http_port=8080, subnet="10.89.0.0/24")


def chosen(
    *others: Settings, taken: tuple[int, ...] = (), networks: tuple[str, ...] = ()
) -> Settings:
    return choose(
        project="",
        others=others,
        networks=[IPv4Network(network) for network in networks],
        free=lambda port: port not in taken,
    )


def test_the_first_demo_gets_the_plans_own_ports() -> None:
    found = chosen()
    assert (found.api_port, found.http_port) == (8001, 8080)
    assert found.project.startswith("runbook-demo-")


def test_a_second_demo_keeps_off_ports_that_the_first_has_not_even_bound_yet() -> None:
    found = chosen(FIRST)
    assert {found.api_port, found.http_port}.isdisjoint({8001, 8080})
    assert not IPv4Network(found.subnet).overlaps(IPv4Network(FIRST.subnet))


def test_ports_in_use_are_passed_over_and_the_two_never_meet() -> None:
    found = chosen(taken=tuple(range(8001, 8090)))
    assert (found.api_port, found.http_port) == (8090, 8091)


def test_no_free_port_says_what_to_do() -> None:
    with pytest.raises(EnvironmentLacks, match="No port from 8001 to 8199") as lacks:
        chosen(taken=tuple(range(8001, 8300)))
    assert "--remove" in lacks.value.hint


def test_a_subnet_overlaps_no_network_and_no_route() -> None:
    assert chosen(networks=("10.89.0.0/23",)).subnet == "10.89.2.0/24"
    assert chosen(networks=("10.0.0.0/8",)).subnet == "172.28.0.0/24"
    with pytest.raises(EnvironmentLacks, match="No private subnet"):
        chosen(networks=("10.0.0.0/8", "172.16.0.0/12"))


def test_the_hosts_routes_are_read_without_the_default_route(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t0000590A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    )
    assert host_routes(table) == [IPv4Network("10.89.0.0/16")]
    assert host_routes(tmp_path / "none") == []


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        assert not port_free(port)
    assert port_free(port)


def test_an_unknown_token_is_an_error_and_not_left_in_the_copy() -> None:
    assert fill("a @@ONE@@ b", {"ONE": "1"}, name="f") == "a 1 b"
    with pytest.raises(ValueError, match="f has unknown tokens: TWO"):
        fill("@@ONE@@ @@TWO@@", {"ONE": "1"}, name="f")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    copy_sample(sample_target(), folder, FIRST)
    return folder


def test_no_token_is_left_in_a_copy(copy: Path) -> None:
    texts = [path.read_bytes() for path in copy.rglob("*") if path.is_file()]
    assert not [text for text in texts if b"@@" in text]


def test_a_copy_tells_the_plan_its_ports_and_network(copy: Path) -> None:
    found = yaml.safe_load((copy / "runbook.vars.yaml").read_text())
    assert found == {
        "project": "a",
        "https_port": 8001,
        "http_port": 8080,
        "subnet": "10.89.0.0/24",
    }
    compose = yaml.safe_load((copy / "docker-compose.staging.yml").read_text())
    assert compose["name"] == "a"
    assert compose["services"]["api"]["ports"] == ["127.0.0.1:8001:8000"]


def test_credentials_are_weakly_placed_and_new_in_every_copy(copy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    copy_sample(sample_target(), other, FIRST)
    first, second = password(copy), password(other)
    assert first != second
    assert first in (copy / ".env.example").read_text()
    assert len(first) >= 12


def password(folder: Path) -> str:
    compose = yaml.safe_load((folder / "docker-compose.staging.yml").read_text())
    return str(compose["services"]["db"]["environment"]["POSTGRES_PASSWORD"])


def test_scripts_stay_executable_and_caches_stay_behind(copy: Path) -> None:
    script = copy / "docker" / "db" / "entrypoint.sh"
    original = sample_target() / "docker" / "db" / "entrypoint.sh"
    assert stat.S_IMODE(script.stat().st_mode) == stat.S_IMODE(original.stat().st_mode)
    assert not [path for path in copy.rglob("*") if path.name in ("__pycache__", ".ruff_cache")]


def test_the_marker_makes_a_folder_a_demo(copy: Path, tmp_path: Path) -> None:
    assert read_marker(copy) == FIRST
    assert read_marker(tmp_path) is None


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    demo = Demo(tmp_path, say=lambda _: None)
    with pytest.raises(UsageError, match="is no demo"):
        demo.remove()
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_without_an_engine_nothing_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    folder = tmp_path / "demo"
    with pytest.raises(EnvironmentLacks, match="No Docker engine answers"):
        Demo(folder, say=lambda _: None).prepare()
    assert not folder.exists()

"""What a rehearsal's copy is called, and what keeps it from being apart from its target."""

from __future__ import annotations

import copy
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runbook_app.adapters.compose_file import edited
from runbook_app.adapters.rehearsal_names import Names, choose, edit, overrides, shared
from runbook_app.domain.errors import UsageError

ROOT = Path("/srv/staging")
NAMES = Names(
    before="staging",
    project="runbook-rehearsal-1",
    ports={8001: 18001, 8080: 18002},
    subnets={"10.89.3.0/24": "10.90.0.0/24"},
)
TEXT = """\
name: staging
services:
  api:
    build: {context: .}
    image: staging-api:latest  # built beside
    ports:
      - "127.0.0.1:8001:8000"
      - target: 9000
        published: "8080"
    environment:
      FORWARDED_ALLOW_IPS: "10.89.3.254"
      OTHER: 10.89.4.1
  db:
    image: postgres:15
networks:
  backend:
    ipam: {config: [{subnet: "10.89.3.0/24"}]}
"""


def model(**more: Any) -> dict[str, Any]:
    """As Compose resolves `TEXT`; what is given goes to the service api."""
    return {
        "name": "staging",
        "services": {
            "api": {
                "build": {"context": str(ROOT)},
                "image": "staging-api:latest",
                "ports": [
                    {"host_ip": "127.0.0.1", "published": "8001", "target": 8000},
                    {"published": "8080", "target": 9000},
                ],
                **more,
            },
            "db": {"image": "postgres:15"},
        },
        "networks": {
            "backend": {
                "name": "staging_backend",
                "ipam": {"config": [{"subnet": "10.89.3.0/24"}]},
            }
        },
        "volumes": {"data": {"name": "staging_data"}},
    }


def of_copy(**more: Any) -> dict[str, Any]:
    found = copy.deepcopy(model(**more))
    found["name"] = NAMES.project
    for port, entry in zip((18001, 18002), found["services"]["api"]["ports"], strict=True):
        entry["published"] = str(port)
    found["networks"]["backend"]["name"] = f"{NAMES.project}_backend"
    found["volumes"]["data"]["name"] = f"{NAMES.project}_data"
    return found


def chosen(given: dict[str, Any] | None = None, **options: Any) -> Names:
    settings: dict[str, Any] = {"others": [], "networks": [], "free": lambda _: True}
    variables = options.pop("variables", {"https_port": 8001, "http_port": 8090})
    return choose(given or model(), variables, **(settings | options))


def test_every_published_port_and_every_port_of_the_plan_gets_one_of_its_own() -> None:
    found = chosen()
    assert set(found.ports) == {8001, 8080, 8090}
    assert len(set(found.ports.values())) == 3
    assert set(found.ports.values()).isdisjoint(found.ports)


def test_a_port_that_a_container_listens_on_is_no_port_of_this_machine() -> None:
    assert 8000 not in chosen(variables={"api_port": 8000}).ports


def test_two_rehearsals_at_one_time_keep_off_each_other() -> None:
    first = chosen()
    second = chosen(others=[first])
    assert set(first.ports.values()).isdisjoint(second.ports.values())
    assert set(first.subnets.values()).isdisjoint(second.subnets.values())
    assert first.project != second.project


def test_networks_and_ports_in_use_are_passed_over() -> None:
    found = chosen(networks=[IPv4Network("10.90.0.0/23")], free=lambda port: port > 18100)
    assert found.subnets == {"10.89.3.0/24": "10.90.2.0/24"}
    assert min(found.ports.values()) == 18101


def test_a_range_of_ports_is_refused() -> None:
    with pytest.raises(UsageError, match="range 8001-8005"):
        chosen(model(ports=[{"published": "8001-8005", "target": 80}]))


def test_the_compose_file_gets_the_copys_names_and_keeps_the_rest() -> None:
    text = edited(TEXT, lambda document: edit(document, model(), NAMES), name="c.yml")
    found = yaml.safe_load(text)
    api = found["services"]["api"]
    assert found["name"] == "runbook-rehearsal-1"
    assert api["image"] == "runbook-rehearsal-1-api"
    assert api["ports"] == ["127.0.0.1:18001:8000", {"target": 9000, "published": "18002"}]
    assert api["environment"] == {"FORWARDED_ALLOW_IPS": "10.90.0.254", "OTHER": "10.89.4.1"}
    assert found["services"]["db"]["image"] == "postgres:15"
    assert found["networks"]["backend"]["ipam"]["config"] == [{"subnet": "10.90.0.0/24"}]
    assert "# built beside" in text


def test_the_plans_values_become_the_copys() -> None:
    variables = {
        "project": "staging",
        "https_port": 8001,
        "http_port": "8080",
        "subnet": "10.89.3.0/24",
        "p95_limit": "100ms",
        "empty": "",
    }
    assert overrides(variables, NAMES) == {
        "project": "runbook-rehearsal-1",
        "https_port": "18001",
        "http_port": "18002",
        "subnet": "10.90.0.0/24",
    }


@given(st.integers(0, 255), st.integers(16, 28), st.sampled_from(["", "/32", ":8000"]))
def test_an_address_keeps_its_place_in_its_network(host: int, bits: int, tail: str) -> None:
    old, new = IPv4Network(f"172.28.0.0/{bits}"), IPv4Network(f"10.90.0.0/{bits}")
    offset = host % old.num_addresses
    names = Names(before="a", project="b", ports={}, subnets={str(old): str(new)})
    text = f"allow {old.network_address + offset}{tail};"
    assert names.address(text) == f"allow {new.network_address + offset}{tail};"


@given(st.ip_addresses(v=4).filter(lambda a: a not in IPv4Network("10.89.3.0/24")))
def test_an_address_of_another_network_stays(address: IPv4Address) -> None:
    assert NAMES.address(f"{address}/32") == f"{address}/32"


def test_a_copy_that_is_apart_is_not_refused() -> None:
    assert shared(model(), of_copy(), ROOT) == []


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ({"container_name": "api"}, "the container name api of service api"),
        ({"network_mode": "host"}, "this machine's network"),
        ({"external_links": ["other"]}, "containers of others"),
        (
            {"volumes": [{"type": "bind", "source": "/var/run/docker.sock", "target": "/s"}]},
            "/var/run/docker.sock, which service api mounts",
        ),
        ({"volumes": [{"type": "bind", "source": "/srv/staging-2/x", "target": "/s"}]}, "mounts"),
    ],
)
def test_what_a_service_shares_is_named(service: dict[str, Any], words: str) -> None:
    assert [text for text in shared(model(), of_copy(**service), ROOT) if words in text]


def test_mounts_inside_of_the_folder_and_volumes_are_no_obstacle() -> None:
    mounts = [
        {"type": "bind", "source": "/srv/staging/src", "target": "/s"},
        {"type": "volume", "source": "data", "target": "/d"},
    ]
    assert shared(model(), of_copy(volumes=mounts), ROOT) == []


@pytest.mark.parametrize(
    ("kind", "entry", "words"),
    [
        ("networks", {"name": "proxy", "external": True}, "the network proxy, which is external"),
        ("volumes", {"name": "staging_data"}, "the volume staging_data, which has a fixed name"),
        ("secrets", {"name": "s_key", "file": "/etc/key"}, "the file /etc/key"),
        ("volumes", {"name": "n", "driver_opts": {"device": "/mnt/x"}}, "the device /mnt/x"),
    ],
)
def test_what_is_not_the_projects_own_is_named(
    kind: str, entry: dict[str, Any], words: str
) -> None:
    found = of_copy()
    found.setdefault(kind, {})["one"] = entry
    assert [text for text in shared(model(), found, ROOT) if words in text]


def test_a_project_name_that_an_edit_does_not_reach_is_refused() -> None:
    stubborn = of_copy() | {"name": "staging"}
    assert "COMPOSE_PROJECT_NAME" in shared(model(), stubborn, ROOT)[0]


def test_a_port_that_an_edit_did_not_reach_is_refused() -> None:
    found = of_copy()
    found["services"]["api"]["ports"][0]["published"] = "8001"
    assert shared(model(), found, ROOT) == ["the published port 8001"]

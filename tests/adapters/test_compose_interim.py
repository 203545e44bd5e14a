"""What a Compose that was ended left half replaced is told by name and state alone."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_app.adapters.compose_interim import finish, interim_containers, without_leftovers
from runbook_app.adapters.docker import NUMBER, SERVICE

MODEL = {"name": "shop", "services": {"api": {}, "own": {"container_name": "chosen"}}}
INTERIM = "/0123456789ab_shop-api-1"
OLD = "/shop-api-1"


def raw(name: str, status: str = "running", service: str = "api") -> dict[str, Any]:
    labels = {SERVICE: service, NUMBER: "1"}
    return {
        "Id": f"id of {name}",
        "Name": name,
        "State": {"Status": status},
        "Config": {"Labels": labels},
    }


class Engine:
    """Keeps what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def rename(self, container: str, name: str) -> None:
        self.asked.append(("rename", container, name))

    def remove_container(self, container: str, *, v: bool) -> None:
        self.asked.append(("remove", container, v))


def asked(*containers: dict[str, Any]) -> list[tuple[object, ...]]:
    engine = Engine()
    said = finish(engine, MODEL, containers)
    assert len(said) == len(engine.asked)
    return engine.asked


def test_one_that_never_ran_goes_while_the_old_one_is_there() -> None:
    old, interim = raw(OLD, "exited"), raw(INTERIM, "created")
    assert asked(old, interim) == [("remove", f"id of {INTERIM}", False)]
    assert without_leftovers(MODEL, [old, interim]) == [old]


@pytest.mark.parametrize("status", ["created", "running", "exited"])
def test_one_without_an_old_one_gets_its_name(status: str) -> None:
    interim = raw(INTERIM, status)
    assert asked(interim) == [("rename", f"id of {INTERIM}", "shop-api-1")]
    assert without_leftovers(MODEL, [interim]) == [interim]


def test_one_that_ran_stays_while_the_old_one_is_there() -> None:
    assert asked(raw(OLD), raw(INTERIM)) == []


def test_of_two_the_one_that_ran_gets_the_name() -> None:
    other = "/ba9876543210_shop-api-1"
    assert asked(raw(INTERIM, "created"), raw(other)) == [
        ("rename", f"id of {other}", "shop-api-1"),
        ("remove", f"id of {INTERIM}", False),
    ]


def test_a_name_of_the_file_is_given_too() -> None:
    name = "/0123456789ab_chosen"
    assert asked(raw(name, service="own")) == [("rename", f"id of {name}", "chosen")]


@pytest.mark.parametrize(
    ("name", "service"),
    [
        (OLD, "api"),
        ("/0123456789ab_shop-api-2", "api"),
        ("/0123456789xy_shop-api-1", "api"),
        ("/backup_shop-api-1", "api"),
        ("/0123456789ab_shop-gone-1", "gone"),
        ("/0123456789ab_shop-own-1", "own"),
    ],
)
def test_no_other_name_is_an_interim_one(name: str, service: str) -> None:
    assert interim_containers(MODEL, [raw(name, "created", service)]) == []

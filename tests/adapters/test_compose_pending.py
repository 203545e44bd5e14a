"""What bringing a project up would do to its containers, from Compose's and the engine's words."""

from __future__ import annotations

from typing import Any

from runbook_app.adapters.compose_pending import HASH, pending_changes
from runbook_app.adapters.docker import SERVICE

PROJECT = "shop"
DEFAULT = {"default": None}


def raw(service: str, *, hash_: str = "h", image: str = "i", status: str = "running") -> Any:
    return {
        "Name": f"/{PROJECT}-{service}-1",
        "Image": image,
        "State": {"Status": status},
        "Config": {"Labels": {SERVICE: service, HASH: hash_}},
    }


def told(
    services: dict[str, dict[str, Any]],
    containers: list[Any],
    *,
    networks: dict[str, Any] | None = None,
    there: tuple[Any, ...] = (),
    images: dict[str, str | None] | None = None,
    anew: tuple[str, ...] = (),
) -> list[str]:
    model = {"name": PROJECT, "services": services, "networks": networks or {}}
    found = pending_changes(
        model,
        containers=containers,
        networks=there,
        hashes=dict.fromkeys(services, "h"),
        images=images or dict.fromkeys(services, "i"),
        anew=anew,
    )
    return [f"{change.name} {change.change}" for change in found]


def test_what_is_as_the_file_says_is_left_alone() -> None:
    assert told({"a": {}, "b": {}}, [raw("a"), raw("b")]) == []


def test_each_kind_of_change_is_told_by_the_containers_name() -> None:
    services: dict[str, dict[str, Any]] = {name: {} for name in "abcde"}
    containers = [
        raw("a", hash_="another"),
        raw("b", image="older"),
        raw("c", status="exited"),
        raw("e"),
        raw("stray"),
    ]
    assert told(services, containers) == [
        "shop-a-1 is made anew",
        "shop-b-1 is made anew",
        "shop-c-1 is started",
        "d is made",
        "shop-stray-1 is removed",
    ]


def test_an_image_that_is_not_there_yet_makes_nothing_anew() -> None:
    assert told({"a": {}}, [raw("a")], images={"a": None}) == []


def test_what_is_going_to_be_changed_is_made_anew() -> None:
    assert told({"a": {}, "b": {}}, [raw("a"), raw("b")], anew=("b",)) == ["shop-b-1 is made anew"]


def test_what_restarts_with_another_service_is_told_too() -> None:
    services: dict[str, dict[str, Any]] = {
        "db": {},
        "api": {"depends_on": {"db": {"condition": "service_healthy", "restart": True}}},
        "web": {"depends_on": {"db": {"condition": "service_healthy"}}},
    }
    containers = [raw("db", hash_="another"), raw("api"), raw("web")]
    assert told(services, containers) == ["shop-db-1 is made anew", "shop-api-1 is restarted"]


def test_another_subnet_makes_anew_whoever_is_on_the_network() -> None:
    services = {"a": {"networks": DEFAULT}, "b": {"networks": {"apart": None}}}
    wanted = {
        "default": {"name": "shop_default", "ipam": {"config": [{"subnet": "10.9.0.0/24"}]}},
        "apart": {"name": "shop_apart", "ipam": {}},
    }

    def networks(subnet: str) -> tuple[Any, ...]:
        return (
            {"Name": "shop_default", "IPAM": {"Config": [{"Subnet": subnet}]}},
            {"Name": "shop_apart", "IPAM": {"Config": [{"Subnet": "10.8.0.0/24"}]}},
        )

    containers = [raw("a"), raw("b")]
    there, moved = networks("10.9.0.0/24"), networks("10.7.0.0/24")
    assert told(services, containers, networks=wanted, there=there) == []
    assert told(services, containers, networks=wanted, there=moved) == ["shop-a-1 is made anew"]

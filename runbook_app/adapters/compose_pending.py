"""What bringing a Compose project up would do to its containers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from runbook_app.adapters.docker import SERVICE
from runbook_app.ports.capabilities import PendingContainer

HASH = "com.docker.compose.config-hash"
ANEW = "is made anew"


def label(raw: Mapping[str, Any], name: str) -> str:
    return str((raw["Config"]["Labels"] or {}).get(name, ""))


def pending_changes(
    model: Mapping[str, Any],
    *,
    containers: Sequence[Mapping[str, Any]],
    networks: Sequence[Mapping[str, Any]],
    hashes: Mapping[str, str],
    images: Mapping[str, str | None],
    anew: Collection[str] = (),
) -> list[PendingContainer]:
    """Find it from Compose's model and the engine's answers, in the order of the file.

    `hashes` are of each service's configuration, `images` the ids of what their tags are now;
    `anew` are services that are going to be changed before that.
    """
    services: Mapping[str, Mapping[str, Any]] = model["services"]
    moved = _networks_made_anew(model, networks)
    found: dict[str, list[PendingContainer]] = {}
    for service, spec in services.items():
        own = [raw for raw in containers if label(raw, SERVICE) == service]
        changed = service in anew or bool(moved & (spec.get("networks") or {}).keys())
        found[service] = _of_service(
            service, own, hashes.get(service, ""), images.get(service), changed
        )
    for service, spec in services.items():
        if not found[service] and _restarted_with(spec, found):
            own = [raw for raw in containers if label(raw, SERVICE) == service]
            found[service] = [_change(service, raw, "is restarted") for raw in own]
    strays = [raw for raw in containers if label(raw, SERVICE) not in services]
    removed = [_change(label(raw, SERVICE), raw, "is removed") for raw in strays]
    return [change for changes in found.values() for change in changes] + removed


def settled_containers(
    model: Mapping[str, Any],
    hashes: Mapping[str, str],
    images: Mapping[str, str | None],
    named: Sequence[Mapping[str, Any]],
) -> list[Mapping[str, Any]]:
    """Containers as a model leaves them that was brought up, one of each service, as far as
    `pending_changes` looks at them; they keep the names of those that are there now."""
    names = {label(raw, SERVICE): raw["Name"] for raw in named}
    return [
        {
            "Name": names.get(service, service),
            "Config": {"Labels": {SERVICE: service, HASH: hashes.get(service, "")}},
            "Image": images.get(service),
            "State": {"Status": "running"},
        }
        for service in model["services"]
    ]


def settled_networks(model: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Networks as a model leaves them that was brought up, likewise."""
    return [
        {
            "Name": str((spec or {}).get("name", key)),
            "IPAM": {
                "Config": [
                    {"Subnet": subnet} for subnet in _subnets((spec or {}).get("ipam"), "subnet")
                ]
            },
        }
        for key, spec in (model.get("networks") or {}).items()
    ]


def _change(service: str, raw: Mapping[str, Any], change: str) -> PendingContainer:
    return PendingContainer(service=service, name=str(raw["Name"]).lstrip("/"), change=change)


def _of_service(
    service: str,
    containers: Sequence[Mapping[str, Any]],
    wanted_hash: str,
    image: str | None,
    changed: bool,
) -> list[PendingContainer]:
    """What `up` does to a service's containers by their own state."""
    if not containers:
        return [PendingContainer(service=service, name=service, change="is made")]
    found = []
    for raw in containers:
        other = label(raw, HASH) != wanted_hash or (image is not None and raw["Image"] != image)
        if changed or other:
            found.append(_change(service, raw, ANEW))
        elif raw["State"]["Status"] != "running":
            found.append(_change(service, raw, "is started"))
    return found


def _restarted_with(
    spec: Mapping[str, Any], pending: Mapping[str, Sequence[PendingContainer]]
) -> bool:
    """Whether a service is to restart when one that it depends on is made anew."""
    return any(
        condition.get("restart") and any(change.change == ANEW for change in pending.get(name, ()))
        for name, condition in (spec.get("depends_on") or {}).items()
    )


def _networks_made_anew(
    model: Mapping[str, Any], networks: Sequence[Mapping[str, Any]]
) -> set[str]:
    """Networks, by their key in the file, whose subnet is to be another one: they are made anew
    with every container on them."""
    now = {str(network["Name"]): _subnets(network.get("IPAM"), "Subnet") for network in networks}
    found = set()
    for key, spec in (model.get("networks") or {}).items():
        wanted = _subnets((spec or {}).get("ipam"), "subnet")
        there = now.get(str((spec or {}).get("name", key)))
        if wanted and there is not None and wanted != there:
            found.add(key)
    return found


def _subnets(ipam: Mapping[str, Any] | None, key: str) -> set[str]:
    pools = (ipam or {}).get("config") or (ipam or {}).get("Config") or []
    return {str(pool[key]) for pool in pools if pool.get(key)}

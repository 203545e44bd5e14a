"""What tells a rehearsal's copy from its target, and what the two would have to share.

`model` is a Compose file as Compose resolves it, `document` the file as it is written.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from pathlib import Path
from typing import Any

import msgspec

from runbook_app.adapters.demo_settings import Network, free_port, free_subnet
from runbook_app.domain.errors import UsageError

PREFIX = "runbook-rehearsal"
_PORTS = range(18001, 19000)
_POOL = Network("10.90.0.0/16")
_ADDRESS = re.compile(r"(?<![\d.])((?:\d{1,3}\.){3}\d{1,3})(/\d{1,2})?(?![\d.])")
_PORT_VARIABLE = re.compile(r"(?:.*_)?port")

Model = Mapping[str, Any]


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """The copy's own, by the target's."""

    before: str
    """The target's project."""
    project: str
    ports: dict[int, int]
    subnets: dict[str, str]

    def image(self, service: str) -> str:
        return f"{self.project}-{service}"

    def address(self, text: str) -> str:
        """A text with the addresses of the target's networks moved to the copy's."""
        return _ADDRESS.sub(self._moved, text)

    def _moved(self, found: re.Match[str]) -> str:
        try:
            address = ipaddress.IPv4Address(found[1])
        except ValueError:
            return found[0]
        for old, new in self.subnets.items():
            network = Network(old)
            if address in network:
                offset = int(address) - int(network.network_address)
                return f"{Network(new).network_address + offset}{found[2] or ''}"
        return found[0]


def choose(
    model: Model,
    variables: Mapping[str, object],
    *,
    others: Iterable[Names],
    networks: Iterable[Network],
    free: Callable[[int], bool],
) -> Names:
    """Pick what nothing else on this machine uses.

    Raises:
        EnvironmentLacks: no port or no subnet is left.
        UsageError: a port is given as a range, or a network has more than 65,536 addresses.
    """
    known = list(others)
    taken = {port for other in known for port in other.ports.values()}
    ports: dict[int, int] = {}
    for port in dict.fromkeys([*published(model), *_port_variables(model, variables)]):
        ports[port] = free_port(_PORTS, taken, free)
        taken.add(ports[port])
    used = [*networks, *(Network(new) for other in known for new in other.subnets.values())]
    subnets: dict[str, str] = {}
    for old in _subnets(model, variables):
        if old.prefixlen < _POOL.prefixlen:
            raise UsageError(
                f"The network {old} is too large to be made once more for a rehearsal.",
                hint=f"Give it a subnet of at most {_POOL.num_addresses:,} addresses.",
            )
        new = free_subnet(used, _POOL.subnets(new_prefix=old.prefixlen))
        subnets[str(old)] = str(new)
        used.append(new)
    return Names(
        before=str(model["name"]),
        project=f"{PREFIX}-{secrets.token_hex(3)}",
        ports=ports,
        subnets=subnets,
    )


def published(model: Model) -> Iterator[int]:
    """The ports of this machine that services take.

    Raises:
        UsageError: one is a range, of which any may be taken.
    """
    for service, port in _ports(model):
        text = str(port.get("published") or "")
        if text and not text.isdigit():
            raise UsageError(
                f"Service {service} publishes the range {text}, which a copy can't be given anew.",
                hint="Name one port in the Compose file.",
            )
        if text and text != "0":
            yield int(text)


def _ports(model: Model) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, service in model["services"].items():
        for port in service.get("ports") or ():
            yield name, port


def _port_variables(model: Model, variables: Mapping[str, object]) -> Iterator[int]:
    """Ports that the plan will take on this machine; what a container listens on stays."""
    inside = {int(port["target"]) for _, port in _ports(model) if port.get("target")}
    for name, value in variables.items():
        if not (_PORT_VARIABLE.fullmatch(name) and str(value).isdigit()):
            continue
        if 0 < (port := int(str(value))) < 65536 and port not in inside:
            yield port


def _subnets(model: Model, variables: Mapping[str, object]) -> list[Network]:
    found = [
        _network(config.get("subnet"))
        for network in (model.get("networks") or {}).values()
        for config in (network.get("ipam") or {}).get("config") or ()
    ]
    found += [_network(value) for value in variables.values()]
    return list(dict.fromkeys(network for network in found if network is not None))


def _network(value: object) -> Network | None:
    if not isinstance(value, str) or "/" not in value:
        return None
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        return None
    return network if isinstance(network, Network) else None


def overrides(variables: Mapping[str, object], names: Names) -> dict[str, str]:
    """Values of the plan that have to be the copy's own: as `--set` takes them."""
    found = {}
    for name, value in variables.items():
        if value == names.before:
            found[name] = names.project
        elif _PORT_VARIABLE.fullmatch(name) and str(value).isdigit():
            found[name] = str(names.ports.get(int(str(value)), value))
        elif _network(value) is not None:
            found[name] = names.address(str(value))
    return found


def edit(document: Any, model: Model, names: Names) -> None:
    """Give a Compose file the copy's names; what the target's are made of stays."""
    _move_addresses(document, names)
    document["name"] = names.project
    for name, service in (document.get("services") or {}).items():
        if service.get("build") and service.get("image"):
            service["image"] = names.image(name)
        _edit_ports(service.get("ports"), model["services"].get(name, {}).get("ports"), names)


def _move_addresses(node: Any, names: Names) -> None:
    entries: Iterable[tuple[Any, Any]] = ()
    if isinstance(node, MutableMapping):
        entries = list(node.items())
    elif isinstance(node, MutableSequence):
        entries = list(enumerate(node))
    for key, value in entries:
        if not isinstance(value, str):
            _move_addresses(value, names)
        elif (moved := names.address(value)) != value:
            node[key] = type(value)(moved)


def _edit_ports(written: Any, resolved: Any, names: Names) -> None:
    """`written` and `resolved` are the same ports in the same order, as far as none is a range."""
    for place, (entry, port) in enumerate(zip(written or (), resolved or (), strict=False)):
        new = names.ports.get(int(port.get("published") or 0))
        if new is None:
            continue
        if isinstance(entry, MutableMapping):
            entry["published"] = str(new)
        else:
            written[place] = _short(port, new)


def _short(port: Mapping[str, Any], published: int) -> str:
    address = f"{port['host_ip']}:" if port.get("host_ip") else ""
    protocol = port.get("protocol", "tcp")
    return f"{address}{published}:{port['target']}" + (f"/{protocol}" if protocol != "tcp" else "")


def shared(target: Model, copy: Model, root: Path) -> list[str]:
    """What the copy would share with the target, or reach outside of its folder `root`."""
    found = []
    if copy["name"] == target["name"]:
        found.append("the project's name, which is set in .env (COMPOSE_PROJECT_NAME)")
    for name, service in copy["services"].items():
        found += _of_service(name, service, root)
    both = set(published(target)) & set(published(copy))
    found += [f"the published port {port}" for port in sorted(both)]
    for kind in ("volumes", "networks", "secrets", "configs"):
        found += _of_kind(kind, target.get(kind) or {}, copy.get(kind) or {}, root)
    return found


def _of_service(name: str, service: Mapping[str, Any], root: Path) -> Iterator[str]:
    if service.get("container_name"):
        yield f"the container name {service['container_name']} of service {name}"
    if service.get("network_mode") == "host":
        yield f"this machine's network, which service {name} uses"
    if service.get("external_links"):
        yield f"containers of others, which service {name} links to"
    for mount in service.get("volumes") or ():
        if mount.get("type") == "bind" and not _inside(root, mount.get("source", "")):
            yield f"{mount.get('source')}, which service {name} mounts"


def _of_kind(
    kind: str, target: Mapping[str, Any], copy: Mapping[str, Any], root: Path
) -> Iterator[str]:
    names = {entry.get("name") for entry in target.values() if kind in ("volumes", "networks")}
    for key, entry in copy.items():
        what = f"the {kind[:-1]} {entry.get('name') or key}"
        if entry.get("external"):
            yield f"{what}, which is external"
        elif kind in ("volumes", "networks") and entry.get("name") in names:
            yield f"{what}, which has a fixed name"
        elif "file" in entry and not _inside(root, entry["file"]):
            yield f"{what}, the file {entry['file']}"
        elif (entry.get("driver_opts") or {}).get("device"):
            yield f"{what}, the device {entry['driver_opts']['device']}"


def _inside(root: Path, source: str) -> bool:
    return Path(source).resolve().is_relative_to(root.resolve())

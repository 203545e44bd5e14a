"""The configuration of a Compose project's containers, networks and volumes, made comparable.

Fields are named like `container:api-1:HostConfig.PortBindings`. What changes by itself or says
how something was called rather than what it is has no field; `EXCLUSIONS` lists it with reasons.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from runbook_app.adapters.docker import NUMBER, PROJECT, SERVICE, engine_time, inspect_all
from runbook_app.domain.fingerprint import Exclusion

LONGEST = 200
"""Characters of a value that is shown as it is; a longer one is a digest."""

_COMPOSE = "com.docker.compose."
_CALLED = "how Compose was called, not what runs"
_LABELS_LEFT_OUT = {
    f"{_COMPOSE}{name}": reason
    for name, reason in {
        "config-hash": "computed by Compose from the configuration, which is compared itself",
        "version": "the version of Compose",
        "replace": "names the container that this one replaced",
        "image": "an image id, which is compared itself",
        "depends_on": "in no order, and empty for a container made alone; the file is compared",
        "project.config_files": _CALLED,
        "project.working_dir": _CALLED,
        "project.environment_file": _CALLED,
    }.items()
}
_CONFIG_LEFT_OUT = {
    "Hostname",
    "Labels",
    "Env",
    "Image",
    "AttachStdin",
    "AttachStdout",
    "AttachStderr",
}
_HOST_LEFT_OUT = {"ContainerIDFile", "ConsoleSize"}
_UNORDERED = {
    "Binds",
    "Mounts",
    "CapAdd",
    "CapDrop",
    "SecurityOpt",
    "ExtraHosts",
    "GroupAdd",
    "Tmpfs",
}

EXCLUSIONS = (
    Exclusion(field="container: ids, times, addresses", reason="given anew to each container"),
    Exclusion(field="container: health, restart count, logs", reason="change by themselves"),
    Exclusion(
        field="container: writable layer", reason="gone with a recreated container; exported before"
    ),
    Exclusion(field="container: attached streams", reason=_CALLED),
    *(Exclusion(field=f"label {name}", reason=why) for name, why in _LABELS_LEFT_OUT.items()),
    Exclusion(
        field="network: addresses not named by the Compose file", reason="chosen by the engine"
    ),
    Exclusion(field="published ports not named by the Compose file", reason="chosen by the engine"),
    Exclusion(field="volume: mount point", reason="chosen by the engine"),
    Exclusion(
        field="volume: content", reason="only the database's is compared, as schema and rows"
    ),
)


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def value(found: object) -> str:
    """Write a value in one form; a long one becomes a digest."""
    text = found if isinstance(found, str) else json.dumps(found, sort_keys=True)
    return text if len(text) <= LONGEST else digest(text)


def describe(api: Any, project: str, own_subnets: frozenset[str]) -> dict[str, str]:
    """All fields of a project; blocks.

    `own_subnets` names the networks whose addresses the Compose file gives.
    """
    wanted = {"label": [f"{PROJECT}={project}"]}
    fields: dict[str, str] = {}
    for key, raw in keyed(inspect_all(api, wanted)):
        fields |= _container(key, raw)
    for network in api.networks(filters=wanted):
        fields |= _network(network, own_subnets)
    for volume in api.volumes(filters=wanted)["Volumes"] or ():
        fields |= _volume(volume)
    return fields


def keyed(containers: Iterable[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Name containers by service and number, such as `api-1`; the older ones first.

    A Compose that was ended leaves two of one number: the younger is `api-1+2`.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for raw in sorted(containers, key=lambda raw: engine_time(raw["Created"])):
        labels = raw["Config"]["Labels"] or {}
        key = name = f"{labels.get(SERVICE, '')}-{labels.get(NUMBER, '1')}"
        more = count(2)
        while name in found:
            name = f"{key}+{next(more)}"
        found[name] = raw
    return list(found.items())


def runs(raw: Mapping[str, Any]) -> bool:
    return raw["State"]["Status"] in ("running", "restarting", "paused")


def _container(key: str, raw: Mapping[str, Any]) -> dict[str, str]:
    config = raw["Config"]
    found = {
        "name": raw["Name"].lstrip("/"),
        "state": "running" if runs(raw) else "stopped",
        "image": raw["Image"],
        "image name": config["Image"],
        **_leaves("Config", config, _CONFIG_LEFT_OUT),
        **_leaves("HostConfig", raw["HostConfig"], _HOST_LEFT_OUT),
        **{f"label {k}": v for k, v in _labels(config["Labels"]).items()},
        **{f"env {k}": digest(v) for k, v in _environment(config).items()},
        **_attached(raw),
    }
    if config["Hostname"] != _short_id(raw):
        found["Config.Hostname"] = config["Hostname"]
    fields = {f"container:{key}:{name}": value(what) for name, what in found.items()}
    return fields | {f"port:{port}": to for port, to in _published(raw, key)}


def _short_id(raw: Mapping[str, Any]) -> str:
    """What the engine gives a container as host name and as an alias in its networks.

    Compared whole: `db` is a service's name and may be how an id begins.
    """
    return str(raw["Id"][:12])


def _environment(config: Mapping[str, Any]) -> dict[str, str]:
    return dict(variable.partition("=")[::2] for variable in config.get("Env") or ())


def _leaves(name: str, found: Mapping[str, Any], left_out: set[str]) -> dict[str, object]:
    """Fields that are set; the engine writes unset ones in several ways."""
    return {
        f"{name}.{key}": _sorted(what) if key in _UNORDERED else what
        for key, what in found.items()
        if key not in left_out and what not in (None, "", [], {}, False, 0)
    }


def _sorted(found: object) -> object:
    if isinstance(found, list):
        return sorted(found, key=lambda entry: json.dumps(entry, sort_keys=True))
    return found


def _labels(labels: Mapping[str, str] | None) -> dict[str, str]:
    return {k: v for k, v in (labels or {}).items() if k not in _LABELS_LEFT_OUT}


def _attached(raw: Mapping[str, Any]) -> dict[str, object]:
    """Networks of a container, with what was asked for of each."""
    return {
        f"network {name}": {
            "aliases": sorted(
                alias for alias in network.get("Aliases") or () if alias != _short_id(raw)
            ),
            "links": network.get("Links") or [],
            "address": network.get("IPAMConfig") or {},
        }
        for name, network in (raw["NetworkSettings"].get("Networks") or {}).items()
    }


def _published(raw: Mapping[str, Any], key: str) -> Iterator[tuple[str, str]]:
    asked = raw["HostConfig"].get("PortBindings") or {}
    for inside, bindings in (raw["NetworkSettings"].get("Ports") or {}).items():
        if not any(wish["HostPort"].strip("0") for wish in asked.get(inside) or ()):
            continue  # the engine chose the port, and will choose another
        for binding in bindings or ():
            yield f"{binding['HostIp']}:{binding['HostPort']}", f"{key}:{inside}"


def _network(raw: Mapping[str, Any], own_subnets: frozenset[str]) -> dict[str, str]:
    found: dict[str, object] = {
        name: raw[name] for name in ("Driver", "Scope", "EnableIPv6", "Internal", "Attachable")
    }
    found["Options"] = raw["Options"] or {}
    found["Labels"] = _labels(raw["Labels"])
    if raw["Name"] in own_subnets:
        found["IPAM"] = raw["IPAM"]
    return {f"network:{raw['Name']}:{name}": value(what) for name, what in found.items()}


def _volume(raw: Mapping[str, Any]) -> dict[str, str]:
    found = {
        "Driver": raw["Driver"],
        "Options": raw["Options"] or {},
        "Labels": _labels(raw["Labels"]),
        "created": raw.get("CreatedAt", ""),  # a volume made anew has lost its data
    }
    return {f"volume:{raw['Name']}:{name}": value(what) for name, what in found.items()}

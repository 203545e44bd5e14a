"""Parts of a service in a Compose document: variables, mounts, command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, MutableMapping
from typing import Any

from runbook_app.domain.errors import ActionError

Document = MutableMapping[str, Any]


def service(document: Mapping[str, Any], name: str) -> Document:
    """Find a service.

    Raises:
        ActionError: there is none of that name.
    """
    services = document.get("services") or {}
    if name not in services:
        raise ActionError(
            f"The Compose file has no service {name}.",
            hint=f"It has {', '.join(services) or 'none'}; name the right one.",
        )
    found: Document = services[name]
    return found


def variable(service: Mapping[str, Any], name: str) -> str | None:
    environment = service.get("environment")
    if isinstance(environment, list):
        for entry in environment:
            key, _, text = str(entry).partition("=")
            if key == name:
                return text
        return None
    value: object = (environment or {}).get(name)
    return None if value is None else str(value)


def set_variable(service: Document, name: str, value: str) -> None:
    environment = service.get("environment")
    if isinstance(environment, list):
        entry = f"{name}={value}"
        for place, old in enumerate(environment):
            if str(old).partition("=")[0] == name:
                environment[place] = entry
                return
        environment.append(entry)
        return
    if environment is None:
        environment = service["environment"] = {}
    environment[name] = value


def remove_variable(service: Document, name: str) -> None:
    environment = service.get("environment")
    if isinstance(environment, list):
        kept = [entry for entry in environment if str(entry).partition("=")[0] != name]
        if len(kept) != len(environment):
            environment[:] = kept
    elif environment is not None:
        environment.pop(name, None)


def mounted(service: Mapping[str, Any], source: str, place: str) -> bool:
    return f"./{source}:{place}:ro" in (service.get("volumes") or [])


def mount(service: Document, source: str, place: str) -> None:
    """Mount a file or folder of the target, read-only."""
    volumes = service.get("volumes")
    if volumes is None:
        volumes = service["volumes"] = []
    wanted = f"./{source}:{place}:ro"
    for number, old in enumerate(volumes):
        if place_of(old) == place:
            volumes[number] = wanted
            return
    volumes.append(wanted)


def place_of(volume: object) -> str:
    if isinstance(volume, Mapping):
        return str(volume.get("target", ""))
    parts = str(volume).split(":")
    return parts[1] if len(parts) > 1 else parts[0]


def command(service: Mapping[str, Any]) -> list[str]:
    """Return the service's command as words; empty for the image's own."""
    given = service.get("command")
    if given is None:
        return []
    return [str(word) for word in given] if isinstance(given, list) else shlex.split(str(given))


def server_settings(words: list[str]) -> dict[str, str]:
    """Read `-c name=value` and `--name=value` of a postgres command."""
    found = {}
    for place, word in enumerate(words):
        if word == "-c" and place + 1 < len(words):
            key, _, value = words[place + 1].partition("=")
            found[key] = value
        elif word.startswith("--") and "=" in word:
            key, _, value = word.removeprefix("--").partition("=")
            found[key.replace("-", "_")] = value
    return found


def with_settings(words: list[str], settings: Mapping[str, str]) -> list[str]:
    """Give a postgres command these settings, in place of what it says of them."""
    kept: list[str] = []
    skip = False
    for place, word in enumerate(words or ["postgres"]):
        following = words[place + 1] if place + 1 < len(words) else ""
        if skip:
            skip = False
        elif word == "-c" and following.partition("=")[0] in settings:
            skip = True
        elif word.startswith("--") and word[2:].partition("=")[0].replace("-", "_") in settings:
            continue
        else:
            kept.append(word)
    for key, value in settings.items():
        kept += ["-c", f"{key}={value}"]
    return kept

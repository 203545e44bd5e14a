"""Secret values that lie in a target's files: its Compose file's environment, and .env files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from runbook_app.adapters.compose_file import loaded
from runbook_app.domain.errors import ActionError

_SECRET = re.compile(r"passw|secret|token|_key$|^key$|private|credential|dsn", re.IGNORECASE)
_NOT_A_VALUE = re.compile(
    r"_(file|dir|path|url|name|user|id|ttl|minutes|seconds|backend)$", re.IGNORECASE
)
_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")


def secrets_of(root: Path, compose: str) -> Iterator[tuple[str, str]]:
    """Name and value of everything that is a secret by its name."""
    for file in sorted(root.glob(".env*")):
        if file.is_file():
            yield from _chosen(_assignments(file.read_text("utf-8", "replace")))
    path = root / compose
    if compose and path.is_file():
        try:
            document = loaded(path.read_text("utf-8", "replace"), name=compose)
        except ActionError:
            return
        yield from _chosen(_environments(document))


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if found := _LINE.match(line):
            yield found[1], found[2].strip("'\"")


def _environments(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    services = document.get("services")
    for service in services.values() if isinstance(services, Mapping) else ():
        environment = service.get("environment") if isinstance(service, Mapping) else None
        if isinstance(environment, Mapping):
            yield from ((str(name), str(value)) for name, value in environment.items())
        elif isinstance(environment, list):
            yield from _assignments("\n".join(str(line) for line in environment))


def _chosen(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in pairs:
        by_name = _SECRET.search(name) and not _NOT_A_VALUE.search(name)
        if by_name and value and not value.startswith("$"):
            yield name, value

"""Containers with which a Compose that was ended had begun to replace others.

Compose makes the new container under an interim name (`<id>_<name>`), stops and removes the old
one, and gives the name over. Ended in between it leaves two containers for one, or one that bears
the interim name; its next `up` keeps that name, and fails where the old configuration is asked
for again (seen with Compose 5.6).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_app.adapters.docker import NUMBER, SERVICE

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Interim:
    """A container with an interim name, and what its service's container is called."""

    raw: Raw
    name: str

    @property
    def service(self) -> str:
        return str(self.raw["Config"]["Labels"][SERVICE])

    @property
    def called(self) -> str:
        return _bare(self.raw)

    @property
    def begun(self) -> bool:
        """Whether it has ever run: one that has not holds nothing."""
        return bool(self.raw["State"]["Status"] != "created")


def interim_containers(model: Raw, containers: Sequence[Raw]) -> list[Interim]:
    """Find them among a project's containers; those that have run come first."""
    found = [
        Interim(raw, name)
        for raw in containers
        if (name := _name_to_be(model, raw)) and _is_interim(raw["Name"], name)
    ]
    return sorted(found, key=lambda one: not one.begun)


def without_leftovers(model: Raw, containers: Sequence[Raw]) -> list[Raw]:
    """The containers as they are once `finish` has been called, but for names."""
    going = {one.called for one in _sorted_out(model, containers)[1]}
    return [raw for raw in containers if _bare(raw) not in going]


def finish(api: Any, model: Raw, containers: Sequence[Raw]) -> list[str]:
    """Give a replacement its name where what it replaces is gone, and remove it where that is
    still there and it never ran. Blocks. Returns what was done, in words."""
    renamed, removed = _sorted_out(model, containers)
    for one in renamed:
        api.rename(one.raw["Id"], one.name)
    for one in removed:
        # Its anonymous volumes are those of the container that stays.
        api.remove_container(one.raw["Id"], v=False)
    return [
        *(f"{one.service}: {one.called} is called {one.name} now" for one in renamed),
        *(f"{one.service}: {one.called}, which never ran, is removed" for one in removed),
    ]


def _sorted_out(model: Raw, containers: Sequence[Raw]) -> tuple[list[Interim], list[Interim]]:
    """Which are to be renamed, and which removed."""
    taken = {_bare(raw) for raw in containers}
    renamed, removed = list[Interim](), list[Interim]()
    for one in interim_containers(model, containers):
        if one.name not in taken:
            taken.add(one.name)
            renamed.append(one)
        elif not one.begun:
            removed.append(one)
    return renamed, removed


def _name_to_be(model: Raw, raw: Raw) -> str:
    """What Compose calls a service's container; empty if the file has no such service."""
    labels = raw["Config"]["Labels"] or {}
    spec = model["services"].get(labels.get(SERVICE, ""))
    if spec is None:
        return ""
    given = spec.get("container_name")
    return str(given or f"{model['name']}-{labels[SERVICE]}-{labels.get(NUMBER, '1')}")


def _is_interim(name: str, name_to_be: str) -> bool:
    return bool(re.fullmatch(rf"/?[0-9a-f]{{12}}_{re.escape(name_to_be)}", name))


def _bare(raw: Raw) -> str:
    return str(raw["Name"]).lstrip("/")

"""Modules of actions that other packages bring by the entry-point group `runbook.actions`.

Nothing of a package is imported here: its name, version and needs stand in its metadata.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app import __version__
from runbook_app.domain.errors import EnvironmentLacks

if TYPE_CHECKING:
    from runbook_app.domain.events import ActionsFrom

GROUP = "runbook.actions"
"""An entry point of this group names a module: `redis = my_package.redis_actions`."""
PROGRAM = "runbook-app"
"""What a package's metadata calls this program."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A module of actions, and the package that brings it."""

    name: str
    """What plans call the module."""
    module: str
    package: str
    version: str
    needs: tuple[str, ...] = ()
    """What the package requires, as its metadata says it."""

    @property
    def title(self) -> str:
        return f"{self.package} {self.version}".rstrip()

    def problem(self, own: Iterable[str]) -> EnvironmentLacks | None:
        """Why plans can't call it, as far as its metadata tells; `own` are the shipped modules."""
        if not _NAME.fullmatch(self.name):
            return EnvironmentLacks(
                f"The package {self.title} calls its actions {self.name!r}, which no plan can say.",
                hint="Have its entry point named by letters, digits and underscores.",
            )
        if self.name in own:
            return EnvironmentLacks(
                f"The package {self.title} names its actions {self.name!r}, as some of this"
                " program's own are named; its own are called.",
                hint=f"Have that package's entry point renamed, or uninstall {self.package}.",
            )
        if not _MODULE.fullmatch(self.module):
            return EnvironmentLacks(
                f"The entry point {self.name!r} of the package {self.title} names {self.module!r},"
                " which is no module.",
                hint="Have it name a module, such as 'my_package.redis_actions'.",
            )
        return self._mismatch()

    def _mismatch(self) -> EnvironmentLacks | None:
        from packaging.requirements import InvalidRequirement, Requirement
        from packaging.utils import canonicalize_name

        for text in self.needs:
            try:
                need = Requirement(text)
            except InvalidRequirement:
                continue
            marked = need.marker is None or need.marker.evaluate({"extra": ""})
            if canonicalize_name(need.name) != PROGRAM or not marked:
                continue
            if not need.specifier.contains(__version__, prereleases=True):
                return EnvironmentLacks(
                    f"The package {self.title} needs {PROGRAM} {need.specifier}; this is"
                    f" {__version__}.",
                    hint=f"Install a version of {self.package} that fits this one.",
                )
        return None

    def on_record(self, actions: Iterable[str]) -> ActionsFrom:
        """What the journal says of it."""
        from runbook_app.domain.events import ActionsFrom

        return ActionsFrom(
            package=self.package,
            version=self.version,
            sha256=self._digest(),
            actions=tuple(sorted(actions)),
        )

    def _digest(self) -> str:
        """SHA-256 over the module's file, or over each Python file of the folder that it is."""
        spec = importlib.util.find_spec(self.module)
        if spec is None or spec.origin is None:
            return ""
        origin, digest = Path(spec.origin), hashlib.sha256()
        if not spec.submodule_search_locations:
            return hashlib.sha256(origin.read_bytes()).hexdigest()
        for path in sorted(origin.parent.rglob("*.py")):
            digest.update(f"{path.relative_to(origin.parent)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def find_plugins(group: str = GROUP) -> Mapping[str, tuple[Plugin, ...]]:
    """Modules by the name that plans call them; several where packages want the same name."""
    import importlib.metadata  # only a plan that names others needs it

    found: dict[str, list[Plugin]] = {}
    for point in importlib.metadata.entry_points(group=group):
        dist = point.dist
        plugin = Plugin(
            name=point.name,
            module=point.value,
            package=dist.name if dist else "(unknown)",
            version=dist.version if dist else "",
            needs=tuple(dist.requires or ()) if dist else (),
        )
        found.setdefault(point.name, []).append(plugin)
    return {name: tuple(plugins) for name, plugins in found.items()}


def clash(plugins: tuple[Plugin, ...]) -> EnvironmentLacks | None:
    """Why none of several packages with the same name can be called."""
    if len(plugins) == 1:
        return None
    titles = " and ".join(plugin.title for plugin in plugins)
    return EnvironmentLacks(
        f"The packages {titles} all name their actions {plugins[0].name!r}.",
        hint="Uninstall all but one, or have the entry point of the others renamed.",
    )

"""What the application's container is given to work with the hardened database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actions import _compose_parts as parts
from actions._database_names import COLUMN_KEY, Names
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run
from runbook_app.ports.capabilities import ContainerInfo, Mount

SECRETS = "/run/secrets"
CA = "/run/database/ca.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    names: Names
    service: str
    secrets: str
    """Folder of the target with the application's own secrets."""
    certificates: str
    """Folder of the database's certificate; empty: connections are not verified."""
    script: str
    root: str
    """Where the application's source is, in its container."""

    @property
    def environment(self) -> dict[str, str]:
        found = {
            "DB_MIGRATION_USER": self.names.owner,
            "COLUMN_KEY_FILE": f"{SECRETS}/{COLUMN_KEY}",
        }
        if self.certificates:
            found |= {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": CA}
        return found

    @property
    def mounts(self) -> dict[str, str]:
        """Place in the container by path in the target."""
        found = {self.secrets: SECRETS, self.script: f"{self.root}/{Path(self.script).name}"}
        if self.certificates:
            found[f"{self.certificates}/ca.pem"] = CA
        return found

    def give(self, document: parts.Document) -> None:
        """Change the service in the Compose file."""
        service = parts.service(document, self.service)
        for variable, value in self.environment.items():
            parts.set_variable(service, variable, value)
        for source, place in self.mounts.items():
            parts.mount(service, source, place)

    def given(self, document: Mapping[str, Any]) -> bool:
        service = parts.service(document, self.service)
        return all(
            parts.variable(service, key) == value for key, value in self.environment.items()
        ) and all(parts.mounted(service, source, place) for source, place in self.mounts.items())

    def as_run(self, run: Run, container: ContainerInfo) -> tuple[dict[str, str], list[Mount]]:
        """Environment and mounts of the container, with what it is given laid over them."""
        own = {
            str(mount["Destination"]): Mount(
                source=Path(mount["Source"]),
                target=str(mount["Destination"]),
                read_only=not mount.get("RW", False),
            )
            for mount in container.raw.get("Mounts", [])
            if mount.get("Type") == "bind"
        }
        for source, place in self.mounts.items():
            if run.files.path(source).exists():
                own[place] = Mount(source=run.files.path(source), target=place)
        return {**container.environment, **self.environment}, list(own.values())


def access(
    run: Run, *, service: str, secrets: str, certificates: str, script: str, root: str
) -> Access:
    """Make it of an action's parameters; without a service the plan's own."""
    return Access(
        names=Names.of(run),
        service=service or run.plan.target.api_service,
        secrets=secrets,
        certificates=certificates,
        script=script,
        root=root,
    )


async def container_of(run: Run, service: str) -> ContainerInfo:
    """Find a service's container, running or not."""
    found = await run.containers.find(service)
    if found is None:
        raise NotMeasured(
            f"The service {service} has no container, so that its migrations can't be run.",
            hint="Start the stack, then try again.",
        )
    return found

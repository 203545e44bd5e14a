"""Why a project did not come up: which service, what it said, and what can be done about it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_app.adapters.container_end import how_it_ended
from runbook_app.adapters.docker import PROJECT, SERVICE, inspect_all, read_log
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.domain.errors import ActionError, EnvironmentLacks

_LAST_LINES = 15
_LISTENS = "0A"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedUp:
    """An `up` that failed, and what is known of the project."""

    docker: DockerClient
    said: str
    """Compose's own words."""
    file: str
    model: Mapping[str, Any]
    variables: Mapping[str, object]
    """The plan's: a port that is taken is named by the variable that holds it."""
    waited: str

    def explained(self) -> ActionError:
        """Put it into words; blocks."""
        try:
            found = self._cause()
            # Whatever Compose saw of an engine that ends, that it ended is what counts.
            self.docker.use(lambda api: api.ping())
        except EnvironmentLacks:
            return ActionError(
                f"The Docker engine went away while the project was brought up: {self.said}",
                hint="Start it (its own log says why it ended), then try again.",
            )
        return found

    def _cause(self) -> ActionError:
        said, file = self.said, self.file
        if "port is already allocated" in said or "address already in use" in said:
            return self._port_taken()
        if "overlaps with other one" in said:
            return ActionError(
                f"A network's addresses are taken by another network: {said}",
                hint=f"Give the network another subnet in {file}, or remove the other network.",
            )
        if re.search(r"pull access denied|No such image|manifest unknown|image .* not found", said):
            return ActionError(
                f"An image is missing and can't be pulled: {said}",
                hint=f"Build it, or give its service a `build:` section in {file}.",
            )
        found = self.docker.use(_unwell, self.model["name"])
        if not found:
            return ActionError(f"The project did not come up: {said}")
        lines = [line for raw in found for line in _describe(self.docker, raw, self.waited)]
        return ActionError("\n".join(lines), hint="Mend what the log names, then try again.")

    def _port_taken(self) -> ActionError:
        published = {
            str(port.get("published", ""))
            for service in self.model.get("services", {}).values()
            for port in service.get("ports") or ()
        }
        named = [number for number in re.findall(r":(\d+)\b", self.said) if number in published]
        if not named:
            return ActionError(f"A port is taken: {self.said}", hint=f"Change it in {self.file}.")
        port = named[0]
        holder = self.docker.use(_container_on, port) or _process_on(int(port)) or "another program"
        names = [name for name, value in self.variables.items() if str(value) == port]
        other = (
            f"--set {names[0]}=PORT in a new session" if names else f"another port in {self.file}"
        )
        return ActionError(
            f"Port {port} is taken by {holder}.", hint=f"Stop that, or choose {other}."
        )


def _unwell(api: Any, project: str) -> list[Mapping[str, Any]]:
    found = list[Mapping[str, Any]]()
    for raw in inspect_all(api, {"label": [f"{PROJECT}={project}"]}):
        state = raw["State"]
        health = (state.get("Health") or {}).get("Status", "healthy")
        failed = state["Status"] != "running" and (state["ExitCode"] or state["Error"])
        if failed or (state["Status"] in ("running", "restarting") and health != "healthy"):
            found.append(raw)
    return found


def _describe(docker: DockerClient, raw: Mapping[str, Any], waited: str) -> Iterator[str]:
    state = raw["State"]
    service = (raw["Config"]["Labels"] or {}).get(SERVICE, raw["Name"])
    health = state.get("Health") or {}
    if state["Status"] == "running":
        yield f"{service} did not get healthy within {waited}: it is {health.get('Status')}."
    elif state["Error"]:
        yield f"{service} could not be started: {state['Error']}"
    else:
        yield f"{service} {how_it_ended(raw)}."
    if checks := health.get("Log"):
        yield f"Its healthcheck says: {checks[-1]['Output'].strip() or 'nothing'}"
    # Removed meanwhile, a driver that keeps no log, or the engine went away while it was read.
    with contextlib.suppress(ActionError, OSError):
        lines = read_log(docker, raw["Id"], tail=_LAST_LINES).decode("utf-8", "replace")
        yield f"Last log lines of {service}:\n{lines.rstrip() or '(none)'}"


def _container_on(api: Any, port: str) -> str:
    for entry in api.containers():
        if any(str(p.get("PublicPort")) == port for p in entry["Ports"]):
            project = entry["Labels"].get(PROJECT)
            return f"the container {entry['Names'][0][1:]}" + (
                f" of the Compose project {project}" if project else ""
            )
    return ""


def _process_on(port: int) -> str:
    """The process of this machine that listens on a port, where that can be seen."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for link in Path("/proc").glob("[0-9]*/fd/*") if sockets else ():
        with contextlib.suppress(OSError):
            if str(link.readlink()) in sockets:
                folder = link.parent.parent
                name = (folder / "comm").read_text(encoding="utf-8").strip()
                return f"the process {name} (pid {folder.name})"
    return ""


def _listening(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text(encoding="utf-8").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]

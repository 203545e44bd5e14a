"""Where secrets must not stand: containers, images, logs, the project's files, the repository."""

from __future__ import annotations

import json
from collections.abc import Sequence

from actions import secrets_manager
from actions._log_mark import request_is_logged
from actions._secrets_manifest import Entry, held
from actions._secrets_present import present
from actions._secrets_search import Search
from actions.secrets_rotation import RETIRED, SERVER, VERIFIER
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run, check
from runbook_app.ports.capabilities import ContainerInfo


@check
async def absent(
    run: Run,
    *,
    manifest: list[Entry],
    folder: str = "secrets/api",
    retired: dict[str, list[str]] = RETIRED,
) -> None:
    """Find no secret in what the engine knows of the containers and their images, in the
    environment of their first processes, in the Compose file, and in what git tracks."""
    search = await _search(run, manifest, folder, retired)
    containers = await run.containers.list()
    if not containers:
        raise NotMeasured("The project has no container.", hint="Start the stack.")
    for container in containers:
        inspected = json.dumps(container.raw, default=str).encode()
        _control(container.name.encode() in inspected, f"docker inspect of {container.service}")
        _none(run, f"docker inspect of {container.service}", search.names_in(inspected))
        history = await run.containers.image_history(container.image)
        _control(b"Created" in history, f"the history of {container.image}")
        _none(run, f"history of {container.image}", search.names_in(history))
        await _first_process(run, container, search)
    _none(run, run.compose.file, search.names_in(run.files.read(run.compose.file)))
    await _repository(run, search)


async def _first_process(run: Run, container: ContainerInfo, search: Search) -> None:
    place = f"/proc/1/environ of {container.service}"
    read = await run.containers.execute(container.service, ["cat", "/proc/1/environ"], log=False)
    _control(read.ok and bool(read.stdout), place)
    # A program that writes its title over its environment (nginx) has nothing left of it.
    whole = "" if b"PATH=" in read.stdout else ", which its program wrote over"
    _none(run, place + whole, search.names_in(read.stdout))


async def _repository(run: Run, search: Search) -> None:
    """Look through what git would take, and what it took since the session's checkpoint."""
    if await run.git.state() == "no repository":
        raise NotMeasured("The target is no git repository.", hint="Run 'git init' there.")
    listed = await run.shell.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], log=False
    )
    paths = [path.decode() for path in listed.stdout.split(b"\0") if path]
    _control(run.compose.file in paths, "the list of tracked files")
    found = {
        f"{name} in {path}"
        for path in paths
        if run.files.exists(path) and run.files.path(path).is_file()
        for name in search.names_in(run.files.read(path))
    }
    _none(run, f"{len(paths)} files that git takes", sorted(found))
    history = (await run.shell.run(["git", "log", "-p", "--all", "--no-color"], log=False)).stdout
    _control(run.compose.file.encode() in history, "the history of git")
    now = {name: value for name, value in search.values.items() if not name.startswith("old ")}
    _none(run, "history of git, present values", Search(values=now).names_in(history))
    old = search.names_in(history)
    run.measure("history of git, values that open nothing any more", ", ".join(old) or "none")


@check
async def absent_from_logs(
    run: Run,
    *,
    manifest: list[Entry],
    url: str,
    ca: str = "",
    folder: str = "secrets/api",
    retired: dict[str, list[str]] = RETIRED,
) -> None:
    """Find no secret in any container's log, application and database included, and in this
    session's own journal and log.

    A request to `url` leaves a mark in the application's log: who can't find that finds nothing.
    """
    search = await _search(run, manifest, folder, retired)
    application, authority = run.plan.target.api_service, run.files.path(ca) if ca else None
    logged = await request_is_logged(run, application, url, authority)
    _control(logged, f"the log of {application}")
    for container in await run.containers.list():
        log = await run.containers.logs(container.service)
        _none(run, f"log of {container.service}, {len(log):,} bytes", search.names_in(log))
    found, read, seen = set[str](), 0, False
    for name, data in run.record.pieces():
        read += len(data)
        seen = seen or run.session.encode() in data
        found.update(f"{value} in {name}" for value in search.names_in(data))
    _control(seen, "the session's journal")
    _none(run, f"journal and log of this session, {read:,} bytes", sorted(found))


@check
async def complete_flow(
    run: Run, *, manifest: list[Entry], url: str, ca: str = "", folder: str = "secrets/api"
) -> None:
    """Import the manager, load the settings, find the application answering and the logs clean."""
    await secrets_manager.imports.function(run, manifest=manifest)
    await secrets_manager.config_complete.function(run, manifest=manifest, folder=folder)
    answer = await run.http.request("GET", url, ca=run.files.path(ca) if ca else None)
    run.equals(f"GET {url}", answer.status, 200)
    await absent_from_logs.function(run, manifest=manifest, url=url, ca=ca, folder=folder)


async def _search(
    run: Run, manifest: Sequence[Entry], folder: str, retired: dict[str, list[str]]
) -> Search:
    values = await present(run, held(manifest), folder)
    missing = [entry.name for entry in manifest if entry.required and entry.name not in values]
    if missing:
        raise NotMeasured(f"Nobody knows the value of {', '.join(missing)}, to look for it.")
    verifier = f"{SERVER}/{VERIFIER}"
    if run.files.exists(verifier):
        values["application's verifier"] = run.files.read(verifier).decode().strip()
    for name, variables in retired.items():
        for variable in variables:
            for old in run.secrets.known(variable):
                if old not in values.values():
                    values[f"old {name}"] = old
    return Search(values=values)


def _control(holds: bool, place: str) -> None:
    if not holds:
        raise NotMeasured(f"{place} can't be read, so nothing is known of it.")


def _none(run: Run, place: str, found: Sequence[str]) -> None:
    run.require(place, not found, ", ".join(found) or "no secret")

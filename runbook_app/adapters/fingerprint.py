"""Taking a target's fingerprint: files, containers, database and the API's description.

docs/fingerprint.md lists the fields. What has none is an exclusion with its reason, which is
printed with every proof.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import stat
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from runbook_app.adapters import project_state
from runbook_app.adapters.fingerprint_database import DatabaseState, structure
from runbook_app.adapters.project_state import digest
from runbook_app.adapters.psql import Psql
from runbook_app.adapters.threads import in_thread
from runbook_app.domain.errors import ActionError
from runbook_app.domain.fingerprint import Exclusion, Fingerprint
from runbook_app.domain.plan import Plan
from runbook_app.ports.capabilities import Containers, ExecResult

_NOT_FOUND = (126, 127)
_READ_URL = """
import sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"Host": "localhost"})
try:
    with urllib.request.urlopen(request, timeout=10) as answer:
        sys.stdout.buffer.write(answer.read())
except urllib.error.HTTPError as error:
    print("status", error.code)
except OSError as error:
    sys.exit(str(getattr(error, "reason", error)))
"""
_PATIENCE = 20.0
"""Seconds: a container without a telling healthcheck counts as up before its program listens."""

Clock = Callable[[], str]
ProjectFields = Callable[[], Awaitable[dict[str, str]]]


class Fingerprinter:
    """Takes the whole fingerprint, or fails: a part that can't be taken proves nothing.

    `project` gives the Compose project's fields, `now` the time as ISO 8601.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        root: Path,
        project: ProjectFields,
        containers: Containers,
        psql: Psql,
        now: Clock,
    ) -> None:
        self._plan = plan
        self._root = root
        self._project = project
        self._containers = containers
        self._psql = psql
        self._now = now

    async def take(self) -> Fingerprint:
        """Take it now.

        Raises:
            ActionError: a part can't be taken; the message says which and why.
        """
        left_out = self._plan.record_documents()
        fields = await _part("the files", in_thread(_files, self._root, left_out))
        fields |= await _part("the containers", self._project())
        exclusions = [*_file_exclusions(left_out), *project_state.EXCLUSIONS]
        fields |= await _part("the API's description", self._openapi(exclusions))
        settings = self._plan.target.database
        database = DatabaseState(settings.keep_credentials)
        if settings.service:
            await _part("the database", database.read(self._psql))
            fields |= database.fields
            fields |= await _part("the schema", structure(self._psql))
            exclusions += database.exclusions
        else:
            exclusions.append(Exclusion(field="database", reason="the plan names none"))
        return Fingerprint(
            taken_at=self._now(),
            fields=fields,
            tables=database.tables,
            exclusions=tuple(exclusions),
        )

    async def _openapi(self, exclusions: list[Exclusion]) -> dict[str, str]:
        target = self._plan.target
        if not target.api_service or not target.openapi:
            exclusions.append(Exclusion(field="openapi", reason="the plan names none"))
            return {}
        url = f"http://127.0.0.1:{target.api_port}{target.openapi}"
        deadline = time.monotonic() + _PATIENCE
        answer = await self._read_url(target.api_service, url)
        while not answer.ok and answer.exit_code not in _NOT_FOUND and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            answer = await self._read_url(target.api_service, url)
        if answer.ok:
            return {"openapi": digest(_canonical(answer.stdout))}
        said = answer.stderr.decode("utf-8", "replace").strip()[-300:]
        if answer.exit_code in _NOT_FOUND:
            said = "the container has neither python3, curl nor wget"
        raise ActionError(
            f"{target.api_service} does not answer at {url}: {said}.",
            hint="See whether it is healthy, and its log.",
        )

    async def _read_url(self, service: str, url: str) -> ExecResult:
        """Read it inside the container, by the first program found there that can."""
        answer = await self._containers.execute(
            service, ["python3", "-c", _READ_URL, url], log=False
        )
        for command in (
            ["curl", "--silent", "--show-error", "--header", "Host: localhost", url],
            ["wget", "--quiet", "--output-document=-", "--header=Host: localhost", url],
        ):
            if answer.exit_code not in _NOT_FOUND:
                break
            answer = await self._containers.execute(service, command, log=False)
        return answer


async def _part(name: str, taking: Awaitable[Any]) -> Any:
    try:
        return await taking
    except (ActionError, OSError) as error:
        hint = error.hint if isinstance(error, ActionError) else ""
        message = error.message if isinstance(error, ActionError) else str(error)
        raise ActionError(
            f"The fingerprint can't be taken, {name} can't be read: {message}", hint=hint
        ) from error


def _canonical(document: bytes) -> str:
    try:
        return json.dumps(json.loads(document), sort_keys=True)
    except ValueError:
        return document.decode("utf-8", "replace")


def _file_exclusions(left_out: Sequence[str]) -> Iterator[Exclusion]:
    yield Exclusion(field="file:.git", reason="history grows by the session's own commits")
    yield Exclusion(field="file: times, extended attributes", reason="not part of what is restored")
    for path in left_out:
        yield Exclusion(field=f"file:{path}", reason="the session's own record")


def _files(root: Path, left_out: Sequence[str]) -> dict[str, str]:
    """Content, mode and owner of everything below a folder; blocks."""
    excluded = {root / ".git", *(root / path for path in left_out)}
    return dict(_walk(root, root, excluded))


def _walk(root: Path, folder: Path, excluded: set[Path]) -> Iterator[tuple[str, str]]:
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        path = Path(entry.path)
        if path in excluded:
            continue
        status = entry.stat(follow_symlinks=False)
        owner = f"{stat.S_IMODE(status.st_mode):04o} {status.st_uid}:{status.st_gid}"
        name = os.fsencode(path.relative_to(root)).decode("utf-8", "backslashreplace")
        if entry.is_symlink():
            yield f"file:{name}", f"link to {path.readlink()}"
        elif entry.is_dir(follow_symlinks=False):
            yield f"folder:{name}", owner
            yield from _walk(root, path, excluded)
        elif entry.is_file(follow_symlinks=False):
            yield f"file:{name}", f"{_sha256(path)} {owner}"
        else:
            yield f"file:{name}", f"special {stat.S_IFMT(status.st_mode):o} {owner}"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"

"""The target's repository, through the `git` command."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from runbook_app.adapters.children import Children
from runbook_app.domain.errors import ActionError, EnvironmentLacks
from runbook_app.ports.capabilities import ExecResult

_ENVIRONMENT: dict[str, str | None] = {
    # What an enclosing git would make us work on, and what would wait for a person.
    **dict.fromkeys(("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")),
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
}
_READ_ONLY = {"GIT_OPTIONAL_LOCKS": "0"}
_UNFINISHED = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}
_READ_LIMIT = timedelta(minutes=1)
_COMMIT_LIMIT = timedelta(minutes=10)
"""Hooks may run a linter or a test suite."""


@dataclass(frozen=True, slots=True)
class _Change:
    code: str
    path: str
    """Relative to the target."""

    @property
    def untracked(self) -> bool:
        return self.code == "??"


class GitRepository:
    """Implements `Git`. The target may be the repository's root or a folder in it."""

    def __init__(self, root: Path, children: Children) -> None:
        self._root = root
        self._children = children

    async def state(self) -> str:
        try:
            inside = await self._read("rev-parse", "--is-inside-work-tree")
        except EnvironmentLacks:
            return "git is not installed"
        if inside.text.strip() != "true":
            return self._no_repository(inside)
        if unfinished := await self._unfinished():
            return f"{unfinished} is in progress"
        if not (await self._read("symbolic-ref", "-q", "HEAD")).ok:
            return "HEAD is detached"
        return await self._missing_identity()

    def _no_repository(self, answer: ExecResult) -> str:
        words = answer.stderr.decode("utf-8", "replace")
        if "dubious ownership" in words or "unsafe repository" in words:
            return (
                "the repository belongs to another account; if you trust it: "
                f"git config --global --add safe.directory {self._root}"
            )
        if answer.ok or "not a git repository" in words:
            return "no repository"
        return f"git says: {words.strip()}"

    async def _unfinished(self) -> str:
        names = list(_UNFINISHED)
        arguments = [part for name in names for part in ("--git-path", name)]
        paths = (await self._read("rev-parse", *arguments)).text.splitlines()
        for name, path in zip(names, paths, strict=False):
            if (self._root / path).exists():
                return _UNFINISHED[name]
        return ""

    async def _missing_identity(self) -> str:
        for variable in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
            answer = await self._read("-c", "user.useConfigOnly=true", "var", variable)
            if answer.ok:
                continue
            words = answer.stderr.decode("utf-8", "replace")
            key = "user.email" if "no email was given" in words else "user.name"
            return f"{key} is not set: git config --global {key} ..."
        return ""

    async def dirty(self, paths: Sequence[str]) -> Sequence[str]:
        changes = [c.path for c in await self._changes(paths)]
        return [p for p in paths if any(_is_in(change, p) for change in changes)]

    async def ignored(self, paths: Sequence[str]) -> Sequence[str]:
        if not paths:
            return []
        listed = "".join(f"{path}\0" for path in paths).encode()
        answer = await self._read("check-ignore", "-z", "--stdin", stdin=listed)
        found = set(answer.text.split("\0"))
        return [path for path in paths if path in found]

    async def commit(self, paths: Sequence[str], message: str) -> str:
        if reason := await self.state():
            raise ActionError(
                f"The commit can't be made: {reason}.", hint="Put that right and try again."
            )
        changes = await self._changes(paths)
        if not changes:
            return ""
        fresh = [change.path for change in changes if change.untracked]
        # Git commits by name only what its index knows; an empty entry is enough for that.
        await self._must("add", "--intent-to-add", "--", *_literal(fresh)) if fresh else None
        try:
            await self._must(
                *("-c", "user.useConfigOnly=true", "-c", "gc.auto=0", "-c", "maintenance.auto=0"),
                *("commit", "--only", "--quiet", "--cleanup=whitespace", "--file=-"),
                "--",
                *_literal(change.path for change in changes),
                stdin=message.encode(),
                timeout=_COMMIT_LIMIT,
            )
        except BaseException:
            await self.unstage(fresh)  # as the operator had it
            raise
        return await self.head()

    async def head(self) -> str:
        answer = await self._read("rev-parse", "--verify", "--quiet", "HEAD")
        return answer.text.strip() if answer.ok else ""

    async def find_commit(self, trailer: str) -> str:
        answer = await self._read(
            "log", "--fixed-strings", f"--grep={trailer}", "--format=%H%n%B%x00"
        )
        for record in answer.text.split("\0") if answer.ok else ():
            commit, _, message = record.strip().partition("\n")
            if trailer in message.splitlines():
                return commit
        return ""

    async def unstage(self, paths: Sequence[str]) -> None:
        if paths:
            await self._run(("reset", "--quiet", "--", *_literal(paths)), timeout=_READ_LIMIT)

    async def changed(self) -> list[str]:
        """Files of the target that are not as the last commit has them, ignored ones aside."""
        return sorted(change.path for change in await self._changes(["."]))

    async def messages_since(self, commit: str) -> list[str] | None:
        """Messages of the commits made on top of one; None when HEAD does not descend from it."""
        within = await self._read("merge-base", "--is-ancestor", commit, "HEAD")
        if not within.ok:
            return None
        answer = await self._read("log", "--format=%B%x00", f"{commit}..HEAD")
        return [text.strip() for text in answer.text.split("\0") if text.strip()]

    async def exclude(self, paths: Sequence[str]) -> None:
        answer = await self._read("rev-parse", "--git-path", "info/exclude", "--show-prefix")
        if not answer.ok:
            return
        place, prefix = (*answer.text.splitlines(), "")[:2]
        lines = [f"/{prefix}{_escape(path)}" for path in paths]
        await asyncio.to_thread(_append_missing, self._root / place, lines)

    async def _changes(self, paths: Sequence[str]) -> list[_Change]:
        """How files below these paths differ from HEAD; none where there is no repository."""
        if not paths:
            return []
        prefix = await self._read("rev-parse", "--show-prefix")
        if not prefix.ok:
            return []
        answer = await self._read(
            *("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"),
            "--",
            *_literal(paths),
        )
        if not answer.ok:
            raise ActionError(f"git status failed: {_words(answer)}")
        cut = len(prefix.text.strip("\n"))
        return [_Change(e[:2], e[3 + cut :]) for e in answer.text.split("\0") if e]

    async def _must(
        self, *arguments: str, stdin: bytes = b"", timeout: timedelta = _READ_LIMIT
    ) -> None:
        answer = await self._run(arguments, stdin=stdin, timeout=timeout)
        if not answer.ok:
            raise ActionError(
                f"The commit was refused: {_words(answer)}",
                hint="If a hook refused it, mend what it names and try again.",
            )

    async def _read(self, *arguments: str, stdin: bytes = b"") -> ExecResult:
        return await self._run(
            arguments, stdin=stdin, timeout=_READ_LIMIT, more=_READ_ONLY, journaled=False
        )

    async def _run(
        self,
        arguments: Sequence[str],
        *,
        timeout: timedelta,
        stdin: bytes = b"",
        more: dict[str, str] | None = None,
        journaled: bool = True,
    ) -> ExecResult:
        return await self._children.run(
            ["git", *arguments],
            cwd=self._root,
            environment={**_ENVIRONMENT, **(more or {})},
            stdin=stdin,
            timeout=timeout,
            journaled=journaled,
            at_death=signal.SIGTERM,
        )


def _literal(paths: Iterable[str]) -> list[str]:
    """A path is a name, not a pattern; git's option for that would reach the hooks as well."""
    return [f":(literal){path}" for path in paths]


def _is_in(changed: str, path: str) -> bool:
    whole = path.rstrip("/")
    return whole in ("", ".") or changed == whole or changed.startswith(f"{whole}/")


def _words(answer: ExecResult) -> str:
    """The last lines of what git or a hook said."""
    said = (answer.stderr + b"\n" + answer.stdout).decode("utf-8", "replace")
    lines = [line.rstrip() for line in said.splitlines() if line.strip()]
    return "\n".join(lines[-20:]) or f"exit code {answer.exit_code}"


def _escape(path: str) -> str:
    return "".join(f"\\{c}" if c in "\\*?[ " else c for c in path)


def _append_missing(file: Path, lines: Sequence[str]) -> None:
    present = file.read_text(encoding="utf-8") if file.exists() else ""
    missing = [line for line in lines if line not in present.splitlines()]
    if not missing:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    start = "" if not present or present.endswith("\n") else "\n"
    with file.open("a", encoding="utf-8") as stream:
        stream.write(start + "\n".join(missing) + "\n")
        stream.flush()
        os.fsync(stream.fileno())

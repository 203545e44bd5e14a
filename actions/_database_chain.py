"""A target's chain of migrations, read from its files without running them."""

from __future__ import annotations

import ast
import configparser
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook_app.domain.errors import ActionError
from runbook_app.ports.action import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    path: str
    revision: str
    follows: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    migrations: Mapping[str, Migration]
    """By revision."""

    def heads(self) -> list[str]:
        followed = {old for migration in self.migrations.values() for old in migration.follows}
        return sorted(self.migrations.keys() - followed)

    def head(self) -> str:
        """The one newest revision; empty without any.

        Raises:
            ActionError: there are several, so that nobody knows which to follow.
        """
        heads = self.heads()
        if len(heads) > 1:
            files = ", ".join(f"{head} ({self.migrations[head].path})" for head in heads)
            raise ActionError(
                f"The chain of migrations has {len(heads)} heads: {files}.",
                hint="Merge them first: alembic merge heads.",
            )
        return heads[0] if heads else ""

    def pending(self, now: str) -> list[Migration]:
        """What leads from a revision to the newest, oldest first; from none, all of it."""
        found: list[Migration] = []
        wanted = [self.head()]
        while wanted:
            revision = wanted.pop()
            migration = self.migrations.get(revision)
            if migration is not None and revision != now and migration not in found:
                found.append(migration)
                wanted += migration.follows
        return found[::-1]

    def named(self, slug: str) -> Migration | None:
        """The migration whose file ends in this name."""
        for migration in self.migrations.values():
            if migration.path.removesuffix(".py").endswith(slug):
                return migration
        return None


def read(run: Run, directory: str) -> Chain:
    """Read the files of a folder.

    Raises:
        ActionError: there is no such folder, a file can't be read, or two have one revision.
    """
    folder = run.files.path(directory)
    if not folder.is_dir():
        raise ActionError(
            f"There are no migrations in {directory}.",
            hint="Name the folder of Alembic's versions.",
        )
    found: dict[str, Migration] = {}
    for file in sorted(folder.glob("*.py")):
        migration = parse(f"{directory}/{file.name}", file.read_text(encoding="utf-8"))
        if migration is None:
            continue
        if other := found.get(migration.revision):
            raise ActionError(
                f"{migration.path} and {other.path} have one revision, {migration.revision}.",
                hint="Give one of them another.",
            )
        found[migration.revision] = migration
    return Chain(migrations=found)


def parse(path: str, source: str) -> Migration | None:
    """Read one file; None when it is no migration."""
    try:
        values = assigned(source, "revision", "down_revision")
    except SyntaxError as error:
        raise ActionError(f"{path} can't be read: {error.msg}.", hint="Mend that file.") from error
    revision = values.get("revision")
    if not isinstance(revision, str):
        return None
    follows = values.get("down_revision")
    if isinstance(follows, str):
        return Migration(path=path, revision=revision, follows=(follows,))
    several = follows if isinstance(follows, tuple | list) else ()
    return Migration(path=path, revision=revision, follows=tuple(map(str, several)))


def assigned(source: str, *names: str) -> dict[str, Any]:
    """The literal values that a module gives to these of its names."""
    return dict(_assignments(ast.parse(source), names))


def _assignments(tree: ast.Module, names: Sequence[str]) -> Iterator[tuple[str, object]]:
    for node in tree.body:
        targets: Sequence[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and target.id in names:
                value = getattr(node, "value", None)
                if value is not None:
                    yield target.id, ast.literal_eval(value)


def revision_of(slug: str, follows: str) -> str:
    """A revision that is the same whenever the same file is made again."""
    return hashlib.sha256(f"runbook {slug} {follows}".encode()).hexdigest()[:12]


def file_name(ini: str, *, slug: str, revision: str, now: datetime) -> str:
    """Name a file as the target names its own; with the date when it says nothing of one."""
    parser = configparser.RawConfigParser()
    parser.read_string(ini)
    template = parser.get("alembic", "file_template", fallback="").replace("%%", "%")
    if "%(year)" not in template or "%(slug)s" not in template:
        template = "%(year)d%(month).2d%(day).2d_%(slug)s"
    values = {
        "rev": revision,
        "slug": slug,
        "epoch": int(now.timestamp()),
        **{
            part: getattr(now, part)
            for part in ("year", "month", "day", "hour", "minute", "second")
        },
    }
    return f"{template % values}.py"

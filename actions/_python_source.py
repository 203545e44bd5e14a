"""Places in a target's Python source, found by its syntax, and edits of its text there."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from runbook_app.domain.errors import ActionError

Edit = tuple[int, int, str]
"""Start, end and new text."""


def parsed(path: str, source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise ActionError(f"{path} can't be read: {error.msg}.", hint="Mend that file.") from error


def imported(source: str, line: str) -> str:
    """Put an import below those that are there."""
    if line in source:
        return source
    imports = [n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom)]
    lines = source.splitlines(keepends=True)
    place = imports[-1].end_lineno if imports else 0
    lines.insert(place or 0, f"\n{line}\n")
    return "".join(lines)


def span(source: str, node: ast.expr) -> tuple[int, int]:
    return (
        offset(source, node.lineno, node.col_offset),
        offset(source, node.end_lineno, node.end_col_offset),
    )


def offset(source: str, line: int | None, column: int | None) -> int:
    """Turn a place of `ast`, whose columns are bytes, into one in the text."""
    lines = source.splitlines(keepends=True)
    number = line or 1
    prefix = lines[number - 1].encode()[: column or 0].decode()
    return sum(map(len, lines[: number - 1])) + len(prefix)


def applied(source: str, edits: Sequence[Edit]) -> str:
    for start, end, text in sorted(edits, reverse=True):
        source = source[:start] + text + source[end:]
    return source


def with_import(source: str, module: str, name: str) -> str:
    """Import a name, in the order that isort wants among imports of the same package."""
    tree = ast.parse(source)
    froms = [node for node in tree.body if isinstance(node, ast.ImportFrom) and not node.level]
    if any(n.module == module and any(a.name == name for a in n.names) for n in froms):
        return source
    line = f"from {module} import {name}"
    package = module.partition(".")[0]
    near = [n for n in froms if (n.module or "").partition(".")[0] == package]
    if not near:
        return imported(source, line)
    before = [n for n in near if (n.module or "") <= module]
    place = (before[-1].end_lineno or 0) if before else near[0].lineno - 1
    lines = source.splitlines(keepends=True)
    lines.insert(place, f"{line}\n")
    return "".join(lines)


def without_unused(source: str, *names: str) -> str:
    """Take imports of these names out that nothing uses any more, each the only one of its line."""
    tree = ast.parse(source)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    gone = {
        node.lineno
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        and len(node.names) == 1
        and node.lineno == node.end_lineno
        and (node.names[0].asname or node.names[0].name) in names
        and (node.names[0].asname or node.names[0].name) not in used
    }
    kept: list[str] = []
    for number, line in enumerate(source.splitlines(keepends=True), 1):
        second = not line.strip() and kept and not kept[-1].strip() and number - 1 in gone
        if number not in gone and not second:
            kept.append(line)
    return "".join(kept)

"""Small edits of a target's Python source, found by its syntax and made in its text."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from runbook_app.domain.errors import ActionError

Edit = tuple[int, int, str]
"""Start, end and new text."""


def seal_columns(source: str, *, path: str, table: str, columns: Sequence[str], module: str) -> str:
    """Give mapped columns the type that decrypts, and have them read only when asked for.

    Raises:
        ActionError: the table's class, or one of its columns, is not written as expected.
    """
    tree = _parsed(path, source)
    model = _model(tree, table)
    if model is None:
        raise ActionError(
            f"{path} has no class with __tablename__ = {table!r}.",
            hint="Name the file that maps the table.",
        )
    edits = [edit for column in columns for edit in _column(source, path, model, column)]
    changed = _applied(source, edits)
    if not edits:
        return source
    changed = _imported(changed, f"from {module} import Sensitive, describe")
    last = "describe(Base.metadata)"
    return changed if last in changed else f"{changed.rstrip()}\n\n\n{last}\n"


def _column(source: str, path: str, model: ast.ClassDef, column: str) -> list[Edit]:
    for node in model.body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == column:
            call = node.value
            if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Call):
                kind = call.args[0].func
                name = ast.get_source_segment(source, kind)
                if name == "Sensitive":
                    return []
                if name in ("String", "sa.String", "Text", "sa.Text"):
                    end = _offset(source, call.end_lineno, call.end_col_offset) - 1
                    deferred = ', deferred=True, deferred_group="sensitive"'
                    return [(*_span(source, kind), "Sensitive"), (end, end, deferred)]
    raise ActionError(
        f"{path}: {model.name}.{column} is not a mapped_column(String(…)).",
        hint="Give it the type Sensitive by hand, or leave it out of the plan.",
    )


def _model(tree: ast.Module, table: str) -> ast.ClassDef | None:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if (
                    isinstance(inner, ast.Assign)
                    and getattr(inner.targets[0], "id", "") == "__tablename__"
                    and isinstance(inner.value, ast.Constant)
                    and inner.value.value == table
                ):
                    return node
    return None


def model_name(source: str, *, path: str, table: str) -> str:
    """Name of the class that maps a table."""
    model = _model(_parsed(path, source), table)
    if model is None:
        raise ActionError(f"{path} has no class with __tablename__ = {table!r}.")
    return model.name


def with_argument(source: str, *, path: str, call: str, argument: str, value: str) -> str:
    """Give the one call of a name a further keyword argument, unless it has it.

    Raises:
        ActionError: there is no such call, or several.
    """
    tree = _parsed(path, source)
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == call
    ]
    if len(calls) != 1:
        raise ActionError(
            f"{path} has {len(calls)} calls of {call}, not one.",
            hint=f"Write {argument}={value} into it by hand.",
        )
    if any(keyword.arg == argument for keyword in calls[0].keywords):
        return source
    end = _offset(source, calls[0].end_lineno, calls[0].end_col_offset) - 1
    return _applied(source, [(end, end, f", {argument}={value}")])


def _parsed(path: str, source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise ActionError(f"{path} can't be read: {error.msg}.", hint="Mend that file.") from error


def _imported(source: str, line: str) -> str:
    """Put an import below those that are there."""
    if line in source:
        return source
    imports = [n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom)]
    lines = source.splitlines(keepends=True)
    place = imports[-1].end_lineno if imports else 0
    lines.insert(place or 0, f"\n{line}\n")
    return "".join(lines)


def _span(source: str, node: ast.expr) -> tuple[int, int]:
    return (
        _offset(source, node.lineno, node.col_offset),
        _offset(source, node.end_lineno, node.end_col_offset),
    )


def _offset(source: str, line: int | None, column: int | None) -> int:
    """Turn a place of `ast`, whose columns are bytes, into one in the text."""
    lines = source.splitlines(keepends=True)
    number = line or 1
    prefix = lines[number - 1].encode()[: column or 0].decode()
    return sum(map(len, lines[: number - 1])) + len(prefix)


def _applied(source: str, edits: Sequence[Edit]) -> str:
    for start, end, text in sorted(edits, reverse=True):
        source = source[:start] + text + source[end:]
    return source

"""Small edits of a target's Python source, found by its syntax and made in its text."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from actions._python_source import Edit, applied, imported, offset, parsed, span
from runbook_app.domain.errors import ActionError


def seal_columns(source: str, *, path: str, table: str, columns: Sequence[str], module: str) -> str:
    """Give mapped columns the type that decrypts, and have them read only when asked for.

    Raises:
        ActionError: the table's class, or one of its columns, is not written as expected.
    """
    tree = parsed(path, source)
    model = _model(tree, table)
    if model is None:
        raise ActionError(
            f"{path} has no class with __tablename__ = {table!r}.",
            hint="Name the file that maps the table.",
        )
    edits = [edit for column in columns for edit in _column(source, path, model, column)]
    changed = applied(source, edits)
    if not edits:
        return source
    changed = imported(changed, f"from {module} import Sensitive, describe")
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
                    end = offset(source, call.end_lineno, call.end_col_offset) - 1
                    deferred = ', deferred=True, deferred_group="sensitive"'
                    return [(*span(source, kind), "Sensitive"), (end, end, deferred)]
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
    model = _model(parsed(path, source), table)
    if model is None:
        raise ActionError(f"{path} has no class with __tablename__ = {table!r}.")
    return model.name


def with_argument(source: str, *, path: str, call: str, argument: str, value: str) -> str:
    """Give the one call of a name a further keyword argument, unless it has it.

    Raises:
        ActionError: there is no such call, or several.
    """
    tree = parsed(path, source)
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
    end = offset(source, calls[0].end_lineno, calls[0].end_col_offset) - 1
    return applied(source, [(end, end, f", {argument}={value}")])

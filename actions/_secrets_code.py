"""The edits that let a target's own source take its secrets from the manager."""

from __future__ import annotations

import ast

from actions._python_source import Edit, applied, offset, parsed, span, with_import, without_unused
from runbook_app.domain.errors import ActionError

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def settings_from_manager(
    source: str, *, path: str, function: str, settings: str, module: str
) -> str:
    """Let the function that makes the settings make them with the manager's secrets.

    Files of pydantic's own `secrets_dir` are not read any more: there is one way in.

    Raises:
        ActionError: the function is not written as expected.
    """
    tree = parsed(path, source)
    made = "settings_with_secrets"
    found = _function(tree, function)
    calls = [
        node
        for node in ast.walk(found or ast.Module(body=[], type_ignores=[]))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (settings, made)
    ]
    if len(calls) != 1:
        raise ActionError(
            f"{path}: {function}() has {len(calls)} calls of {settings}(), not one.",
            hint=f"Write 'return {made}({settings})' there by hand.",
        )
    edits = _without_argument(source, tree, "SettingsConfigDict", "secrets_dir")
    edits += _with_argument(source, tree, "SettingsConfigDict", "hide_input_in_errors", "True")
    if getattr(calls[0].func, "id", "") == settings:
        if calls[0].args or calls[0].keywords:
            raise ActionError(
                f"{path}: {function}() gives {settings}() values of its own.",
                hint=f"Write {made}({settings}) there by hand.",
            )
        edits.append((*span(source, calls[0]), f"{made}({settings})"))
    return with_import(applied(source, edits), module, made)


def validated_at_start(source: str, *, path: str, function: str, module: str) -> str:
    """Let the application's lifespan begin with the validation.

    Raises:
        ActionError: there is no such function, or it does not yield once.
    """
    call = "validate_at_start"
    found = _function(parsed(path, source), function)
    yields = [
        node
        for node in (found.body if found else [])
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield)
    ]
    if found is None or len(yields) != 1:
        raise ActionError(
            f"{path} has no function {function}() that yields once.",
            hint=f"Call {call}() by hand where the application starts.",
        )
    if any(isinstance(n, ast.Call) and getattr(n.func, "id", "") == call for n in ast.walk(found)):
        return source
    first = found.body[0]
    place = offset(source, first.lineno, 0)
    indent = " " * first.col_offset
    return with_import(applied(source, [(place, place, f"{indent}{call}()\n")]), module, call)


def key_from_manager(source: str, *, path: str, secret: str, module: str) -> str:
    """Let the module of the encrypted columns ask the manager for their key.

    Raises:
        ActionError: it does not read the key from a file as item 3 wrote it.
    """
    call = "get_secret_manager"
    if f"{call}().get({secret!r})" in source or f'{call}().get("{secret}")' in source:
        return source
    tree = parsed(path, source)
    reads = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and getattr(node.targets[0], "id", "") == "key"
        and "read_text" in ast.unparse(node.value)
    ]
    if len(reads) != 1:
        raise ActionError(
            f"{path} does not read its key from one file.",
            hint=f'Write key = {call}().get("{secret}").get_secret_value() there by hand.',
        )
    asked = f'{call}().get("{secret}").get_secret_value()'
    changed = applied(source, [(*span(source, reads[0]), asked)])
    changed = _without_constant(changed, "KEY_FILE")
    return with_import(without_unused(changed, "os", "Path"), module, call)


def _function(tree: ast.Module, name: str) -> _Function | None:
    for node in ast.walk(tree):
        if isinstance(node, _Function) and node.name == name:
            return node
    return None


def _calls(tree: ast.Module, name: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name
    ]


def _without_argument(source: str, tree: ast.Module, call: str, argument: str) -> list[Edit]:
    for node in _calls(tree, call):
        for keyword in node.keywords:
            if keyword.arg == argument:
                start = offset(source, keyword.lineno, keyword.col_offset)
                end = offset(source, keyword.end_lineno, keyword.end_col_offset)
                before = source[:start].rstrip()
                if before.endswith(","):
                    return [(len(before) - 1, end, "")]
                rest = source[end:].lstrip()
                after = len(source) - len(rest) + (1 if rest.startswith(",") else 0)
                return [(start, after, "")]
    return []


def _with_argument(
    source: str, tree: ast.Module, call: str, argument: str, value: str
) -> list[Edit]:
    for node in _calls(tree, call):
        if all(keyword.arg != argument for keyword in node.keywords):
            kept = [k for k in node.keywords if k.arg != "secrets_dir"]
            end = offset(source, node.end_lineno, node.end_col_offset) - 1
            comma = ", " if (kept or node.args) and not source[:end].rstrip().endswith(",") else ""
            return [(end, end, f"{comma}{argument}={value}")]
    return []


def _without_constant(source: str, name: str) -> str:
    """Take an assignment out that nothing uses any more."""
    tree = ast.parse(source)
    uses = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name]
    for node in tree.body:
        assigned = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name
        if assigned and len(uses) == 1:
            lines = source.splitlines(keepends=True)
            start = node.lineno - 1
            while start and not lines[start - 1].strip():
                start -= 1
            return "".join([*lines[:start], *lines[node.end_lineno :]])
    return source

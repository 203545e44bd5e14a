"""Kernel settings that the target keeps in a file, as sysctl.d(5) reads it."""

from __future__ import annotations

import re

from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, check, effect

FILE = "sysctl.d/60-runbook.conf"

_KEY = re.compile(r"[a-z0-9_]+([./][A-Za-z0-9_*-]+)+")
_LINE = re.compile(r"\s*-?\s*(?P<key>[^#;=\s][^=]*?)\s*=\s*(?P<value>.*?)\s*")


@effect
async def write_setting(run: Run, *, key: str, value: str, path: str = FILE) -> None:
    """Set a kernel setting in a file of the target, and keep all its other lines.

    Captures: the file, before it is written.

    The running kernel is not told: it reads the file at its next start, or by `sysctl --system`.
    """
    _hold_sound(key, value)
    changed = await run.files.write(path, _with(_text(run, path), key, value).encode())
    run.log(f"{path}: {key} = {value} {'written' if changed else 'is there already'}")


@write_setting.check
async def _(run: Run, *, key: str, value: str, path: str = FILE) -> Finding:
    _hold_sound(key, value)
    found = _settings(_text(run, path)).get(key)
    if found == value:
        return run.done(f"{path} says {key} = {value}")
    return run.not_done(f"{path} says {key} = {found}" if found else f"{path} has no {key}")


@check
async def setting(run: Run, *, key: str, value: str, path: str = FILE) -> None:
    """Hold a kernel setting in a file of the target to what it must be."""
    run.equals(f"{key} in {path}", _settings(_text(run, path)).get(key, "absent"), value)


def _hold_sound(key: str, value: str) -> None:
    if not _KEY.fullmatch(key) or not value.isprintable() or value != value.strip():
        raise ActionError(
            f"{key!r} = {value!r} can't stand in a sysctl file.",
            hint="Write a key such as net.ipv4.tcp_syncookies, and its value on one line.",
        )


def _text(run: Run, path: str) -> str:
    return run.files.read(path).decode() if run.files.exists(path) else ""


def _settings(text: str) -> dict[str, str]:
    """Values by key; the last line of a key counts."""
    found = (_LINE.fullmatch(line) for line in text.splitlines())
    return {match["key"]: match["value"] for match in found if match}


def _with(text: str, key: str, value: str) -> str:
    """The text with one line for the key: where its first one was, or at the end."""
    lines, placed = [], False
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if not match or match["key"] != key:
            lines.append(line)
        elif not placed:
            lines.append(f"{key} = {value}")
            placed = True
    if not placed:
        lines.append(f"{key} = {value}")
    return "\n".join([*lines, ""])

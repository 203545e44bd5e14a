"""The secrets that a stack works with now, to look for them where they must not be."""

from __future__ import annotations

import json
from collections.abc import Mapping

from actions._secret_shapes import literal, named
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run

SHORTEST = 8
"""A shorter value would be found by accident."""
FOLDER = "secrets"
_PROGRAM = """
import importlib, json, sys
module, _, name = sys.argv[1].partition(":")
settings = getattr(importlib.import_module(module), name)()
found = {}
for field in type(settings).model_fields:
    value = getattr(settings, field)
    if hasattr(value, "get_secret_value"):
        found[field] = str(value.get_secret_value())
json.dump(found, sys.stdout)
"""


async def of_settings(run: Run, *, service: str, settings: str) -> Mapping[str, str]:
    """What the application calls secret, however it came by it.

    Raises:
        NotMeasured: its settings can't be read in the container.
    """
    read = await run.containers.execute(service, ["python3", "-c", _PROGRAM, settings], log=False)
    if not read.ok:
        words = read.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise NotMeasured(
            f"The settings of {service} can't be read in its container: {''.join(words)}.",
            hint="Check the check's 'settings'.",
        )
    found: dict[str, str] = {
        name: value for name, value in json.loads(read.stdout).items() if value
    }
    _register(run, found)
    return found


def of_files(run: Run, folder: str = FOLDER) -> Mapping[str, str]:
    """Secrets in files of the target, by their paths."""
    root = run.files.path(folder)
    if not root.is_dir():
        return {}
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.stat().st_size <= 4096:
            text = path.read_bytes().decode("utf-8", "replace").strip()
            if text and "-----BEGIN" not in text:
                found[str(path.relative_to(run.folder.resolve()))] = text
    _register(run, found)
    return found


async def of_containers(run: Run) -> Mapping[str, str]:
    """Values of variables that are called secret, as the engine starts containers with them."""
    found = {
        f"{name} of {container.service}": value
        for container in await run.containers.list()
        for name, value in container.environment.items()
        if named(name) and literal(value)
    }
    _register(run, found)
    return found


async def present(run: Run, *, service: str, settings: str) -> dict[str, str]:
    """All of them that are long enough to be found by no accident.

    Raises:
        NotMeasured: none is known, so that finding none means nothing.
    """
    found = {
        **await of_settings(run, service=service, settings=settings),
        **of_files(run),
        **await of_containers(run),
    }
    long = {name: value for name, value in found.items() if len(value) >= SHORTEST}
    if not long:
        raise NotMeasured("No secret of the stack is known, so none can be looked for.")
    return long


def _register(run: Run, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        run.secrets.register(name, value)

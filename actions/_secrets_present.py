"""The present values of an application's secrets, wherever they are kept."""

from __future__ import annotations

import json
from collections.abc import Sequence

from actions._secrets_manifest import Entry, dotted
from runbook_app.domain.errors import ActionError
from runbook_app.ports.action import Run

MANAGER = "src/core/secrets.py"
_PROGRAM = """
import json
from {module} import get_secret_manager
values = get_secret_manager().values()
print(json.dumps({{name: value.get_secret_value() for name, value in values.items()}}))
"""


async def present(
    run: Run, manifest: Sequence[Entry], folder: str, manager: str = MANAGER
) -> dict[str, str]:
    """Values by name: from their files, else as the application itself finds them.

    They are registered before anything can show them; one that nobody has is left out.
    """
    return await named(run, [entry.name for entry in manifest], folder, manager)


async def named(
    run: Run, names: Sequence[str], folder: str, manager: str = MANAGER
) -> dict[str, str]:
    """Do the same by names alone."""
    found = {
        name: run.files.read(f"{folder}/{name}").decode().strip()
        for name in names
        if run.files.exists(f"{folder}/{name}")
    }
    if len(found) < len(names):
        asked = await _asked(run, manager)
        found |= {name: asked[name] for name in names if name in asked and name not in found}
    for name, value in found.items():
        run.secrets.register(name, value)
    return found


async def _asked(run: Run, manager: str) -> dict[str, str]:
    program = ["python3", "-c", _PROGRAM.format(module=dotted(manager))]
    try:
        answer = await run.containers.execute(run.plan.target.api_service, program, log=False)
        told: dict[str, str] = json.loads(answer.stdout)
    except (ActionError, ValueError):
        return {}
    return told

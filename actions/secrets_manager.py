"""That the secret manager works in the application's container, which does not start without."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actions._secrets_manifest import Entry, dotted, held
from actions._secrets_present import MANAGER, present
from actions._secrets_search import Search
from runbook_app.domain.errors import NotMeasured
from runbook_app.domain.measure import Scalar
from runbook_app.ports.action import Run, check
from runbook_app.ports.capabilities import ContainerInfo, ExecResult, Mount

STARTED = "secrets validated"
"""What the application writes when it starts with all of them."""
_LONGEST_START = 25
"""Seconds that an application is given to end because a secret is missing."""
_LOADS = """
import json, os, sys
from {module} import SecretManager, EnvironmentBackend
names = json.load(sys.stdin)
manager = SecretManager([EnvironmentBackend(env_file=None)])
wrong = [n for n in names if manager.get(n).get_secret_value() != os.environ[n.upper()]]
print(json.dumps({{"wrong": wrong, "found": dict(manager.report().found)}}))
"""
_CONFIG = """
import json
from {module} import {function}
settings = {function}()
fields = type(settings).model_fields
print(json.dumps({{
    "required": [n for n, f in fields.items() if f.is_required()],
    "set": [n for n in fields if getattr(settings, n) is not None],
    "shown": repr(settings) + str(settings.model_dump()),
}}))
"""
_WITHOUT = """
set -eu
umask 077
mkdir /tmp/secrets
if [ -n "${SECRETS_DIR:-}" ]; then
    for file in "$SECRETS_DIR"/*; do
        if [ "${file##*/}" != "$1" ]; then cp "$file" /tmp/secrets/; fi
    done
    export SECRETS_DIR=/tmp/secrets
fi
limit=$2
shift 2
exec timeout "$limit" "$@"
"""


@check
async def imports(
    run: Run, *, manifest: list[Entry], manager: str = MANAGER, service: str = "", backend: str = ""
) -> None:
    """Import the manager in the application's container, and find every secret by name."""
    said = await _report(run, service, manager)
    run.require(
        "nothing is missing or wrong",
        not said["problems"],
        "; ".join(said["problems"]) or "nothing",
    )
    for entry in held(manifest):
        where = said["found"].get(entry.name, "nowhere")
        if backend:
            run.equals(entry.name, where, backend)
        else:
            run.require(f"{entry.name} found", where != "nowhere" or not entry.required, where)


async def _report(
    run: Run, service: str, manager: str, environment: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    answer = await run.containers.execute(
        service or run.plan.target.api_service,
        ["python3", "-m", dotted(manager)],
        environment=environment,
        log=False,
    )
    return _json(answer, "the secret manager")


@check
async def loads_from_environment(
    run: Run, *, manifest: list[Entry], manager: str = MANAGER, service: str = ""
) -> None:
    """Give values in variables, find them loaded, and one that is missing named."""
    values = {
        entry.variable: entry.new(uuid.uuid4().bytes + uuid.uuid4().bytes)
        for entry in held(manifest)
    }
    answer = await run.containers.execute(
        service or run.plan.target.api_service,
        ["python3", "-c", _LOADS.format(module=dotted(manager))],
        environment=values,
        stdin=json.dumps([entry.name for entry in manifest]).encode(),
        log=False,
    )
    said = _json(answer, "the secret manager")
    run.equals("loaded from variables", len(said["found"]), len(manifest), "secrets")
    run.require(
        "each as it was given", not said["wrong"], ", ".join(said["wrong"]) or "all of them"
    )
    first = next(entry for entry in manifest if entry.required)
    fewer = {**values, first.variable: "", "SECRETS_BACKEND": "environment"}
    problems = (await _report(run, service, manager, fewer))["problems"]
    named = len(problems) == 1 and problems[0].startswith(f"{first.name} is missing")
    run.require("one that is missing is named", named, "; ".join(problems) or "nothing was said")


@check
async def config_complete(
    run: Run,
    *,
    manifest: list[Entry],
    path: str = "src/core/config.py",
    function: str = "get_settings",
    service: str = "",
    folder: str = "secrets/api",
) -> None:
    """Load the application's settings, and find every field set and no value in what they show."""
    answer = await run.containers.execute(
        service or run.plan.target.api_service,
        ["python3", "-c", _CONFIG.format(module=dotted(path), function=function)],
        log=False,
    )
    said = _json(answer, "the settings")
    unset = [name for name in said["required"] if name not in said["set"]]
    run.require(
        "every required setting has a value",
        not unset,
        ", ".join(unset) or f"{len(said['required'])} of them",
    )
    search = Search(values=await present(run, manifest, folder))
    if not search.names_in(json.dumps(search.values).encode()):
        raise NotMeasured("No value is known that could be looked for.")
    shown = search.names_in(str(said["shown"]).encode())
    run.require("no value shows in them", not shown, ", ".join(shown) or "none")


@check
async def startup_validated(
    run: Run, *, manifest: list[Entry], service: str = "", folder: str = "secrets/api"
) -> None:
    """Find that the application validated its secrets when it started, and refuses to start
    without any one that is required."""
    name = service or run.plan.target.api_service
    container = await run.containers.find(name)
    if container is None:
        raise NotMeasured(f"{name} has no container.", hint="Start the stack.")
    log = await run.containers.logs(name, since=container.started_at)
    line = next(
        (text for text in log.decode("utf-8", "replace").splitlines() if STARTED in text), ""
    )
    run.require("the start says what was validated", bool(line), line[-300:] or "no such line")
    search = Search(values=await present(run, manifest, folder))
    if container.environment.get("SECRETS_BACKEND") == "vault":
        # Another entry: nothing is there, or it may not be read, and either way there is no secret.
        words, other = "runbook_probe_nothing", {"VAULT_PATH": "runbook_probe_nothing"}
        await _refuses(run, container, search, "what Vault holds", words, other)
        return
    for entry in held(manifest):
        if entry.required:
            # A file that is named by itself would still be found.
            unset = {f"{entry.variable}_FILE": ""}
            words = f"{entry.name} is missing"
            await _refuses(run, container, search, entry.name, words, unset)


async def _refuses(
    run: Run,
    container: ContainerInfo,
    search: Search,
    name: str,
    words: str,
    environment: Mapping[str, str],
) -> None:
    config = container.raw.get("Config", {})
    start = [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]
    mounts = [
        Mount(source=Path(mount["Source"]), target=mount["Destination"])
        for mount in container.raw.get("Mounts", [])
        if mount.get("Type") == "bind"
    ]
    ended = await run.containers.run_once(
        container.image,
        [name, str(_LONGEST_START), *start],
        entrypoint=["sh", "-c", _WITHOUT, "sh"],
        network=next(iter(container.raw.get("NetworkSettings", {}).get("Networks", {})), ""),
        mounts=mounts,
        environment={**container.environment, **environment},
        user=str(config.get("User", "")),
        log=False,
    )
    said = (ended.stdout + ended.stderr).decode("utf-8", "replace")
    refused = ended.exit_code not in (0, 124) and words in said
    seen: Scalar = f"ended with {ended.exit_code}"
    if not refused:
        seen = f"{seen}: {said.strip().splitlines()[-1] if said.strip() else 'no output'}"
    run.require(f"no start without {name}", refused, str(seen))
    shown = search.names_in(ended.stdout + ended.stderr)
    run.require(f"no value in what it says without {name}", not shown, ", ".join(shown) or "none")


def _json(answer: ExecResult, what: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(answer.stdout)
    except ValueError:
        said = answer.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotMeasured(
            f"{what} can't be asked in the container: {said[-1] if said else 'no output'}",
            hint="See whether the source is as the steps wrote it.",
        ) from None
    return found

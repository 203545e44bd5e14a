"""An application's secrets in one place: the manager, its integration, and that it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from actions import _secrets_code as code
from actions._secrets_manifest import DEFAULT_BACKEND, FOLDER, Entry, dotted, held, render
from actions._secrets_present import MANAGER
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, effect

VAULT_MOUNT, VAULT_PATH = "secret", "application"


@effect
async def create_manager(
    run: Run,
    *,
    manifest: list[Entry],
    path: str = MANAGER,
    folder: str = FOLDER,
    vault_mount: str = VAULT_MOUNT,
    vault_path: str = VAULT_PATH,
) -> None:
    """Write the module of the secret manager, with the manifest of the plan."""
    wanted = _values(manifest, path, folder, vault_mount, vault_path)
    await _write(run, {path: render("secrets.py", **wanted)})


@create_manager.check
async def _(
    run: Run,
    *,
    manifest: list[Entry],
    path: str = MANAGER,
    folder: str = FOLDER,
    vault_mount: str = VAULT_MOUNT,
    vault_path: str = VAULT_PATH,
) -> Finding:
    wanted = _values(manifest, path, folder, vault_mount, vault_path)
    return _written(run, {path: render("secrets.py", **wanted)})


@effect
async def create_tests(
    run: Run, *, path: str = "tests/unit/test_secrets.py", manager: str = MANAGER
) -> None:
    """Write tests of the secret manager into the target's own suite."""
    await _write(run, {path: render("test_secrets.py", module=dotted(manager))})


@create_tests.check
async def _(
    run: Run, *, path: str = "tests/unit/test_secrets.py", manager: str = MANAGER
) -> Finding:
    return _written(run, {path: render("test_secrets.py", module=dotted(manager))})


@effect
async def integrate_config(
    run: Run,
    *,
    path: str = "src/core/config.py",
    function: str = "get_settings",
    settings: str = "Settings",
    manager: str = MANAGER,
    encryption: str = "",
    column_key: str = "column_key",
) -> None:
    """Let the application's settings and encrypted columns take their secrets from the manager.

    `encryption` is the module that gives the database the key of encrypted columns.
    """
    await _write(run, _integrated(run, path, function, settings, manager, encryption, column_key))


@integrate_config.check
async def _(
    run: Run,
    *,
    path: str = "src/core/config.py",
    function: str = "get_settings",
    settings: str = "Settings",
    manager: str = MANAGER,
    encryption: str = "",
    column_key: str = "column_key",
) -> Finding:
    return _written(
        run, _integrated(run, path, function, settings, manager, encryption, column_key)
    )


def _integrated(
    run: Run,
    path: str,
    function: str,
    settings: str,
    manager: str,
    encryption: str,
    column_key: str,
) -> dict[str, str]:
    module = dotted(manager)
    found = {
        path: code.settings_from_manager(
            run.files.read(path).decode(),
            path=path,
            function=function,
            settings=settings,
            module=module,
        )
    }
    if encryption and run.files.exists(encryption):
        found[encryption] = code.key_from_manager(
            run.files.read(encryption).decode(), path=encryption, secret=column_key, module=module
        )
    return found


@effect
async def validate_at_startup(
    run: Run, *, path: str = "src/api/main.py", function: str = "lifespan", manager: str = MANAGER
) -> None:
    """Let the application validate its secrets, by name, before it takes requests."""
    await _write(run, _validated(run, path, function, manager))


@validate_at_startup.check
async def _(
    run: Run, *, path: str = "src/api/main.py", function: str = "lifespan", manager: str = MANAGER
) -> Finding:
    return _written(run, _validated(run, path, function, manager))


def _validated(run: Run, path: str, function: str, manager: str) -> dict[str, str]:
    source = run.files.read(path).decode()
    changed = code.validated_at_start(source, path=path, function=function, module=dotted(manager))
    return {path: changed}


@effect
async def environment_templates(
    run: Run,
    *,
    manifest: list[Entry],
    staging: str = ".env.example",
    production: str = ".env.production.example",
    manager: str = MANAGER,
    vault_mount: str = VAULT_MOUNT,
    vault_path: str = VAULT_PATH,
) -> None:
    """Take the values out of the example of the environment, and write one for Vault."""
    await _write(
        run, _templates(run, manifest, staging, production, manager, vault_mount, vault_path)
    )


@environment_templates.check
async def _(
    run: Run,
    *,
    manifest: list[Entry],
    staging: str = ".env.example",
    production: str = ".env.production.example",
    manager: str = MANAGER,
    vault_mount: str = VAULT_MOUNT,
    vault_path: str = VAULT_PATH,
) -> Finding:
    return _written(
        run, _templates(run, manifest, staging, production, manager, vault_mount, vault_path)
    )


def _templates(
    run: Run,
    manifest: list[Entry],
    staging: str,
    production: str,
    manager: str,
    vault_mount: str,
    vault_path: str,
) -> dict[str, str]:
    before = run.files.read(staging).decode() if run.files.exists(staging) else ""
    wanted = {
        "manifest": held(manifest),
        "path": manager,
        "vault_mount": vault_mount,
        "vault_path": vault_path,
    }
    return {
        staging: emptied(before, manifest, manager),
        production: render("env.production.example", **wanted),
    }


def emptied(text: str, manifest: list[Entry], manager: str) -> str:
    """An example of the environment without values of secrets; all else stays as it is."""
    lines, said = [], set[str]()
    secrets = {entry.variable: entry for entry in manifest}
    for line in text.splitlines():
        found = re.match(r"\s*(#?)\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", line)
        entry = secrets.get(found[2]) if found else None
        if found and entry:
            said.add(entry.name)
        lines.append(f"{found[1]}{entry.variable}=" if found and entry else line)
    missing = [entry for entry in manifest if entry.name not in said]
    head = f"# Secrets have no value here: {manager} says what they are."
    if head not in lines:
        lines = [head, *lines]
    if missing:
        lines += ["", *(f"#{entry.variable}=" for entry in missing)]
    return "\n".join(lines) + "\n"


@effect
async def migration_guide(
    run: Run, *, manifest: list[Entry], path: str = "SECRETS_MIGRATION.md", manager: str = MANAGER
) -> None:
    """Write how code and operation move from the old way to the new one."""
    await _write(run, _guide(manifest, path, manager))


@migration_guide.check
async def _(
    run: Run, *, manifest: list[Entry], path: str = "SECRETS_MIGRATION.md", manager: str = MANAGER
) -> Finding:
    return _written(run, _guide(manifest, path, manager))


def _guide(manifest: list[Entry], path: str, manager: str) -> dict[str, str]:
    wanted = {"manifest": held(manifest), "path": manager, "module": dotted(manager)}
    return {path: render("migration_guide.md", **wanted)}


def _values(
    manifest: list[Entry], path: str, folder: str, vault_mount: str, vault_path: str
) -> dict[str, Any]:
    return {
        "manifest": held(manifest),
        "module": dotted(path),
        "folder": folder,
        "default_backend": DEFAULT_BACKEND,
        "vault_mount": vault_mount,
        "vault_path": vault_path,
    }


async def _write(run: Run, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        changed = await run.files.write(path, text.encode())
        run.log(f"{path}: {'written' if changed else 'already so'}")


def _written(run: Run, files: Mapping[str, str]) -> Finding:
    """Each edit ends the same from any state in between, so that running it again is right."""
    other = [
        path
        for path, text in files.items()
        if not run.files.exists(path) or run.files.read(path) != text.encode()
    ]
    if not other:
        return run.done(f"{', '.join(files)}: as wanted")
    return run.not_done(f"not as wanted: {', '.join(other)}")

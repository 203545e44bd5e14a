"""How the database server is started: preload, log, TLS, access rules."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

from datetime import timedelta
from typing import Any

from actions import _compose_parts as parts
from actions import _database_cluster as cluster
from actions import _radius
from actions._database_names import Names
from actions._database_server import QUIET, Server
from actions.database import told
from runbook_app.domain.blast import Affected
from runbook_app.domain.errors import ActionError, DatabaseRefused, NotMeasured
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, check, effect
from runbook_app.ports.database import Login

PRELOAD = ["pgaudit"]


@effect
async def configure(
    run: Run,
    *,
    preload: list[str] = PRELOAD,
    folder: str = "database",
    secrets: str = "secrets/database",
    script: str = "pg_audit.sql",
    log_size: str = "10m",
    log_files: int = 5,
) -> None:
    """Set in the Compose file what PostgreSQL is started with, if the image has all of it."""
    account = await cluster.account(run)
    await _present_in_image(run, preload)
    server = await _server(
        run, preload=preload, folder=folder, secrets=secrets, script=script, log_size=log_size,
        log_files=log_files,
    )  # fmt: skip
    for path, content in server.files(account).items():
        await run.files.write(path, content, mode=0o644)
    changed = await run.compose.edit(server.configure)
    run.log(f"{run.compose.file}: {'edited' if changed else 'already so'}")


@configure.check
async def _(run: Run, *, preload: list[str] = PRELOAD, **given: Any) -> Finding:
    server = await _server(run, preload=preload, **given)
    lacks = server.configured(run.compose.document())
    account = await cluster.account(run)
    lacks += [
        path
        for path, content in server.files(account).items()
        if not run.files.exists(path) or run.files.read(path) != content
    ]
    if not lacks:
        return run.done(f"{server.names.service} is started with what the plan says")
    words = parts.command(parts.service(run.compose.document(), server.names.service))
    if "hba_file" not in parts.server_settings(words):
        return run.not_done(f"{run.compose.file} says nothing of it")
    return run.partly(f"not as it should be: {', '.join(lacks[:5])}")


async def _server(
    run: Run,
    *,
    preload: list[str],
    folder: str = "database",
    secrets: str = "secrets/database",
    script: str = "pg_audit.sql",
    log_size: str = "10m",
    log_files: int = 5,
) -> Server:
    names = Names.of(run)
    rows = await run.database.query(
        "SELECT current_setting('shared_preload_libraries') AS loaded", superuser=True
    )
    loaded = [part.strip() for part in str(rows[0][0]).split(",") if part.strip()]
    container = await run.containers.find(names.service)
    given = (container.raw if container else {}).get("Config", {}).get("Cmd") or ["postgres"]
    return Server(
        names=names,
        folder=folder,
        secrets=secrets,
        script=script,
        command=given,
        preload=list(dict.fromkeys([*loaded, *preload])),
        log_size=log_size,
        log_files=log_files,
        mapped=await cluster.account(run) != names.superuser,
    )


async def _present_in_image(run: Run, libraries: list[str]) -> None:
    """Find the extensions' files where the server will look for them.

    Raises:
        ActionError: one is not there, so that the server would not start.
    """
    service = Names.of(run).service
    for library in [*libraries, "pgcrypto"]:
        found = await run.database.query(
            f"SELECT count(*) AS found FROM pg_available_extensions WHERE name = '{library}'",
            superuser=True,
        )
        if not found[0][0]:
            raise ActionError(
                f"The image of {service} has no extension {library}; nothing was changed.",
                hint=f"Install it in the image (Debian: postgresql-15-{library}) and build anew.",
            )
        run.log(f"{library} is present in the image")


@effect
async def restart(run: Run, *, timeout: timedelta = timedelta(minutes=3)) -> None:
    """Announce whom the restart drops, then bring the project to its Compose file."""
    connected = await _radius.clients(run)
    run.output("sessions dropped", len(connected))
    for line in told(connected):
        run.log(f"will be dropped: {line}")
    before = await run.containers.find(run.plan.target.api_service)
    await run.compose.up(timeout=timeout)
    after = await run.containers.find(run.plan.target.api_service)
    if before and after:
        same = before.started_at == after.started_at
        run.output("API", "recovered without a restart" if same else "was made anew")


@restart.check
async def _(run: Run, **_: Any) -> Finding:
    if differences := await run.compose.settled():
        return run.not_done("; ".join(differences))
    rows = await run.database.query("SELECT pg_postmaster_start_time() AS since", superuser=True)
    return run.done(f"the database runs as the Compose file says, since {rows[0][0]}")


@restart.blast_radius
async def _(run: Run, *, timeout: timedelta = timedelta(minutes=3)) -> list[Affected]:
    return await _radius.stack(run, timeout)


@check
async def hardened(run: Run, *, certificates: str = "database/certs") -> None:
    """Hold the running server to TLS, SCRAM, connection logging, and a log without statements."""
    rows = await run.database.query("SELECT name, setting FROM pg_settings", superuser=True)
    now = dict(rows)
    wanted = {
        **QUIET,
        "ssl": "on",
        "password_encryption": "scram-sha-256",
        "log_connections": "on",
        "log_disconnections": "on",
    }
    for name, value in wanted.items():
        run.equals(name, now.get(name, "unknown"), value)
    prefix = now.get("log_line_prefix", "")
    said = all(part in prefix for part in ("%u", "%d", "%m")) and ("%h" in prefix or "%r" in prefix)
    run.require("log prefix has user, database, client and time", said, prefix)
    rules = await run.database.query(
        "SELECT auth_method, count(*) FROM pg_hba_file_rules GROUP BY 1 ORDER BY 1", superuser=True
    )
    methods = dict(rows for rows in rules)
    run.require("nobody is trusted without a password", "trust" not in methods, str(methods))
    await tls_required(run, certificates)
    await _rotated(run)


async def tls_required(run: Run, certificates: str) -> None:
    """Find connections without TLS refused, by a probe that does get in with it."""
    ca = run.files.path(f"{certificates}/ca.pem")
    state = await run.database.query(
        "SELECT version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        login=Login(tls="verify-full", ca=ca),
    )
    run.measure("TLS to the database", f"{state[0][0]} {state[0][1]}, chain and name verified")
    try:
        await run.database.query("SELECT 1 AS one", login=Login(tls="disable"))
    except DatabaseRefused as error:
        refused = "no encryption" in error.message or "pg_hba.conf" in error.message
        if not refused:
            raise NotMeasured(f"Without TLS: {error.message}") from error
        run.require("without TLS nobody gets in", True, error.message)
    else:
        run.require("without TLS nobody gets in", False, "let in")


async def _rotated(run: Run) -> None:
    info = await run.containers.find(Names.of(run).service)
    config = (info.raw if info else {}).get("HostConfig", {}).get("LogConfig", {})
    size = config.get("Config", {}).get("max-size", "")
    run.require("the container's log is rotated", bool(size), size or "no limit")

"""Single properties of the database server, each measured by itself."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

from actions import _database_sql as sql
from actions import _stack
from actions._database_names import Names
from actions._database_trail import attached
from actions.database_server import tls_required as _tls_required
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run, check

CLASSES = ["ddl", "role", "write"]
WEAK_METHODS = ("trust", "password", "md5", "ident")


@check
async def settings(
    run: Run, *, values: dict[str, str], contain: dict[str, list[str]] | None = None
) -> None:
    """Hold settings of the running server to values, or to the words that they must contain."""
    rows = await run.database.query("SELECT name, setting FROM pg_settings", superuser=True)
    now = {str(name): str(value) for name, value in rows}
    for name, wanted in values.items():
        run.equals(name, now.get(name, "unknown"), wanted)
    for name, parts in (contain or {}).items():
        found = now.get(name, "")
        lacks = [part for part in parts if part not in found]
        run.require(f"{name} has {', '.join(parts)}", not lacks, found or "nothing")


@check
async def tls_required(run: Run, *, certificates: str = "database/certs") -> None:
    """Find the chain and the name of the database's certificate verified, and no way in without
    TLS, by a probe that does get in with it."""
    if not run.files.exists(f"{certificates}/ca.pem"):
        run.require("the database has a certificate", False, f"no {certificates}/ca.pem")
        return
    await _tls_required(run, certificates)


@check
async def clients_encrypted(
    run: Run, *, port: int, health: str = "/health", ca: str = "certs/ca.pem"
) -> None:
    """Find every connection of the application to the database encrypted, while there is one."""
    url, authority = await _stack.outside(run, port=port, ca=ca)
    await run.http.request("GET", f"{url}{health}", ca=authority)
    names = Names.of(run)
    rows = await run.database.query(
        f"""SELECT coalesce(s.version, 'none') AS version, count(*) AS connections
            FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
            WHERE a.usename = {sql.text(names.application)} AND a.client_addr IS NOT NULL
              AND host(a.client_addr) NOT IN ('127.0.0.1', '::1')
            GROUP BY 1 ORDER BY 1""",
        superuser=True,
    )
    found = {str(version): int(count) for version, count in rows}
    if not found:
        raise NotMeasured(
            "The application has no connection to the database, so nothing can be said of it.",
            hint="Check that the API runs.",
        )
    run.measure("connections", ", ".join(f"{count} by {how}" for how, count in found.items()))
    plain = found.get("none", 0)
    run.equals("connections without TLS", plain, 0)


@check
async def scram_only(run: Run) -> None:
    """Find every password kept as a SCRAM verifier, and no rule that lets in with less."""
    rows = await run.database.query(
        "SELECT rolname, left(rolpassword, 14) AS kind FROM pg_authid"
        " WHERE rolcanlogin AND rolpassword IS NOT NULL ORDER BY 1",
        superuser=True,
    )
    weak = [str(role) for role, kind in rows if kind != "SCRAM-SHA-256$"]
    run.measure("roles with a password", len(rows), at_least=1)
    run.require("every password is a SCRAM verifier", not weak, ", ".join(weak) or "all of them")
    rules = await run.database.query(
        "SELECT type, auth_method, count(*) AS rules FROM pg_hba_file_rules"
        " GROUP BY 1, 2 ORDER BY 1, 2",
        superuser=True,
    )
    if not rules:
        raise NotMeasured("The server tells no access rules.")
    open_ = [f"{kind} {how} ({count})" for kind, how, count in rules if how in WEAK_METHODS]
    run.require("no rule lets in with less", not open_, ", ".join(open_) or "none")


@check
async def public_closed(run: Run) -> None:
    """Find nothing that everybody may create in, or connect to, in the application's database."""
    database = sql.text(Names.of(run).database)
    rows = await run.database.query(
        f"""SELECT 'create in the schema ' || nspname AS right FROM pg_namespace n,
                LATERAL aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a
            WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
              AND a.grantee = 0 AND a.privilege_type = 'CREATE'
            UNION ALL
            SELECT lower(a.privilege_type) || ' on the database' FROM pg_database,
                LATERAL aclexplode(coalesce(datacl, acldefault('d', datdba))) a
            WHERE datname = {database} AND a.grantee = 0
            UNION ALL
            SELECT lower(a.privilege_type) || ' on the table ' || relname FROM pg_class c
                JOIN pg_namespace n ON n.oid = relnamespace,
                LATERAL aclexplode(coalesce(relacl, acldefault('r', relowner))) a
            WHERE relkind IN ('r', 'p', 'v') AND nspname !~ '^pg_'
              AND nspname <> 'information_schema' AND a.grantee = 0""",
        superuser=True,
    )
    rights = [str(right) for (right,) in rows]
    run.require("everybody may do nothing", not rights, ", ".join(rights) or "nothing")


@check
async def columns_sealed(
    run: Run, *, columns: dict[str, list[str]], control: str, schema: str = "public"
) -> None:
    """Find no value of the sensitive columns in plain text; the values of `control` are."""
    table, _, column = control.partition(".")
    if not (await _plain(run, schema, table, column))[1]:
        raise NotMeasured(f"{control} holds no plain value, though it is not encrypted.")
    run.measure("control", f"values of {control} are counted as plain text")
    for table, names in columns.items():
        for name in names:
            present, plain = await _plain(run, schema, table, name)
            run.equals(f"{table}.{name} in plain text, of {present}", plain, 0, "rows")


async def _plain(run: Run, schema: str, table: str, column: str) -> tuple[int, int]:
    quoted = sql.name(column)
    rows = await run.database.query(
        f"SELECT count({quoted}) AS present, count({quoted}) FILTER (WHERE left({quoted}::text, 4)"
        f" <> 'enc:') AS plain FROM {sql.name(schema)}.{sql.name(table)}",
        superuser=True,
    )
    return int(rows[0][0]), int(rows[0][1])


@check
async def audit_configured(run: Run, *, classes: list[str] = CLASSES) -> None:
    """Find pgaudit loaded at the server's start, installed, and told to log these classes."""
    rows = await run.database.query(
        "SELECT current_setting('shared_preload_libraries') AS loaded,"
        " coalesce(current_setting('pgaudit.log', true), '') AS classes,"
        " (SELECT count(*) FROM pg_extension WHERE extname = 'pgaudit') AS installed",
        superuser=True,
    )
    loaded, told, installed = rows[0]
    libraries = [part.strip() for part in str(loaded).split(",")]
    run.require("pgaudit loaded at start", "pgaudit" in libraries, str(loaded) or "nothing")
    run.equals("pgaudit installed", int(installed), 1)
    logged = {part.strip().lower() for part in str(told).split(",")}
    lacks = sorted(set(classes) - logged) if "all" not in logged else []
    run.require(f"logs {', '.join(classes)}", not lacks, str(told) or "nothing")


@check
async def audit_triggers(run: Run, *, tables: list[str], schema: str = "public") -> None:
    """Find triggers for rows and for truncation on each table, which nothing switches off."""
    for table in tables:
        lacks = await attached(run, schema, table)
        run.require(f"{table} is audited, always", not lacks, lacks or "rows and truncation")

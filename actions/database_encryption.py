"""Encrypted columns: the application's part, and that nothing of them is readable elsewhere."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

import secrets as random_
import uuid
from typing import Any

from actions import _database_cluster as cluster
from actions import _database_code as code
from actions import _database_sql as sql
from actions import _radius
from actions._database_access import SECRETS
from actions._database_leaks import Leaks
from actions._database_names import COLUMN_KEY, SETTING, Names
from actions._secrets_present import named
from runbook_app.domain.blast import Affected
from runbook_app.domain.errors import DatabaseRefused, NotMeasured
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, check, effect, probe

FOLDER = "secrets/api"
AES_256 = "c30d0409"
"""How a message of pgp_sym_encrypt begins when its cipher is AES-256."""
SAMPLES = 5
SHORTEST = 6
"""Letters of a value that is looked for in files."""


@effect
async def application(
    run: Run,
    *,
    columns: dict[str, list[str]],
    models: str = "src/db/models.py",
    module: str = "src/db/encryption.py",
    config: str = "src/core/config.py",
    test: str = "",
    fixture: str = "",
    schema: str = "public",
) -> None:
    """Let the application's models read encrypted columns, and its settings their secrets' files.

    It runs with that from its next start. `test` is a file for tests of it in the target's own
    suite, which use the `fixture` of that name.
    """
    for path, text in _sources(run, columns, models, module, config, test, fixture, schema).items():
        changed = await run.files.write(path, text.encode())
        run.log(f"{path}: {'written' if changed else 'already so'}")


@application.check
async def _(
    run: Run,
    *,
    columns: dict[str, list[str]],
    models: str = "src/db/models.py",
    module: str = "src/db/encryption.py",
    config: str = "src/core/config.py",
    test: str = "",
    fixture: str = "",
    schema: str = "public",
) -> Finding:
    wanted = _sources(run, columns, models, module, config, test, fixture, schema)
    other = [
        path
        for path, text in wanted.items()
        if not run.files.exists(path) or run.files.read(path) != text.encode()
    ]
    if not other:
        return run.done(f"{', '.join(wanted)} are as wanted")
    if len(other) == len(wanted):
        return run.not_done("the source is as it was")
    return run.partly(f"not as wanted: {', '.join(other)}")


def _sources(
    run: Run,
    columns: dict[str, list[str]],
    models: str,
    module: str,
    config: str,
    test: str,
    fixture: str,
    schema: str,
) -> dict[str, str]:
    key_file = f"{SECRETS}/{COLUMN_KEY}"
    encryption = sql.render(
        "encryption.py",
        key_file=key_file,
        schema=schema,
        schema_prefix="" if schema == "public" else f"{schema}.",
        setting=SETTING,
    )
    mapped = run.files.read(models).decode()
    for table, names in columns.items():
        mapped = code.seal_columns(
            mapped, path=models, table=table, columns=names, module=_dotted(module)
        )
    found = {module: encryption, models: mapped}
    if config:
        settings = run.files.read(config).decode()
        found[config] = code.with_argument(
            settings,
            path=config,
            call="SettingsConfigDict",
            argument="secrets_dir",
            value=f'"{SECRETS}"',
        )
    if test:
        table, names = next(iter(columns.items()))
        found[test] = sql.render(
            "test_encryption.py",
            models_module=_dotted(models),
            model=code.model_name(mapped, path=models, table=table),
            fixture=fixture,
            table=table,
            columns=str(names).replace("'", '"'),
            first=names[0],
            setting=SETTING,
        )
    return found


def _dotted(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


@effect
async def purge_plaintext(
    run: Run, *, columns: dict[str, list[str]], schema: str = "public"
) -> None:
    """Write the tables anew, with the server's statistics and its log of changes, so that nothing
    of the plain text is left in the database's files."""
    tables = "\n".join(f"VACUUM (FULL, ANALYZE) {schema}.{table};" for table in columns)
    away = "SELECT pg_switch_wal();\nCHECKPOINT;\n"
    await run.database.superuser(
        f"{tables}\nVACUUM (FULL) pg_catalog.pg_statistic;\n{away}{away}", transaction=False
    )


@purge_plaintext.check
async def _(run: Run, *, columns: dict[str, list[str]], schema: str = "public") -> Finding:
    values = await _plain_values(run, columns, schema)
    files = await cluster.files_with(run, *values) if values else []
    if files:
        return run.not_done(f"plain text is still in {', '.join(files[:5])}")
    return run.done(f"none of {len(values)} values is in any file of the database")


@purge_plaintext.blast_radius
async def _(run: Run, *, columns: dict[str, list[str]], schema: str = "public") -> list[Affected]:
    return await _radius.tables(run, schema, columns, "is locked and written anew")


@check
async def absent_on_disk(
    run: Run,
    *,
    columns: dict[str, list[str]],
    control: str,
    schema: str = "public",
    baseline: bool = False,
) -> None:
    """Look for encrypted values in the database's files, write-ahead log included, and find none.

    `control` is a column, `table.column`, that is not encrypted: its values have to be found.
    A `baseline` is taken before encryption, and finds them.
    """
    table, _, column = control.partition(".")
    rows = await run.database.query(
        f"SELECT {sql.name(column)}::text FROM {schema}.{sql.name(table)} "
        f"ORDER BY 1 LIMIT {SAMPLES}"
    )
    shown = [str(value) for (value,) in rows]
    if not shown or not await cluster.files_with(run, *shown):
        raise NotMeasured(
            f"The values of {control} are not found in the database's files either.",
            hint="They may not have been written there yet: run CHECKPOINT, then try again.",
        )
    run.measure("control", f"values of {control} are found")
    values = await (_stored if baseline else _plain_values)(run, columns, schema)
    if not values:
        raise NotMeasured("There is no value to look for.", hint="The tables are empty.")
    files = await cluster.files_with(run, *values)
    run.measure("values looked for", len(values))
    if baseline:
        run.measure("files with plain text", len(files))
        return
    run.equals("files with plain text", len(files), 0)


async def _stored(run: Run, columns: dict[str, list[str]], schema: str) -> list[str]:
    found: list[str] = []
    for table, names in columns.items():
        for name in names:
            rows = await run.database.query(
                f"SELECT {name} FROM {schema}.{table} WHERE {name} IS NOT NULL LIMIT {SAMPLES}"
            )
            found += [str(value) for (value,) in rows]
    return telling(found)


async def _plain_values(run: Run, columns: dict[str, list[str]], schema: str) -> list[str]:
    """Some values, decrypted; the key is bound as a parameter."""
    found: list[str] = []
    for table, names in columns.items():
        for name in names:
            some = await revealed(
                run, schema, table, name, await key(run), "plain", f"LIMIT {SAMPLES}"
            )
            found += [str(value) for (value,) in some]
    return telling(found)


def telling(values: list[str]) -> list[str]:
    """Those that are long enough to be found by accident nowhere."""
    return [value for value in values if len(value) >= SHORTEST]


async def revealed(
    run: Run, schema: str, table: str, column: str, with_key: str, what: str, limit: str = ""
) -> list[tuple[Any, ...]]:
    """Ask for something of a column's values, decrypted as `plain`."""
    return list(
        await run.database.query(
            f"WITH given AS MATERIALIZED (SELECT set_config('{SETTING}', %s, true) AS key),"
            f" chosen AS MATERIALIZED (SELECT t.{column} AS token FROM given, {schema}.{table} t"
            f" WHERE given.key <> '' AND t.{column} IS NOT NULL {limit})"
            f" SELECT {what} FROM (SELECT {schema}.reveal(token) AS plain FROM chosen) AS found",
            [with_key],
        )
    )


async def key(run: Run) -> str:
    found = await named(run, [COLUMN_KEY], FOLDER)
    if COLUMN_KEY not in found:
        raise NotMeasured(
            f"There is no {FOLDER}/{COLUMN_KEY}, and the application does not know it: nothing can"
            " be decrypted.",
            hint="The columns are not encrypted yet, or the application does not run.",
        )
    return found[COLUMN_KEY]


@check
async def works(run: Run, *, columns: dict[str, list[str]], schema: str = "public") -> None:
    """Encrypt and decrypt, find a wrong key refused, and every stored value sealed and readable."""
    right, wrong = await key(run), random_.token_hex(32)
    rows = await run.database.query(
        "SELECT pgp_sym_decrypt(pgp_sym_encrypt(%s, %s, 'cipher-algo=aes256'), %s)",
        ["a value", right, right],
    )
    run.equals("round trip", str(rows[0][0]), "a value")
    for table, names in columns.items():
        for name in names:
            await _column(run, schema, table, name, right, wrong)
    ciphers = await run.database.query(
        "SELECT left(encode(ciphertext, 'hex'), 8) AS cipher, count(*) "
        f"FROM {schema}.encrypted_data GROUP BY 1",
        superuser=True,
    )
    others = {cipher: count for cipher, count in ciphers if cipher != AES_256}
    run.require("every stored value is AES-256", bool(ciphers) and not others, str(dict(ciphers)))


async def _column(run: Run, schema: str, table: str, column: str, right: str, wrong: str) -> None:
    where = f"{table}.{column}"
    counted = await run.database.query(
        f"SELECT count({column}), count({column}) FILTER (WHERE left({column}, 4) <> 'enc:')"
        f" FROM {schema}.{table}"
    )
    present, plain = counted[0]
    run.equals(f"{where} in plain text", plain, 0, "rows")
    readable = await revealed(run, schema, table, column, right, "count(plain)")
    run.equals(f"{where} readable with the key", readable[0][0], present, "rows")
    if not present:
        return
    try:
        await revealed(run, schema, table, column, wrong, "count(plain)", "LIMIT 1")
    except DatabaseRefused as error:
        run.require(f"{where}: wrong key refused", "Wrong key" in error.message, error.message)
    else:
        run.require(f"{where}: wrong key refused", False, "it was let through")


@probe
async def leaks(run: Run) -> None:
    """Use plain text and key in every way, and find neither where somebody else could read it.

    As bound parameters and as literals, in statements that succeed and fail: in the server's log
    with pgaudit's lines, in pg_stat_activity and in the audit trail. Each place is shown to be
    readable by this probe first.
    """
    matrix = Leaks(
        run=run,
        owner=await Names.of(run).as_owner(run, FOLDER),
        table=f"runbook_probe_{uuid.uuid4().hex[:12]}",
    )
    await matrix.controls()
    for way in ("bound", "literal"):
        await matrix.try_way(way)
    await matrix.judge_log()

"""Which statements a dry run may send to the server."""

from __future__ import annotations

import pytest

from runbook_app.adapters.foresight.sql import (
    settings_in,
    unknown_calls,
    why_not_certain,
    without_texts,
)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "  select count(*) AS n from public.users where name = 'drop table; --' ;",
        "SHOW shared_preload_libraries",
        "TABLE users",
        "VALUES (1, 'update')",
        "WITH a AS (SELECT 1 AS x) SELECT coalesce(x, 0)::text FROM a WHERE x IN (1, 2)",
        "SELECT E'it\\'s; DELETE' || $$INSERT$$ || $tag$ $$ $tag$",
        'SELECT "update" FROM "delete" -- DROP\n /* CALL x() */',
        "SELECT t.set, s.update FROM pg_settings s, t",
        "SELECT a.x FROM unnest(ARRAY[1]) AS a(x)",
        "SELECT set_config('app.key', %s, true)",
        "SELECT has_table_privilege('x', 'SELECT'), pg_get_userbyid(1), c.oid::varchar(10) FROM c",
        "SELECT sum(n) FILTER (WHERE n > 1) OVER (PARTITION BY m ORDER BY n) FROM t LIMIT (1)",
        "SELECT pg_catalog.version()",
    ],
)
def test_a_query_is_certain_to_read(sql: str) -> None:
    assert why_not_certain(sql) == ""


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("", "is no query"),
        ("-- SELECT 1", "is no query"),
        ("UPDATE users SET a = 1", "is no query"),
        ("EXPLAIN ANALYZE DELETE FROM users", "is no query"),
        ("COPY users TO PROGRAM 'sh'", "is no query"),
        ("DO $$ BEGIN END $$", "is no query"),
        ("SELECT 1; DROP TABLE users", "has ';' in it"),
        ("SELECT 1 \\! rm -rf /", "has '\\\\' in it"),
        ("SELECT 'open", 'has "\'" in it'),
        ("WITH gone AS (DELETE FROM users RETURNING 1) SELECT * FROM gone", "the word DELETE"),
        ("WITH x AS (INSERT INTO a VALUES (1) RETURNING 1) TABLE x", "the word INSERT"),
        ("SELECT * INTO copy FROM users", "the word INTO"),
        ("SELECT * FROM users FOR UPDATE", "the word UPDATE"),
        ("SELECT * FROM users FOR SHARE", "the word SHARE"),
        ("SELECT pg_terminate_backend(1)", "calls pg_terminate_backend"),
        ("SELECT pg_switch_wal ()", "calls pg_switch_wal"),
        ("SELECT nextval('s')", "calls nextval"),
        ("SELECT pg_advisory_lock(1)", "calls pg_advisory_lock"),
        ("SELECT set_config('transaction_read_only', 'off', false)", "calls set_config"),
        ("SELECT set_config(name, 'off', false) FROM pg_settings", "calls set_config"),
        ("SELECT app.count(1)", "calls count"),
        ('SELECT "count"(1)', 'calls "count"'),
        ("SELECT anything(1)", "calls anything"),
    ],
)
def test_all_else_is_not_and_says_why(sql: str, why: str) -> None:
    assert why in why_not_certain(sql)


def test_functions_that_the_server_is_asked_about() -> None:
    sql = "SELECT count(*), app.reveal(x), other(1) FROM t"
    assert unknown_calls(sql) == {"reveal", "other"}
    assert why_not_certain(sql, reading=frozenset({"reveal"})) == "calls other"
    assert why_not_certain(sql, reading=frozenset({"reveal", "other"})) == ""


def test_settings_of_server_role_and_database() -> None:
    script = """ALTER SYSTEM SET log_connections = on;
    alter role app set statement_timeout to '5s'; ALTER DATABASE shop RESET work_mem;
    ALTER ROLE app NOLOGIN;"""
    assert [*settings_in(script)] == [
        ("log_connections", "is set to on"),
        ("statement_timeout of role app", "is set to '5s'"),
        ("work_mem of database shop", "is reset"),
    ]


def test_a_secret_script_is_shown_without_its_texts() -> None:
    script = "ALTER ROLE a PASSWORD 'SCRAM'; SELECT E'\\'x', $q$y$q$;"
    shown = without_texts(script)
    assert shown.startswith("ALTER ROLE a PASSWORD '[secret]'; SELECT '[secret]', ")
    assert not {"SCRAM", "x", "y"} & set(shown.replace("'", " ").split())

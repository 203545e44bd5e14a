"""Single properties of the database: what the server tells, sound and weak.

The same weaknesses are put into a real server in `tests/real/database/test_score.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

from actions import database_measures as measures
from actions import logs
from runbook_app.domain.errors import NotMeasured
from runbook_app.testing.network import response

from .database_target import database_target


async def test_a_setting_that_is_another_fails(tmp_path) -> None:
    rows = [("log_connections", "off"), ("log_line_prefix", "%m [%p] ")]
    target = database_target(tmp_path, {"pg_settings": rows})
    wanted = {"values": {"log_connections": "on"}, "contain": {"log_line_prefix": ["%m", "%u"]}}
    assert await target.measure(measures.settings, **wanted) == [
        "log_connections",
        "log_line_prefix has %m, %u",
    ]
    sound = [("log_connections", "on"), ("log_line_prefix", "%m [%p] user=%u ")]
    target.database.on_query = lambda _: sound
    assert await target.measure(measures.settings, **wanted) == []


async def test_a_setting_that_is_not_there_fails(tmp_path) -> None:
    target = database_target(tmp_path, {"pg_settings": [("a", "b")]})
    assert await target.measure(measures.settings, values={"pgaudit.log": "ddl"}) == ["pgaudit.log"]


@pytest.mark.parametrize(
    ("rows", "failed"),
    [
        ([("TLSv1.3", 2)], []),
        ([("TLSv1.3", 2), ("none", 1)], ["connections without TLS"]),
    ],
)
async def test_a_plain_connection_of_the_application_fails(tmp_path, rows, failed) -> None:
    target = database_target(tmp_path, {"pg_stat_ssl": rows})
    target.http.on_request = lambda *_: response(200)
    assert await target.measure(measures.clients_encrypted, port=1) == failed


async def test_without_a_connection_nothing_is_measured(tmp_path) -> None:
    target = database_target(tmp_path, {})
    target.http.on_request = lambda *_: response(200)
    with pytest.raises(NotMeasured, match="no connection"):
        await target.measure(measures.clients_encrypted, port=1)


async def test_a_database_without_a_certificate_fails(tmp_path) -> None:
    target = database_target(tmp_path, {})
    assert await target.measure(measures.tls_required) == ["the database has a certificate"]


@pytest.mark.parametrize(
    ("kind", "method", "failed"),
    [
        ("SCRAM-SHA-256$", "scram-sha-256", []),
        ("md5", "scram-sha-256", ["every password is a SCRAM verifier"]),
        ("SCRAM-SHA-256$", "trust", ["no rule lets in with less"]),
        ("SCRAM-SHA-256$", "md5", ["no rule lets in with less"]),
    ],
)
async def test_weaker_passwords_and_rules_fail(tmp_path, kind, method, failed) -> None:
    answers = {"pg_authid": [("accounts", kind)], "pg_hba": [("host", method, 1)]}
    target = database_target(tmp_path, answers)
    assert await target.measure(measures.scram_only) == failed


async def test_a_right_of_everybody_fails(tmp_path) -> None:
    target = database_target(tmp_path, {"aclexplode": [("connect on the database",)]})
    assert await target.measure(measures.public_closed) == ["everybody may do nothing"]
    target.database.on_query = lambda _: []
    assert await target.measure(measures.public_closed) == []


@pytest.mark.parametrize("plain", [0, 3])
async def test_plain_values_fail_beside_a_column_that_is_plain(tmp_path, plain) -> None:
    answers = {'"email"': [(5, 5)], '"phone"': [(5, plain)]}
    target = database_target(tmp_path, answers)
    wanted: dict[str, Any] = {"columns": {"customers": ["phone"]}, "control": "customers.email"}
    failed = await target.measure(measures.columns_sealed, **wanted)
    assert failed == (["customers.phone in plain text, of 5"] if plain else [])


async def test_a_control_without_plain_values_measures_nothing(tmp_path) -> None:
    target = database_target(tmp_path, {'"email"': [(0, 0)]})
    with pytest.raises(NotMeasured, match="no plain value"):
        await target.measure(measures.columns_sealed, columns={}, control="customers.email")


@pytest.mark.parametrize(
    ("row", "failed"),
    [
        (("pgaudit", "ddl,role,write", 1), []),
        (("pgaudit", "all", 1), []),
        (("", "ddl,role,write", 1), ["pgaudit loaded at start"]),
        (("pgaudit", "ddl", 1), ["logs ddl, role, write"]),
        (("pgaudit", "none", 0), ["pgaudit installed", "logs ddl, role, write"]),
    ],
)
async def test_an_audit_that_is_off_fails(tmp_path, row, failed) -> None:
    target = database_target(tmp_path, {"shared_preload_libraries": [row]})
    assert await target.measure(measures.audit_configured) == failed


async def test_a_table_without_a_trigger_fails(tmp_path) -> None:
    sound = [("audit_rows", "A", 29), ("audit_truncate", "A", 32)]
    target = database_target(tmp_path, {"pg_trigger": sound})
    assert await target.measure(measures.audit_triggers, tables=["users"]) == []
    target.database.on_query = lambda _: sound[:1]
    assert await target.measure(measures.audit_triggers, tables=["users"]) == [
        "users is audited, always"
    ]


@pytest.mark.parametrize(
    ("driver", "options", "fails"),
    [
        ("json-file", {"max-size": "10m"}, False),
        ("local", {}, False),
        ("json-file", {}, True),
    ],
)
async def test_a_log_without_a_bound_fails(tmp_path, driver, options, fails) -> None:
    target = database_target(tmp_path, {})
    for info in target.containers.running.values():
        info.raw["HostConfig"] = {"LogConfig": {"Type": driver, "Config": options}}  # type: ignore[index]  # a plain dict of the fake
    failed = await target.measure(logs.rotated)
    assert bool(failed) == fails

"""Checks of the score whose weakness no other module puts back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from actions import database, logs
from actions._stack import ORDER
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.capabilities import ExecResult
from runbook_app.testing.capabilities import container, result
from runbook_app.testing.run import FakeTarget

from .database_target import database_target

SOUND = {
    "request_id": "",
    "status": 200,
    "actor": "user:1",
    "client": "10.0.0.9",
    "method": "GET",
    "path": "/",
    "duration_ms": 1.2,
    "time": "2025-10-24T08:00:00Z",
}


def serving(target: FakeTarget, line: dict[str, Any], *, returned: bool = True) -> None:
    """Let requests be answered, and logged as the line says."""
    marks: list[str] = []

    def execute(_: str, __: Sequence[str], ___: bytes) -> ExecResult:
        return result(json.dumps({"right": "head.body.signature"}))

    def visit(_: str, __: Sequence[str], environment: Mapping[str, str]) -> ExecResult:
        order = json.loads(environment[ORDER])
        marks.append(order["requests"][0]["headers"]["X-Request-ID"])
        headers = [["X-Request-ID", marks[-1]]] if returned else []
        return result(json.dumps({"answers": [{"status": 200, "headers": headers}]}))

    def said(_: str) -> bytes:
        told = {**line, "request_id": marks[-1]} if "request_id" in line else line
        return f"starting\n{json.dumps(told)}\n".encode()

    target.containers.running["api"] = container("api")
    target.containers.on_execute = execute
    target.containers.on_run_once = visit
    target.containers.on_logs = said


async def test_a_whole_request_log_passes(target: FakeTarget) -> None:
    serving(target, SOUND)
    assert await target.measure(logs.requests, path="/") == []


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({"actor": None}, "actor"),
        ({"status": 500}, "status"),
        ({"client": None}, "the line has client"),
        ({"query": "token=head.body.signature"}, "the token is not in the log"),
    ],
)
async def test_a_request_log_that_lacks_something_fails(
    target: FakeTarget, change: dict[str, Any], failed: str
) -> None:
    serving(target, {**SOUND, **change})
    assert await target.measure(logs.requests, path="/") == [failed]


@pytest.mark.usefixtures("without_pauses")
async def test_a_request_that_is_not_logged_fails(target: FakeTarget) -> None:
    serving(target, {name: value for name, value in SOUND.items() if name != "request_id"})
    assert "a line with the request's id" in await target.measure(logs.requests, path="/")


async def test_an_id_that_the_client_does_not_get_fails(target: FakeTarget) -> None:
    serving(target, SOUND, returned=False)
    assert await target.measure(logs.requests, path="/") == ["id on the answer"]


async def test_a_backup_that_restores_as_another_fails(tmp_path) -> None:
    target = database_target(tmp_path, {})
    with pytest.raises(NotMeasured, match="no backup"):
        await target.measure(database.backup_restorable)
    await target.database.backup("checkpoint")
    assert await target.measure(database.backup_restorable) == []
    assert "pg_switch_wal" in target.history.changes[-1]
    target.database.differences.append("users: 2 rows, were 3")
    assert "restored as it was backed up" in await target.measure(database.backup_restorable)

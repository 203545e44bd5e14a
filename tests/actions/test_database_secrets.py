"""The column key and the migrations' password, as files."""

from __future__ import annotations

import os

import pytest

from actions import database_roles
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Progress
from runbook_app.testing.run import FakeTarget

FILES = [
    "secrets/api/column_key",
    "secrets/api/db_migration_password",
    "secrets/database/migration_verifier",
]
MINE = {"application_uid": os.geteuid(), "server_uid": os.geteuid()}


async def make(target: FakeTarget) -> None:
    await target.apply(database_roles.secrets, **MINE)


async def test_each_secret_is_0600_and_belongs_to_its_container(target):
    await make(target)
    states = [target.files.state(path) for path in FILES]
    assert [state.mode for state in states if state] == [0o600] * 3
    assert database_roles.secrets.checker is not None
    finding = await database_roles.secrets.checker(target.run, **MINE)
    assert finding.progress is Progress.DONE


async def test_the_verifier_is_not_the_password(target):
    await make(target)
    password, verifier = (target.files.read(path).decode() for path in FILES[1:])
    assert verifier.startswith("SCRAM-SHA-256$")
    assert password not in verifier


async def test_a_key_that_is_there_is_kept(target):
    await target.files.write(FILES[0], b"the only key", mode=0o644)
    await make(target)
    assert target.files.read(FILES[0]) == b"the only key"
    state = target.files.state(FILES[0])
    assert state is not None
    assert state.mode == 0o600


async def test_secrets_are_registered_before_anything_can_log_them(target):
    await make(target)
    known = set(target.secrets.registered.values())
    assert {target.files.read(path).decode() for path in FILES} <= known


async def test_git_ignores_the_files_before_they_are_there(target):
    await make(target)
    lines = target.history.lines
    ignored = next(n for n, line in enumerate(lines) if line.startswith("write .gitignore"))
    first = next(n for n, line in enumerate(lines) if line.startswith("write secrets/"))
    assert ignored < first


async def test_who_may_not_give_files_away_makes_none(target, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ActionError, match="only root"):
        await target.apply(database_roles.secrets)
    assert target.history.changes == []

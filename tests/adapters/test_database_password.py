"""Where the plan's account finds its password: the first of several places that is there."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from collections.abc import Sequence

import pytest

from runbook_app.adapters.database_password import Passwords
from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import ExecResult
from runbook_app.testing.capabilities import container

BOTH = "file:secrets/db or environment:POSTGRES_PASSWORD"
IN_FILE, IN_ENVIRONMENT, TOLD = (secrets.token_hex(8) for _ in range(3))
COMMAND = "command:api:tell 'a value'"


def password(root, places: str, *, told: ExecResult | None = None, **environment: str) -> str:
    async def execute(service: str, argv: Sequence[str]) -> ExecResult:
        assert (service, argv) == ("api", ["tell", "a value"])
        assert told is not None
        return told

    there = dataclasses.replace(container("db"), environment=environment)
    return asyncio.run(Passwords(places, root, execute).find(there))


def test_the_file_comes_first_once_it_is_there_and_the_environment_serves_until_then(tmp_path):
    assert password(tmp_path, BOTH, POSTGRES_PASSWORD=IN_ENVIRONMENT) == IN_ENVIRONMENT
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/db").write_text(f"{IN_FILE}\n")
    assert password(tmp_path, BOTH, POSTGRES_PASSWORD=IN_ENVIRONMENT) == IN_FILE
    assert password(tmp_path, BOTH) == IN_FILE


def test_a_variable_that_is_gone_leads_on_to_the_next_place(tmp_path):
    (tmp_path / "db").write_text(IN_FILE)
    assert password(tmp_path, "environment:GONE or file:db") == IN_FILE
    assert password(tmp_path, "", POSTGRES_PASSWORD=IN_ENVIRONMENT) == IN_ENVIRONMENT


def test_a_last_place_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ActionError, match="can't be read from none"):
        password(tmp_path, "environment:GONE or file:none")


def test_a_command_is_asked_where_no_place_before_it_has_one(tmp_path):
    places = f"{BOTH} or {COMMAND}"
    told = ExecResult(exit_code=0, stdout=f"{TOLD}\n".encode(), stderr=b"")
    assert password(tmp_path, places, told=told) == TOLD
    assert password(tmp_path, places, POSTGRES_PASSWORD=IN_ENVIRONMENT) == IN_ENVIRONMENT


@pytest.mark.parametrize(("code", "stdout"), [(1, TOLD), (0, "\n")], ids=["fails", "silent"])
def test_a_command_that_fails_or_is_silent_is_named_without_what_it_wrote(tmp_path, code, stdout):
    told = ExecResult(exit_code=code, stdout=stdout.encode(), stderr=TOLD.encode())
    with pytest.raises(ActionError, match="command in api") as failure:
        password(tmp_path, COMMAND, told=told)
    assert TOLD not in f"{failure.value} {failure.value.hint}"

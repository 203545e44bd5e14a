"""Where the plan's account finds its password: the first of several places that is there."""

from __future__ import annotations

import dataclasses
import secrets
from typing import Any

import pytest

from runbook_app.adapters.database import PostgresDatabase
from runbook_app.domain.errors import ActionError
from runbook_app.domain.plan import Database
from runbook_app.testing.capabilities import container

BOTH = "file:secrets/db or environment:POSTGRES_PASSWORD"
IN_FILE, IN_ENVIRONMENT = secrets.token_hex(8), secrets.token_hex(8)


def password(root, places: str, **environment: str) -> str:
    nothing: Any = None
    settings = Database(service="db", password_from=places)
    database = PostgresDatabase(settings, nothing, root, nothing, backups=nothing, copies=nothing)
    return database._password(dataclasses.replace(container("db"), environment=environment))


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

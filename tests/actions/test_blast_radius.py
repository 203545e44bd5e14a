"""Each shipped action whose effect others notice tells whom, from what is so now."""

from __future__ import annotations

from typing import Any

import pytest

from actions import (
    compose,
    database_encryption,
    database_migrations,
    database_roles,
    database_server,
    secrets_rotation,
    secrets_vault,
)
from actions._secrets_accounts import Account
from runbook_app.ports.capabilities import PendingContainer
from runbook_app.ports.database import DatabaseSession
from runbook_app.testing.capabilities import container
from runbook_app.testing.run import FakeTarget
from tests.actions.database_target import database_target
from tests.actions.secrets_target import MANIFEST, SecretsTarget

AWAY = "until it is healthy again, at most: 180 s"


def change(service: str, how: str = "is made anew") -> PendingContainer:
    return PendingContainer(service=service, name=f"shop-{service}-1", change=how)


def client(user: str, application: str = "", database: str = "accounts") -> DatabaseSession:
    return DatabaseSession(
        pid=1,
        user=user,
        application=application,
        client="10.0.0.3",
        database=database,
        state="idle",
        since="",
    )


@pytest.fixture
def target(tmp_path) -> FakeTarget:
    found = database_target(tmp_path, {})
    found.database.present = [client("accounts"), client("accounts"), client("anna", "psql")]
    return found


async def test_a_settled_project_touches_nothing(target):
    assert await target.affected(compose.apply) == []


async def test_containers_made_anew_are_named_with_the_time_they_are_away(target):
    target.compose.touched = [change("api"), PendingContainer(service="nginx", name="nginx",
                                                              change="is made")]  # fmt: skip
    assert await target.affected(compose.apply) == [
        "container shop-api-1 is made anew",
        "container nginx is made",
        f"downtime of api {AWAY}",
    ]


@pytest.mark.parametrize("action", [compose.apply, database_server.restart])
async def test_a_database_that_restarts_drops_its_connections(target, action):
    target.compose.touched = [change("db")]
    assert await target.affected(action) == [
        "container shop-db-1 is made anew",
        "connections of accounts to accounts are dropped: 2",
        "connections of anna (psql) to accounts are dropped: 1",
        f"downtime of db {AWAY}",
    ]


async def test_a_database_that_does_not_run_has_nobody_to_drop(target):
    target.compose.touched = [change("db", "is started")]
    target.containers.running["db"] = container("db", status="exited")
    assert not any("connections" in line for line in await target.affected(compose.apply))


def parting(tmp_path, roles: list[tuple[Any, ...]], owned: int) -> FakeTarget:
    return database_target(tmp_path, {"'is made' AS how": roles, "AS owned": [(owned,)]})


async def test_parting_the_roles_names_each_and_counts_what_changes_hands(tmp_path):
    target = parting(
        tmp_path,
        [("accounts_owner", "is made"), ("accounts", "loses SUPERUSER")],
        7,
    )
    assert await target.affected(database_roles.separate) == [
        "role accounts_owner is made",
        "role accounts loses SUPERUSER",
        "objects of accounts are accounts_owner's from then on: 7",
    ]


async def test_roles_that_are_parted_already_are_left_alone(tmp_path):
    assert await parting(tmp_path, [], 0).affected(database_roles.separate) == []


MIGRATION = """
revision = 'bbb'
down_revision = 'aaa'
COLUMNS = {"customers": ("email",), "staff": ("phone",)}
SQL = "CREATE TABLE shop.encrypted_data (id int)"
"""


def migrating(tmp_path, at: str) -> FakeTarget:
    target = database_target(
        tmp_path,
        {
            "relname = 'alembic_version'": [("alembic_version",)],
            "version_num": [(at,)],
            '"shop"."customers"': [(31,)],
            '"shop"."staff"': [(4,)],
        },
    )
    folder = target.folder / "alembic/versions"
    folder.mkdir(parents=True)
    (folder / "1.py").write_text("revision = 'aaa'\ndown_revision = None\n")
    (folder / "2_enable_pgcrypto.py").write_text(MIGRATION)
    (folder / "3_enable_pgaudit.py").write_text("revision = 'ccc'\ndown_revision = 'bbb'\n")
    target.database.present = [client("accounts"), client("postgres", "psql")]
    return target


async def test_a_migration_names_whom_it_keeps_out_and_the_rows_it_writes_anew(tmp_path):
    target = migrating(tmp_path, "aaa")
    assert await target.affected(database_migrations.migrate) == [
        "connections of accounts to accounts are dropped: 1",
        "role accounts is kept out until the schema has moved",
        "migration bbb is run",
        "table shop.customers is written anew, encrypted: 31 rows",
        "table shop.staff is written anew, encrypted: 4 rows",
        "migration ccc is run",
        "container @@PROJECT@@-api-1 is made anew",
        f"downtime of api {AWAY}",
    ]


async def test_a_schema_that_has_moved_leaves_only_the_containers(tmp_path):
    target = migrating(tmp_path, "ccc")
    assert await target.affected(database_migrations.migrate) == [
        "container @@PROJECT@@-api-1 is made anew",
        f"downtime of api {AWAY}",
    ]


async def test_purging_names_the_tables_it_locks(tmp_path):
    target = database_target(tmp_path, {'"public"."customers"': [(31,)]})
    columns = {"customers": ["email"]}
    assert await target.affected(database_encryption.purge_plaintext, columns=columns) == [
        "table public.customers is locked and written anew: 31 rows"
    ]


async def test_an_exchange_names_role_account_and_containers_until_it_is_done(
    tmp_path, monkeypatch
):
    target = SecretsTarget(tmp_path, monkeypatch)
    given: dict[str, Any] = {"manifest": MANIFEST, "account": Account(variable="ADMIN_EMAIL")}
    await target.fake.apply(secrets_rotation.credentials, manifest=MANIFEST)
    target.fake.compose.touched = [change("api")]
    assert await target.fake.affected(secrets_rotation.exchange, **given) == [
        "role accounts gets another password",
        "account ADMIN_EMAIL gets another password",
        "container shop-api-1 is made anew",
        f"downtime of api {AWAY}",
    ]
    running = target.fake.containers.running
    there, running["api"] = running["api"], container("api", status="created")
    assert "account ADMIN_EMAIL gets another password, if it has its old one" in (
        await target.fake.affected(secrets_rotation.exchange, **given)
    )
    running["api"], running["db"] = there, container("db", status="created")
    assert "role accounts gets another password, if it has its old one" in (
        await target.fake.affected(secrets_rotation.exchange, **given)
    )
    running["db"] = container("db")
    await target.fake.apply(secrets_rotation.exchange, **given)
    target.fake.compose.touched = []
    assert await target.fake.affected(secrets_rotation.exchange, **given) == []


async def test_vault_is_a_container_more_and_only_where_it_is_wanted(tmp_path, monkeypatch):
    fake = SecretsTarget(tmp_path, monkeypatch).fake
    assert await fake.affected(secrets_vault.server, backend="file") == []
    assert await fake.affected(secrets_vault.server, backend="vault") == ["container vault is made"]


async def test_leaving_vault_makes_the_application_anew(tmp_path, monkeypatch):
    fake = SecretsTarget(tmp_path, monkeypatch).fake
    given: dict[str, Any] = {"backend": "file", "manifest": MANIFEST}
    assert await fake.affected(secrets_vault.switch_back, **given) == []

    def use_vault(document: Any) -> None:
        document["services"]["api"]["environment"]["SECRETS_BACKEND"] = "vault"

    await fake.compose.edit(use_vault)
    found = await fake.affected(secrets_vault.switch_back, **given)
    assert [line for line in found if line.startswith("container")] == [
        "container shop-api-1 is made anew"
    ]


async def test_a_restart_that_was_cut_short_asks_nothing_of_a_database_that_does_not_run(
    tmp_path, monkeypatch
):
    target = database_target(tmp_path, {})
    target.containers.running["db"] = container("db", status="created")
    monkeypatch.setattr(type(target.database), "sessions", None)
    await target.apply(database_server.restart)
    assert target.history.changes == ["up"]

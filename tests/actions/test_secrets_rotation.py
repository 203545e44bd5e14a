"""Exchanging the credentials of the repository, on a target of fakes."""

from __future__ import annotations

import dataclasses

import pytest

from actions import secrets_rotation as rotation
from actions._secrets_accounts import Account, signed
from actions._secrets_store import is_of, password_verifier
from runbook_app.domain.errors import ActionError, DatabaseRefused, NotMeasured
from runbook_app.domain.measure import Finding, Progress
from runbook_app.testing.capabilities import container, result
from tests.actions.secrets_target import HASH, MANIFEST, NEW_HASH, OLD, SecretsTarget

ACCOUNT = Account(variable="ADMIN_EMAIL")


@pytest.fixture
def there(tmp_path, monkeypatch) -> SecretsTarget:
    return SecretsTarget(tmp_path, monkeypatch)


async def made(there: SecretsTarget) -> None:
    await there.fake.apply(rotation.credentials, manifest=MANIFEST)


async def taken_out(there: SecretsTarget) -> None:
    await there.fake.apply(rotation.compose, manifest=MANIFEST)


async def exchanged(there: SecretsTarget) -> None:
    await there.fake.apply(rotation.exchange, manifest=MANIFEST, account=ACCOUNT)


async def progress(there: SecretsTarget, action, **more) -> Progress:
    assert action.checker is not None
    found: Finding = await action.checker(there.fake.run, **more)
    return found.progress


async def test_each_secret_gets_a_new_value_and_the_column_key_keeps_its_own(there):
    await made(there)
    assert there.value("column_key") == there.column_key
    new = [there.value(name) for name in ("db_password", "jwt_secret", "admin_password")]
    assert not set(new) & set(OLD.values())
    stored = there.fake.files.read("secrets/database/application_verifier")
    assert is_of(there.value("db_password"), stored)
    assert await progress(there, rotation.credentials, manifest=MANIFEST) is Progress.DONE


async def test_every_file_is_ignored_before_it_is_made_and_its_containers_alone(there):
    await made(there)
    changes = there.fake.history.changes
    ignored = next(n for n, line in enumerate(changes) if ".gitignore" in line)
    assert ignored < next(n for n, line in enumerate(changes) if "secrets/" in line)
    ignored = changes.index("write .gitignore 0644", ignored + 1)
    assert ignored < changes.index("write secrets/database/application_verifier 0600")
    failed = await there.fake.measure(rotation.files_private, manifest=MANIFEST)
    assert failed == []
    (there.fake.folder / "secrets/api/jwt_secret").chmod(0o644)
    failed = await there.fake.measure(rotation.files_private, manifest=MANIFEST)
    assert failed == ["secrets/api/jwt_secret"]


async def test_making_them_again_keeps_them(there):
    await made(there)
    before = there.value("jwt_secret"), there.value("db_password")
    await made(there)
    assert (there.value("jwt_secret"), there.value("db_password")) == before


async def test_an_old_value_in_a_file_is_not_taken_for_a_new_one(there):
    there.write("secrets/api/jwt_secret", OLD["JWT_SECRET"], uid=10001)
    await made(there)
    assert there.value("jwt_secret") != OLD["JWT_SECRET"]


async def test_a_verifier_of_another_password_is_made_anew(there):
    await made(there)
    there.write("secrets/database/application_verifier", "SCRAM-SHA-256$4096:AA==$a:b", uid=999)
    assert await progress(there, rotation.credentials, manifest=MANIFEST) is Progress.NOT_DONE
    await made(there)
    assert await progress(there, rotation.credentials, manifest=MANIFEST) is Progress.DONE


async def test_only_root_can_give_files_away(there, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ActionError, match="only root can give files away"):
        await made(there)
    assert there.fake.history.changes == []


async def test_no_secret_stays_in_the_compose_file(there):
    await made(there)
    await taken_out(there)
    text = there.fake.files.read("docker-compose.staging.yml").decode()
    assert [value for value in OLD.values() if value in text] == []
    services = there.fake.compose.document()["services"]
    assert services["api"]["environment"]["SECRETS_BACKEND"] == "file"
    assert services["db"]["environment"]["POSTGRES_PASSWORD_FILE"].endswith("application_verifier")
    assert "POSTGRES_PASSWORD" not in services["db"]["environment"]
    assert "# The service signs in as the database's superuser." in text
    assert await progress(there, rotation.compose, manifest=MANIFEST) is Progress.DONE


async def test_editing_the_compose_file_twice_changes_nothing_the_second_time(there):
    await taken_out(there)
    changes = list(there.fake.history.changes)
    await taken_out(there)
    assert there.fake.history.changes == changes


async def test_the_database_has_the_new_password_before_the_stack_and_the_account_after_it(there):
    await made(there)
    await taken_out(there)
    await exchanged(there)
    assert is_of(there.value("db_password"), there.role.encode())
    assert there.hash == NEW_HASH
    changes = there.fake.history.changes
    assert [line.split()[1] for line in (changes[-3], changes[-1])] == ["ALTER", "UPDATE"]
    assert changes[-2] == "up"
    given = {"manifest": MANIFEST, "account": ACCOUNT}
    assert await progress(there, rotation.exchange, **given) is Progress.DONE


async def test_no_password_stands_in_a_statement(there):
    await made(there)
    await exchanged(there)
    said = " ".join(there.fake.history.changes)
    secret = [*OLD.values(), there.value("db_password"), there.value("admin_password")]
    assert [value for value in secret if value in said] == []


async def test_an_account_with_another_password_by_now_is_left_alone(there):
    there.hash = "$argon2id$its own"
    await made(there)
    await exchanged(there)
    assert there.hash == "$argon2id$its own"


@pytest.mark.parametrize("undone", ["role", "hash", "stack"])
async def test_an_exchange_that_is_not_whole_is_done_again(there, undone):
    await made(there)
    await exchanged(there)
    match undone:
        case "role":
            there.role = password_verifier("another").decode()
        case "hash":
            there.hash = HASH
        case "stack":
            there.fake.compose.differences = ["api: runs with another configuration"]
    given = {"manifest": MANIFEST, "account": ACCOUNT}
    assert await progress(there, rotation.exchange, **given) is Progress.NOT_DONE
    await exchanged(there)
    assert await progress(there, rotation.exchange, **given) is Progress.DONE


async def test_a_database_that_does_not_run_is_brought_up_before_it_is_asked(there):
    await made(there)
    await taken_out(there)
    there.fake.containers.running["db"] = container("db", status="created")
    before = len(there.fake.history.changes)
    await exchanged(there)
    changes = [line.split()[0] for line in there.fake.history.changes[before:]]
    assert changes == ["up", "sql", "up", "sql"]


async def test_of_a_stack_that_is_not_settled_the_database_is_not_asked(there, monkeypatch):
    await made(there)
    await exchanged(there)
    there.fake.compose.differences = ["db: is created"]
    monkeypatch.setattr(rotation, "_stored_verifier", None)
    given = {"manifest": MANIFEST, "account": ACCOUNT}
    assert await progress(there, rotation.exchange, **given) is Progress.NOT_DONE


async def test_a_rollback_gives_the_account_its_hash_from_before_back(there):
    await made(there)
    await exchanged(there)
    await there.fake.apply(rotation.accounts_back, account=ACCOUNT)
    assert there.hash == HASH
    assert await progress(there, rotation.accounts_back, account=ACCOUNT) is Progress.DONE


async def test_a_password_that_was_changed_since_is_left_alone_by_a_rollback(there):
    await made(there)
    await exchanged(there)
    there.hash = "$argon2id$changed since"
    await there.fake.apply(rotation.accounts_back, account=ACCOUNT)
    assert there.hash == "$argon2id$changed since"


class Doors:
    """A database and an API that let in whom the test says."""

    def __init__(self, there: SecretsTarget, *, let_in: set[str]) -> None:
        self.let_in = let_in
        self.database = there.fake.database
        self.database.on_query = self._query

    def _query(self, _: str) -> list[tuple[int]]:
        login = self.database.logins[-1]
        if login and login.password not in self.let_in:
            raise DatabaseRefused("password authentication failed", sqlstate="28P01")
        return [(1,)]


async def test_an_old_password_of_the_database_that_gets_in_fails_the_check(there):
    await made(there)
    store = rotation._store(there.fake.run, MANIFEST, "secrets/api", 10001, rotation.RETIRED)
    Doors(there, let_in={store.value("db_password"), OLD["DB_PASSWORD"]})
    await rotation._old_database_password(there.fake.run, store)
    assert [m.name for m in there.fake.recorder.measurements if not m.ok] == [
        "accounts is refused with its old password"
    ]


async def test_a_later_session_finds_the_old_values_in_the_repositorys_history(there):
    await made(there)
    there.fake.secrets.history.clear()
    lines = "".join(f"+      {name}: {value}\n" for name, value in OLD.items())
    there.fake.shell.programs["git"] = lambda _: result(lines)
    store = dataclasses.replace(
        rotation._store(there.fake.run, MANIFEST, "secrets/api", 10001, rotation.RETIRED),
        published=await rotation._published(there.fake.run, rotation.RETIRED),
    )
    assert {name: store.retired(name) for name in rotation.RETIRED} == {
        "db_password": [OLD["DB_PASSWORD"]],
        "jwt_secret": [OLD["JWT_SECRET"]],
        "admin_password": [OLD["ADMIN_PASSWORD"]],
    }


async def test_a_database_that_lets_nobody_in_says_nothing_about_old_passwords(there):
    await made(there)
    store = rotation._store(there.fake.run, MANIFEST, "secrets/api", 10001, rotation.RETIRED)
    Doors(there, let_in=set())
    with pytest.raises(NotMeasured, match="The new password of accounts is refused"):
        await rotation._old_database_password(there.fake.run, store)


def test_a_token_is_signed_as_the_application_does_it():
    # The example of RFC 7515, appendix A.1, with a key of our own.
    token = signed("eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "k" * 32)
    assert token.startswith("eyJhbGciOiJIUzI1NiJ9.e30.")
    assert signed(token, "k" * 32) == token
    assert signed(token, "l" * 32) != token


async def test_a_retired_secret_that_the_manifest_lacks_is_an_error(there):
    with pytest.raises(ActionError, match="The manifest has no db_password"):
        await there.fake.apply(rotation.credentials, manifest=MANIFEST[1:])

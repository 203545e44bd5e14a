"""Item 3 on the sample: run, looked at from outside, rolled back, and both again.

The stack is hardened once; each test leaves it so, and the last rollback is proven.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import ANY

import pytest
import yaml

from runbook_app.domain.fingerprint import compare
from tests.real.demos import Demo

from .stack import HERE, Stack, compose
from .weaknesses import BESIDE, WEAKNESSES, fingerprint, forget, measured

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

PERSON = {
    "full_name": "Kept Row",
    "tax_number": "XX123456789",
    "phone": "+447700900777",
    "iban": "GB82WEST12345698765432",
}
TABLES = ("users", "customers", "orders")


def rows(stack: Stack) -> list[str]:
    return [
        stack.sql(f"SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM {t} t") for t in TABLES
    ]


@pytest.fixture(scope="module")
def before(sample: Stack) -> tuple[str, list[str]]:
    """Schema and rows before the item."""
    return sample.dump(), rows(sample)


@pytest.fixture(scope="module")
def hardened(sample: Stack, before: tuple[str, list[str]]) -> Iterator[Stack]:
    result = sample.run()
    assert result.returncode == 0, result.stdout + result.stderr
    yield sample
    result = sample.roll_back()
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rolled back, proven" in result.stdout
    assert sample.dump() == before[0]


def test_the_application_reads_what_the_database_keeps_encrypted(hardened: Stack) -> None:
    token = hardened.token()
    address = f"kept{time.time_ns()}@example.com"
    made = hardened.call("POST", "/api/v1/customers", {**PERSON, "email": address}, token)
    path = f"/api/v1/customers/{made['id']}"
    hardened.call("PATCH", path, {"phone": "+447700900778"}, token)
    read = hardened.call("GET", path, token=token)
    assert {name: read[name] for name in PERSON} == {**PERSON, "phone": "+447700900778"}

    stored = hardened.sql(f"SELECT tax_number, phone, iban FROM customers WHERE id = {made['id']}")
    assert all(part.startswith("enc:") for part in stored.split("|"))
    ciphers = hardened.sql("SELECT DISTINCT left(encode(ciphertext, 'hex'), 8) FROM encrypted_data")
    assert ciphers == "c30d0409"
    trail = hardened.sql("SELECT operation, actor FROM audit.audit_log WHERE application = "
                         "'customer-accounts' ORDER BY id")  # fmt: skip
    assert trail.splitlines() == ["INSERT|accounts", "UPDATE|accounts"]
    told = hardened.sql("SELECT string_agg(after::text, '') FROM audit.audit_log")
    assert "+4477009" not in told

    assert hardened.roll_back().returncode == 0
    row = hardened.sql(f"SELECT tax_number, phone, iban FROM customers WHERE id = {made['id']}")
    assert row == f"XX123456789|+447700900778|{PERSON['iban']}"
    hardened.sql(f"DELETE FROM customers WHERE id = {made['id']}")
    assert hardened.run().returncode == 0


def test_up_down_and_up_again_keep_every_value(
    hardened: Stack, before: tuple[str, list[str]]
) -> None:
    sealed = hardened.sql("SELECT count(*) FROM encrypted_data")
    there_and_back = (
        "UPDATE users SET email = 'x' || email; UPDATE users SET email = substr(email, 2)"
    )
    hardened.sql(there_and_back)
    refused, said = hardened.alembic("downgrade", "-1")
    assert refused != 0
    assert "lose=audit_log" in said
    code, said = hardened.alembic("-x", "lose=audit_log", "downgrade", "-2")
    assert code == 0, said
    assert rows(hardened) == before[1]
    code, said = hardened.alembic("upgrade", "head")
    assert code == 0, said
    assert hardened.sql("SELECT count(*) FROM encrypted_data") == sealed


def test_a_wrong_key_takes_nothing_back_and_loses_nothing(hardened: Stack) -> None:
    sealed = "SELECT md5(string_agg(ciphertext::text, '' ORDER BY id)) FROM encrypted_data"
    before = hardened.sql(sealed)
    wrong = "echo ffff > /tmp/wrong; COLUMN_KEY_FILE=/tmp/wrong alembic -x lose=audit_log"
    code, said = hardened.execute("api", "sh", "-c", f"{wrong} downgrade -2; echo ended $?")
    assert "Wrong key or corrupt data" in said
    assert said.strip().endswith("ended 1")
    assert hardened.sql(sealed) == before
    assert hardened.sql("SELECT count(*) FROM customers WHERE phone !~ '^enc:'") == "0"
    code, said = hardened.alembic("upgrade", "head")
    assert code == 0, said


@pytest.mark.parametrize(
    ("settings", "leak"),
    [
        ({"pgaudit.log_statement": "on", "pgaudit.log_parameter": "on"}, "server log: bound key"),
        ({"log_parameter_max_length_on_error": "-1"}, "the client's error, bound"),
    ],
)
def test_a_server_that_tells_too_much_is_found_leaking(
    hardened: Stack, tmp_path: Path, settings: dict[str, str], leak: str
) -> None:
    home = tmp_path / "home"  # so that the newest session stays the one that is rolled back
    home.mkdir(mode=0o700)
    elsewhere = Demo(hardened.root, home)
    scope = (str(HERE / "leaks.yaml"), "--target", str(hardened.root), "--yes", "--logs", "none")
    for name, value in settings.items():
        hardened.sql(f"ALTER DATABASE accounts SET {name} = {value}")
    found = elsewhere.runbook("run", *scope)
    for name in settings:
        hardened.sql(f"ALTER DATABASE accounts RESET {name}")
    assert found.returncode == 1, found.stdout + found.stderr
    assert leak in found.stdout
    again = elsewhere.runbook("run", *scope)
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.slow
async def test_each_weakness_that_is_put_back_fails_its_check_of_the_score(
    hardened: Stack, tmp_path: Path
) -> None:
    forget(hardened)
    before = await fingerprint(hardened, tmp_path)
    told = []
    for check, weakness in WEAKNESSES.items():
        sound = await measured(hardened, check, tmp_path)
        with weakness(hardened):
            weak = await measured(hardened, check, tmp_path)
        if (sound[0], weak[0]) != ("passed", "failed"):
            told.append((check, sound, weak))
    assert told == []
    for check in BESIDE:
        assert await measured(hardened, check, tmp_path) in (("passed", ANY), ("failed", ANY))
    after = await fingerprint(hardened, tmp_path)
    compared = compare(before, after)
    assert compared.differences == ()
    # What probes write into the trail stays there, as every row does.
    assert [kept.partition(":")[0] for kept in compared.kept] in ([], ["audit.audit_log"])


def test_a_fresh_volume_ends_with_the_same_schema(hardened: Stack, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    shutil.copytree(hardened.root, fresh)
    file = fresh / "docker-compose.staging.yml"
    variables = hardened.demo.plan().variables
    text = file.read_text().replace(hardened.project, f"{hardened.project}-fresh")
    text = text.replace(f'"127.0.0.1:{variables["https_port"]}:8000"', '"127.0.0.1::8000"')
    document = yaml.safe_load(text)
    document["networks"] = {"backend": {}}
    file.write_text(yaml.safe_dump(document))
    for path in fresh.rglob("*"):
        there = hardened.root / path.relative_to(fresh)
        shutil.chown(path, there.stat().st_uid, there.stat().st_gid)
    other = dataclasses.replace(hardened, project=f"{hardened.project}-fresh")
    try:
        compose(fresh, file.name, "up", "-d", "--wait", "db", "api")
        assert other.dump() == hardened.dump()
        for script in ("10-pg_audit.sql", "20-superuser.sql"):
            code, said = other.execute(
                *("db", "psql", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "accounts"),
                *("-f", f"/docker-entrypoint-initdb.d/{script}"),
                user="postgres",
            )
            assert code == 0, said
        assert other.dump() == hardened.dump()
    finally:
        compose(fresh, file.name, "down", "--volumes")

"""Item 4 with Vault as the backend: filled, restarted, sealed, left again.

The stack is brought there once; each test leaves it so, and the rollback is proven.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.real.database.stack import Stack, compose
from tests.real.database.weaknesses import measured

from .test_sample import FILE, login, sign_in
from .vault import WEAKNESSES, bao, keys, restart, unseal, until_sealed

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

OPTIONS = ("--set", "secrets_backend=vault")


@pytest.fixture(scope="module")
def in_vault(sample: Stack) -> Iterator[Stack]:
    result = sample.run(*OPTIONS)
    assert result.returncode == 3, result.stdout + result.stderr
    assert "no key or passphrase to seal them to" in result.stderr
    assert "vault" not in (sample.root / FILE).read_text()
    key = sample.killed.runbook("recipient").stdout.strip()
    result = sample.killed.runbook("resume", "--headless", "--yes", "-q", "--seal-to", key)
    assert result.returncode == 0, result.stdout + result.stderr
    yield sample
    # A test has made the API's container anew, by hand.
    result = sample.killed.runbook("rollback", "secrets", "--yes", "--accept-changes")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rolled back, proven" in result.stdout
    assert "revoked" in result.stdout
    client = docker.from_env()
    try:
        names = [volume.name for volume in client.volumes.list()]
        assert f"{sample.project}_vault-data" not in names
        assert not client.containers.list(all=True, filters={"name": f"{sample.project}-vault"})
    finally:
        client.close()


def until_log(stack: Stack, service: str, words: str) -> None:
    client = docker.from_env()
    try:
        container = client.containers.get(f"{stack.project}-{service}-1")
        since = int(time.time()) - 5
        deadline = time.monotonic() + 60
        while words not in container.logs(since=since).decode():
            assert time.monotonic() < deadline, container.logs(tail=5).decode()
            time.sleep(0.5)
    finally:
        client.close()


def test_the_operators_key_opens_root_token_and_unseal_key_and_nothing_else_holds_them(
    in_vault: Stack,
) -> None:
    found = keys(in_vault)
    code, said = bao(in_vault, "bao token lookup", BAO_TOKEN=found["root_token"])
    assert code == 0, said
    values = [value.encode() for value in found.values()]
    places = [*in_vault.killed.home.rglob("*"), *in_vault.root.rglob("*")]
    for path in (place for place in places if place.is_file()):
        content = path.read_bytes()
        assert [value for value in values if value in content] == [], path


def test_the_secrets_are_in_vault_and_in_no_file_or_environment(in_vault: Stack) -> None:
    root = keys(in_vault)["root_token"]
    read = "bao kv get -mount=secret -format=json accounts"
    stored = json.loads(bao(in_vault, read, BAO_TOKEN=root)[1])["data"]["data"]
    assert login(in_vault, stored["admin_password"]) == 200
    assert sign_in(in_vault, stored["db_password"])
    told = in_vault.execute("api", "cat", "/proc/1/environ")[1]
    told += (in_vault.root / FILE).read_text()
    assert [name for name, value in stored.items() if value in told] == []
    assert not [path for path in (in_vault.root / "secrets/api").glob("*") if path.is_file()]
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=in_vault.root, capture_output=True, check=True
    )
    assert status.stdout == b""


async def test_each_weakness_of_vault_fails_its_check_of_the_score(
    in_vault: Stack, tmp_path: Path
) -> None:
    told = []
    for check, weakness in WEAKNESSES.items():
        sound = await measured(in_vault, check, tmp_path)
        with weakness(in_vault):
            weak = await measured(in_vault, check, tmp_path)
        if (sound[0], weak[0]) != ("passed", "failed"):
            told.append((check, sound, weak))
    assert told == []


async def test_the_application_password_is_found_where_no_file_has_it(
    in_vault: Stack, tmp_path: Path
) -> None:
    verdict, said = await measured(in_vault, "published-passwords", tmp_path)
    assert verdict == "passed", said


def test_a_sealed_vault_lets_the_running_service_go_on_and_no_new_one_start(
    in_vault: Stack,
) -> None:
    restart(in_vault, "vault")
    until_sealed(in_vault)
    assert in_vault.call("GET", "/health")
    try:
        restart(in_vault, "api")
        until_log(in_vault, "api", "is sealed; unseal it")
    finally:
        unseal(in_vault)
        compose(in_vault.root, FILE, "up", "-d", "--wait", "--force-recreate", "api")
    assert in_vault.call("GET", "/health")

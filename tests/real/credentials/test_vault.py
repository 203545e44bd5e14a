"""Item 4 with Vault as the backend: filled, restarted, sealed, left again.

The stack is brought there once; each test leaves it so, and the rollback is proven.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

import docker
import pytest

from tests.real.database.stack import Stack, compose

from .test_sample import FILE, login, sign_in

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

OPTIONS = ("--set", "secrets_backend=vault")


@pytest.fixture(scope="module")
def in_vault(sample: Stack) -> Iterator[Stack]:
    result = sample.run(*OPTIONS)
    assert result.returncode == 3, result.stdout + result.stderr
    assert "no key to seal them to" in result.stderr
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


def keys(stack: Stack) -> dict[str, str]:
    """Root token and unseal key, opened with the operator's private key."""
    (sealed,) = stack.killed.home.rglob("sealed/vault-keys.json")
    opened = stack.killed.runbook("unseal", str(sealed))
    assert opened.returncode == 0, opened.stderr
    found: dict[str, str] = json.loads(opened.stdout)
    return found


def bao(stack: Stack, script: str, **environment: str) -> tuple[int, str]:
    client = docker.from_env()
    try:
        container = client.containers.get(f"{stack.project}-vault-1")
        code, said = container.exec_run(["sh", "-c", script], environment=environment)
        return int(code), said.decode()
    finally:
        client.close()


def restart(stack: Stack, service: str) -> None:
    client = docker.from_env()
    try:
        client.containers.get(f"{stack.project}-{service}-1").restart(timeout=5)
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


def test_a_sealed_vault_lets_the_running_service_go_on_and_no_new_one_start(
    in_vault: Stack,
) -> None:
    restart(in_vault, "vault")
    code, _ = bao(in_vault, "for i in $(seq 50); do bao status >/dev/null; r=$?; "
                            "[ $r -eq 1 ] || exit $r; sleep 0.2; done")  # fmt: skip
    assert code == 2
    assert in_vault.call("GET", "/health")
    try:
        restart(in_vault, "api")
        until_log(in_vault, "api", "is sealed; unseal it")
    finally:
        unseal = keys(in_vault)["unseal_key"]
        code, said = bao(in_vault, 'printf %s "$KEY" | bao write sys/unseal key=-', KEY=unseal)
        assert code == 0, said
        compose(in_vault.root, FILE, "up", "-d", "--wait", "--force-recreate", "api")
    assert in_vault.call("GET", "/health")

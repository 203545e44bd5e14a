"""Item 4 with Vault as the backend: killed while it is filled, restarted, sealed, left again.

The stack is brought there once; each test leaves it so, and the rollback is proven.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker.errors
import pytest

from runbook_app.domain.state import StepStatus
from tests.real.database.stack import Stack, compose
from tests.real.database.weaknesses import measured
from tests.real.demos import RUNBOOK

from .test_sample import FILE, login, sign_in
from .vault import WEAKNESSES, as_root, bao, keys, restart, sealed, unseal, until_sealed

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

OPTIONS = ("--set", "secrets_backend=vault")


@pytest.fixture(scope="module")
def in_vault(sample: Stack) -> Iterator[Stack]:
    result = sample.run(*OPTIONS)
    assert result.returncode == 3, result.stdout + result.stderr
    assert "no key or passphrase to seal them to" in result.stderr
    assert "vault" not in (sample.root / FILE).read_text()
    key = sample.demo.runbook("recipient").stdout.strip()
    kill_while_it_is_initialised(sample, key)
    result = sample.demo.runbook("resume", "--headless", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    session = sample.demo.state().id
    yield sample
    # A test has made the API's container anew, by hand.
    rollback = ("rollback", session, "secrets", "--yes", "--accept-changes")
    result = sample.demo.runbook(*rollback)
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


def kill_while_it_is_initialised(stack: Stack, key: str) -> None:
    """Go on, and kill the engine once Vault has made its keys: whose they are nobody can tell."""
    process = subprocess.Popen(
        [RUNBOOK, "resume", "--headless", "--yes", "-q", "--seal-to", key],
        env=stack.demo.environment(),
        cwd=stack.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 300
    while not initialised(stack):
        assert time.monotonic() < deadline
        assert process.poll() is None
    engine = stack.demo.state().engine
    assert engine is not None
    os.kill(engine.pid, signal.SIGKILL)
    assert process.wait(60) == 1
    assert stack.demo.state().step("secrets.vault-initialise").status is StepStatus.RUNNING


def initialised(stack: Stack) -> bool:
    try:
        return '"initialized": true' in bao(stack, "bao status -format=json")[1]
    except docker.errors.APIError:
        return False


def stored(stack: Stack) -> dict[str, str]:
    """What Vault holds for the application."""
    said = as_root(stack, "bao kv get -mount=secret -format=json accounts")
    found: dict[str, str] = json.loads(said)["data"]["data"]
    return found


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
    places = [*in_vault.demo.home.rglob("*"), *in_vault.root.rglob("*")]
    for path in (place for place in places if place.is_file()):
        content = path.read_bytes()
        assert [value for value in values if value in content] == [], path


def test_the_secrets_are_in_vault_and_in_no_file_or_environment(in_vault: Stack) -> None:
    values = stored(in_vault)
    assert login(in_vault, values["admin_password"]) == 200
    assert sign_in(in_vault, values["db_password"])
    told = in_vault.execute("api", "cat", "/proc/1/environ")[1]
    told += (in_vault.root / FILE).read_text()
    assert [name for name, value in values.items() if value in told] == []
    assert not [path for path in (in_vault.root / "secrets/api").glob("*") if path.is_file()]
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=in_vault.root, capture_output=True, check=True
    )
    assert status.stdout == b""


def test_a_signal_is_written_for_none_of_the_secrets_lies_in_a_file_of_the_session(
    in_vault: Stack,
) -> None:
    exported = in_vault.demo.runbook("export")
    assert exported.returncode == 0, exported.stdout + exported.stderr
    assert "Written: " in exported.stdout + exported.stderr


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


def test_another_session_goes_back_to_files_once_vault_is_open_and_its_rollback_to_vault(
    in_vault: Stack,
) -> None:
    before = stored(in_vault)
    first = in_vault.demo.state().id
    with sealed(in_vault):
        result = in_vault.run("--set", "secrets_backend=file")
        assert result.returncode == 1, result.stdout + result.stderr
        assert "can't be had from Vault: vault is sealed" in result.stderr
        told = f"docker exec -it {in_vault.project}-vault-1 bao operator unseal"
        assert told in result.stderr
    result = in_vault.demo.runbook("resume", "--headless", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    folder = in_vault.root / "secrets/api"
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert "vault" not in in_vault.execute("api", "printenv", "SECRETS_BACKEND")[1]
    assert login(in_vault, before["admin_password"]) == 200
    result = in_vault.demo.runbook("rollback", "secrets", "--yes")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rolled back, proven" in result.stdout
    assert not [path for path in folder.iterdir() if path.is_file()]
    assert login(in_vault, before["admin_password"]) == 200
    assert in_vault.demo.state().id != first

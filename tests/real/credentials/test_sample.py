"""Item 4 on the sample: run, looked at from outside, started without, and rolled back.

The stack is hardened once; each test leaves it so, and the last rollback is proven.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import yaml

from tests.real.database.stack import Stack, compose

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

FILE = "docker-compose.staging.yml"
NAMES = ("DB_PASSWORD", "JWT_SECRET", "ADMIN_PASSWORD")


def login(stack: Stack, password: str) -> int:
    body = {"email": "admin@example.com", "password": password}
    try:
        stack.call("POST", "/api/v1/auth/login", body)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


def sign_in(stack: Stack, password: str) -> bool:
    """Sign in to the database over TCP, as the application does."""
    uri = f"postgresql://accounts:{password}@127.0.0.1/accounts"
    code, _ = stack.execute("db", "psql", "-Atqc", "SELECT 1", uri, user="postgres")
    return code == 0


@pytest.fixture(scope="module")
def old(sample: Stack) -> dict[str, str]:
    text = (sample.root / FILE).read_text()
    return {name: re.findall(rf'{name}: "?([^"\n]+)', text)[0] for name in NAMES}


@pytest.fixture(scope="module")
def hashed(sample: Stack) -> str:
    return sample.sql("SELECT password_hash FROM users")


@pytest.fixture(scope="module")
def hardened(sample: Stack, old: dict[str, str], hashed: str) -> Iterator[Stack]:
    assert login(sample, old["ADMIN_PASSWORD"]) == 200
    result = sample.run()
    assert result.returncode == 0, result.stdout + result.stderr
    yield sample
    result = sample.demo.runbook("rollback", "secrets", "--yes")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rolled back, proven" in result.stdout
    assert "are valid again" in result.stdout
    assert sample.sql("SELECT password_hash FROM users") == hashed
    assert login(sample, old["ADMIN_PASSWORD"]) == 200
    assert sign_in(sample, old["DB_PASSWORD"])
    assert not [path for path in (sample.root / "secrets").rglob("*") if path.is_file()]


def new(stack: Stack) -> dict[str, str]:
    return {name: (stack.root / "secrets/api" / name.lower()).read_text() for name in NAMES}


def test_old_credentials_open_nothing_and_new_ones_do(hardened: Stack, old: dict[str, str]) -> None:
    made = new(hardened)
    assert login(hardened, made["ADMIN_PASSWORD"]) == 200
    assert login(hardened, old["ADMIN_PASSWORD"]) == 401
    assert sign_in(hardened, made["DB_PASSWORD"])
    assert not sign_in(hardened, old["DB_PASSWORD"])


def test_no_secret_shows_from_outside(hardened: Stack, old: dict[str, str]) -> None:
    values = [*old.values(), *new(hardened).values()]
    client = docker.from_env()
    try:
        for service in ("api", "db"):
            container = client.containers.get(f"{hardened.project}-{service}-1")
            told = json.dumps(container.attrs) + container.logs().decode()
            told += json.dumps(container.image.history())
            told += hardened.execute(service, "cat", "/proc/1/environ")[1]
            assert "PATH=" in told
            assert [value for value in values if value in told] == []
    finally:
        client.close()
    home = hardened.demo.home.rglob("*")
    for path in (file for file in home if file.is_file()):
        content = path.read_bytes()
        assert [value for value in values if value.encode() in content] == [], path
    grep = ["git", "grep", "-F", *(part for value in values for part in ("-e", value)), "HEAD"]
    found = subprocess.run(grep, cwd=hardened.root, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (1, "")


def restarted(stack: Stack, name: str) -> tuple[int, str]:
    """Restart the API and let it run into its end; its exit code, and what it wrote since."""
    client = docker.from_env()
    try:
        container = client.containers.get(f"{stack.project}-api-1")
        container.stop(timeout=5)
        before = len(container.logs())
        container.update(restart_policy={"Name": "no"})
        container.start()
        ended = container.wait(timeout=60)
        return int(ended["StatusCode"]), container.logs()[before:].decode()
    finally:
        client.close()


def test_the_application_refuses_to_start_without_a_secret_and_names_it(hardened: Stack) -> None:
    path = hardened.root / "secrets/api/jwt_secret"
    kept = path.with_name("kept")
    path.rename(kept)
    try:
        code, said = restarted(hardened, "jwt_secret")
    finally:
        kept.rename(path)
        compose(hardened.root, FILE, "up", "-d", "--wait", "--force-recreate", "api")
    assert code != 0
    assert "jwt_secret is missing (Key of the tokens)" in said
    assert [value for value in new(hardened).values() if value in said] == []


def test_an_empty_volume_starts_with_the_verifier_alone(hardened: Stack, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    shutil.copytree(hardened.root, fresh)
    for path in fresh.rglob("*"):
        there = hardened.root / path.relative_to(fresh)
        shutil.chown(path, there.stat().st_uid, there.stat().st_gid)
    project = f"{hardened.project}-fresh"
    document = yaml.safe_load((fresh / FILE).read_text())
    document |= {"name": project, "networks": {"backend": {}}}
    document["services"]["api"]["ports"] = ["127.0.0.1::8000"]
    (fresh / FILE).write_text(yaml.safe_dump(document))
    other = dataclasses.replace(hardened, project=project)
    try:
        compose(fresh, FILE, "up", "-d", "--wait")
        assert sign_in(other, new(hardened)["DB_PASSWORD"])
        assert new(hardened)["DB_PASSWORD"] not in other.execute("db", "cat", "/proc/1/environ")[1]
    finally:
        compose(fresh, FILE, "down", "--volumes")

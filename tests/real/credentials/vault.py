"""The sample's Vault, spoken to past the program, and weaknesses put into it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import docker

from tests.real.database.stack import Stack

POLICY = """echo 'path "secret/data/accounts" { capabilities = [%s] }' | bao policy write api -"""
ROLE = "bao write auth/approle/role/api token_policies=api"
Weakness = Callable[[Stack], AbstractContextManager[None]]


def keys(stack: Stack) -> dict[str, str]:
    """Root token and unseal key, opened with the operator's private key."""
    (sealed,) = stack.demo.home.rglob("sealed/vault-keys.json")
    opened = stack.demo.runbook("unseal", str(sealed))
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


def as_root(stack: Stack, script: str) -> str:
    code, said = bao(stack, script, BAO_TOKEN=keys(stack)["root_token"])
    assert code == 0, said
    return said


def restart(stack: Stack, service: str) -> None:
    client = docker.from_env()
    try:
        client.containers.get(f"{stack.project}-{service}-1").restart(timeout=5)
    finally:
        client.close()


def until_sealed(stack: Stack) -> None:
    """Wait until the server that was started again answers; it is sealed then."""
    code, said = bao(
        stack,
        "for i in $(seq 50); do bao status; r=$?; [ $r -eq 1 ] || exit $r; sleep 0.2; done",
    )
    assert code == 2, said


def unseal(stack: Stack) -> None:
    key = keys(stack)["unseal_key"]
    code, said = bao(stack, 'printf %s "$KEY" | bao write sys/unseal key=-', KEY=key)
    assert code == 0, said


@contextlib.contextmanager
def sealed(stack: Stack) -> Iterator[None]:
    as_root(stack, "bao operator seal")
    try:
        yield
    finally:
        unseal(stack)


@contextlib.contextmanager
def without_tls(stack: Stack) -> Iterator[None]:
    """Let the server speak plain HTTP."""
    file = stack.root / "vault/config/vault.hcl"
    before = file.read_text()
    file.write_text(before.replace("tls_cert_file", "tls_disable = true\n  tls_cert_file"))
    restart(stack, "vault")
    try:
        yield
    finally:
        file.write_text(before)
        restart(stack, "vault")
        until_sealed(stack)
        unseal(stack)


def administered(weaken: str, restore: str) -> Weakness:
    @contextlib.contextmanager
    def within(stack: Stack) -> Iterator[None]:
        as_root(stack, weaken)
        try:
            yield
        finally:
            as_root(stack, restore)

    return within


WEAKNESSES: dict[str, Weakness] = {
    "vault-serving": sealed,
    "vault-tls": without_tls,
    "vault-policy": administered(POLICY % '"read", "update"', POLICY % '"read"'),
    "vault-token": administered(
        f"{ROLE} token_ttl=8h token_max_ttl=24h", f"{ROLE} token_ttl=900s token_max_ttl=3600s"
    ),
}

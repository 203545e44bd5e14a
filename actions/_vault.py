"""A Vault-compatible server in the target's project, spoken to by the client in its container."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actions import _compose_parts as parts
from runbook_app.domain.errors import ActionError, NotMeasured
from runbook_app.ports.action import Run
from runbook_app.ports.capabilities import ExecResult

if TYPE_CHECKING:
    from actions._key_files import KeyFiles

TEMPLATES = Path(__file__).with_name("templates") / "vault"
IMAGE = "runbook-staging-vault:latest"
UID = 10002
PLACE = "/run/vault"
"""Where the application finds role_id, secret_id and the CA."""
_DATA = "/vault/data"
_BEGUN = f"{_DATA}/.initialising"
_AGAIN = 0.5
FILES = ("Dockerfile", "healthcheck.sh")
# The token comes by standard input: neither the list of processes nor the engine knows it.
_CLIENT = 'IFS= read -r BAO_TOKEN; export BAO_TOKEN; exec bao "$@"'
UNSEALED, FAILED, SEALED = 0, 1, 2
"""Exit codes of `bao status`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    run: Run
    service: str
    directory: str
    """Folder of the target with Dockerfile, configuration and certificate."""
    credentials: str
    """Folder of the target with what the application signs in with."""
    mount: str
    path: str
    role: str
    application_uid: int

    @property
    def address(self) -> str:
        return f"https://{self.service}:8200"

    @property
    def keys(self) -> KeyFiles:
        # What needs `cryptography` takes longer to import than a plan to be read.
        from actions import _certificates, _key_files

        wanted = _certificates.Wanted(
            names=[self.service, "localhost"], days=89, key_type="ecdsa-p256"
        )
        return _key_files.KeyFiles(
            run=self.run, directory=f"{self.directory}/certs", wanted=wanted, owner=UID
        )

    async def write(self) -> None:
        for name in FILES:
            await self.run.files.write(
                f"{self.directory}/{name}", (TEMPLATES / name).read_bytes(), mode=0o644
            )
        hcl = (
            (TEMPLATES / "vault.hcl")
            .read_bytes()
            .replace(b"https://vault:", f"https://{self.service}:".encode())
        )
        await self.run.files.write(f"{self.directory}/config/vault.hcl", hcl, mode=0o644)
        if self.keys.problems():
            await self.keys.ignore_key()
            await self.keys.make(self.service)
        await self.run.containers.build(self.directory, IMAGE)

    def add(self, document: parts.Document) -> None:
        """Put the service and its volume into the Compose file."""
        services = document["services"]
        if self.service in services:
            return
        network = next(iter(document.get("networks") or {"default": None}))
        services[self.service] = {
            "build": {"context": f"./{self.directory}"},
            "image": IMAGE,
            "restart": "unless-stopped",
            # Nobody but the stack's own network reaches it.
            "networks": [network],
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "volumes": [
                f"./{self.directory}/config:/vault/config:ro",
                f"./{self.directory}/certs:/vault/certs:ro",
                f"{self.service}-data:{_DATA}",
            ],
            "healthcheck": {
                "test": ["CMD", "healthcheck.sh"],
                "interval": "2s",
                "timeout": "5s",
                "retries": 15,
            },
            "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}},
        }
        volumes = document.get("volumes")
        if volumes is None:
            volumes = document["volumes"] = {}
        volumes[f"{self.service}-data"] = None

    def variables(self) -> dict[str, str]:
        """What the application's service is told."""
        return {
            "SECRETS_BACKEND": "vault",
            "VAULT_ADDR": self.address,
            "VAULT_CACERT": f"{PLACE}/ca.pem",
            "VAULT_MOUNT": self.mount,
            "VAULT_PATH": self.path,
            "VAULT_ROLE_ID_FILE": f"{PLACE}/role_id",
            "VAULT_SECRET_ID_FILE": f"{PLACE}/secret_id",
        }

    async def how_to_unseal(self, keys: str) -> str:
        """In words; `keys` names what was sealed to the operator."""
        found = await self.run.containers.find(self.service)
        container = found.name if found else f"the container of {self.service}"
        return (
            f"`docker exec -it {container} bao operator unseal` asks for its unseal key, which"
            f" `runbook unseal` prints from sealed/{keys}.json of the session that set it up."
            " Then repeat."
        )

    async def status(self) -> Mapping[str, Any]:
        """Ask whether it is initialised and sealed; nobody needs a token for that.

        Raises:
            NotMeasured: it does not answer.
        """
        answer = await self.run.containers.execute(
            self.service, ["bao", "status", "-format=json"], log=False
        )
        if answer.exit_code not in (SEALED, UNSEALED):
            raise NotMeasured(f"{self.service} does not answer: {_last(answer)}")
        found: Mapping[str, Any] = json.loads(answer.stdout)
        return found

    async def bao(
        self, *words: str, token: str = "", data: bytes = b"", may_fail: bool = False
    ) -> ExecResult:
        """Run the client in the server's container.

        Raises:
            ActionError: it failed, and may not.
        """
        argv = ["sh", "-c", _CLIENT, "sh", *words]
        answer = await self.run.containers.execute(
            self.service, argv, stdin=f"{token}\n".encode() + data, log=False
        )
        if not answer.ok and not may_fail:
            raise ActionError(
                f"{self.service}: bao {' '.join(words[:3])} failed: {_last(answer)}",
                hint=f"See the log of {self.service}.",
            )
        return answer

    async def cut_short(self) -> bool:
        """Whether an initialisation was begun here and did not come to its end."""
        return (await self._in_container(f"test -e {_BEGUN}")).ok

    async def begin(self) -> None:
        """Mark it as being initialised: until `finish`, all that it holds is a copy."""
        await self._must(f"touch {_BEGUN} && sync {_DATA}")

    async def finish(self) -> None:
        await self._must(f"rm {_BEGUN} && sync {_DATA}")

    async def empty(self, timeout: timedelta) -> None:
        """Forget all that it holds, and wait until it answers again, uninitialised.

        Raises:
            ActionError: it does not within the time.
        """
        # Its first process ends, and the engine starts it again.
        await self._must(f"find {_DATA} -mindepth 1 ! -path {_BEGUN} -delete && kill 1")
        deadline = time.monotonic() + timeout.total_seconds()
        while not await self._is_new():
            if time.monotonic() > deadline:
                raise ActionError(
                    f"{self.service} does not answer as a new one, after it was emptied.",
                    hint=f"See the log of {self.service}, then repeat.",
                )
            await asyncio.sleep(_AGAIN)

    async def _is_new(self) -> bool:
        try:
            return not (await self.status())["initialized"]
        except (ActionError, NotMeasured):
            return False

    async def _must(self, script: str) -> None:
        answer = await self._in_container(script)
        if not answer.ok:
            raise ActionError(
                f"{self.service}: {_last(answer)}", hint=f"See the log of {self.service}."
            )

    async def _in_container(self, script: str) -> ExecResult:
        return await self.run.containers.execute(self.service, ["sh", "-c", script], log=False)

    async def sign_in(self, role_id: str, secret_id: str) -> str:
        """Return a token of the application's role; empty when it is not let in."""
        order = json.dumps({"role_id": role_id, "secret_id": secret_id}).encode()
        words = ("write", "-field=token", "auth/approle/login", "-")
        answer = await self.bao(*words, data=order, may_fail=True)
        token = answer.text.strip() if answer.ok else ""
        if token:
            self.run.secrets.register("Vault token of the application", token)
        return token


def unmount(service: parts.Document, place: str) -> None:
    volumes = service.get("volumes") or []
    kept = [volume for volume in volumes if parts.place_of(volume) != place]
    if len(kept) != len(volumes):
        volumes[:] = kept


def policies(vault: Vault) -> Mapping[str, str]:
    """What the application may, and what the session may once it is rolled back."""
    return {
        vault.role: f'path "{vault.mount}/data/{vault.path}" {{ capabilities = ["read"] }}\n',
        f"{vault.role}-revoke": (
            f'path "auth/approle/role/{vault.role}" {{ capabilities = ["delete"] }}\n'
        ),
    }


def _last(answer: ExecResult) -> str:
    said = (answer.stderr or answer.stdout).decode("utf-8", "replace").strip().splitlines()
    return said[-1].strip() if said else f"exit code {answer.exit_code}"


def missing(run: Run, paths: Sequence[str]) -> list[str]:
    return [path for path in paths if not run.files.exists(path)]

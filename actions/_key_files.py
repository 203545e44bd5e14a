"""A key, its certificate and the CA's, as files of the target."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

from cryptography import x509

from actions import _certificates
from runbook_app.domain.errors import ActionError
from runbook_app.ports.action import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFiles:
    """The three files in a directory, and what they must be."""

    run: Run
    directory: str
    wanted: _certificates.Wanted
    owner: int | None
    """Of the key. Only root can give files away, so that anybody else keeps it."""

    @property
    def ca(self) -> str:
        return f"{self.directory}/ca.pem"

    @property
    def certificate(self) -> str:
        return f"{self.directory}/cert.pem"

    @property
    def key(self) -> str:
        return f"{self.directory}/key.pem"

    @property
    def account(self) -> int | None:
        return self.owner if os.geteuid() == 0 else None

    def any(self) -> bool:
        return any(self.run.files.exists(path) for path in (self.ca, self.certificate, self.key))

    def problems(self) -> list[str]:
        """Say what is wrong with the set; empty when it is valid and matches."""
        files = self.run.files
        paths = (self.ca, self.certificate, self.key)
        if missing := [f"{path} is missing" for path in paths if not files.exists(path)]:
            return missing
        return self._problems_of_access() + _certificates.faults(
            ca=files.read(self.ca),
            certificate=files.read(self.certificate),
            key=files.read(self.key),
            wanted=self.wanted,
            now=_certificates.utc_now(),
        )

    def _problems_of_access(self) -> list[str]:
        state, found = self.run.files.state(self.key), []
        if state and state.mode != 0o600:
            found.append(f"{self.key} has mode {state.mode:04o}, not 0600")
        if state and self.account is not None and state.uid != self.account:
            found.append(f"{self.key} belongs to uid {state.uid}, not {self.account}")
        return found

    async def make(self, common_name: str) -> None:
        # An RSA key takes long enough to hold up everything else on the loop.
        issued = await asyncio.to_thread(
            _certificates.issue,
            common_name=common_name,
            names=self.wanted.names,
            days=self.wanted.days,
            key_type=self.wanted.key_type,
            now=_certificates.utc_now(),
        )
        self.run.secrets.register("TLS private key", issued.key.decode())
        write = self.run.files.write
        await write(self.key, issued.key, mode=0o600, uid=self.account)
        await write(self.certificate, issued.certificate, mode=0o644)
        await write(self.ca, issued.ca, mode=0o644)

    async def ignore_key(self) -> None:
        """Make git ignore the key before there is one.

        Raises:
            ActionError: git would still track it.
        """
        git, files = self.run.git, self.run.files
        if await git.state() == "no repository" or self.key in await git.ignored([self.key]):
            return
        before = files.read(".gitignore") if files.exists(".gitignore") else b""
        if before and not before.endswith(b"\n"):
            before += b"\n"
        line = f"# Private key of the staging certificate.\n/{self.key}\n"
        await files.write(".gitignore", before + line.encode())
        if self.key not in await git.ignored([self.key]):
            raise ActionError(
                f"git does not ignore {self.key}, so no key was made.",
                hint="Look for it in the index (git ls-files), or for a '!' line in a .gitignore.",
            )

    def register(self) -> None:
        self.run.secrets.register("TLS private key", self.run.files.read(self.key).decode())

    def leaf(self) -> x509.Certificate:
        return x509.load_pem_x509_certificates(self.run.files.read(self.certificate))[0]

"""The key of encrypted columns and the migrations' password, as files of the target."""

from __future__ import annotations

import os
from dataclasses import dataclass

from actions._database_names import COLUMN_KEY, OWNER_PASSWORD, VERIFIER
from runbook_app.domain.errors import ActionError
from runbook_app.domain.scram import verifier
from runbook_app.ports.action import Run

KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFiles:
    """Three files, each for one container and one account in it."""

    run: Run
    application: str
    """Folder that is mounted into the application's container."""
    server: str
    """Folder that is mounted into the database's container."""
    application_uid: int
    server_uid: int

    @property
    def wanted(self) -> dict[str, int]:
        """Owner by path."""
        return {
            f"{self.application}/{COLUMN_KEY}": self.application_uid,
            f"{self.application}/{OWNER_PASSWORD}": self.application_uid,
            f"{self.server}/{VERIFIER}": self.server_uid,
        }

    def any(self) -> bool:
        return any(self.run.files.exists(path) for path in self.wanted)

    def problems(self) -> list[str]:
        found = []
        for path, uid in self.wanted.items():
            state = self.run.files.state(path)
            if state is None:
                found.append(f"{path} is missing")
            elif state.mode != 0o600:
                found.append(f"{path} has mode {state.mode:04o}, not 0600")
            elif state.uid != uid:
                found.append(f"{path} belongs to uid {state.uid}, not {uid}")
        return found

    async def make(self) -> None:
        """Make what is missing; a key that is there is kept, for nothing else opens what it closed.

        Raises:
            ActionError: this program may not give files away.
        """
        if os.geteuid() != 0 and {*self.wanted.values()} != {os.geteuid()}:
            raise ActionError(
                "The key has to belong to the application's account in its container "
                f"(uid {self.application_uid}), and only root can give files away.",
                hint="Run the session as root.",
            )
        await ignore(self.run, list(self.wanted))
        key, password, scram = list(self.wanted)
        await self._keep_or_write(key, self._new("column key"))
        if not all(self.run.files.exists(path) for path in (password, scram)):
            secret = self._new("database password of the migrations")
            await self._write(password, secret)
            await self._write(scram, verifier(secret.decode(), os.urandom(16)).encode())
        self.register()
        for path in self.wanted:
            await self._write(path, self.run.files.read(path))

    def register(self) -> None:
        for name, path in (("column key", COLUMN_KEY), ("migrations' password", OWNER_PASSWORD)):
            content = self.run.files.read(f"{self.application}/{path}").decode("ascii").strip()
            self.run.secrets.register(name, content)
        self.run.secrets.register(
            "verifier of the migrations' password",
            self.run.files.read(f"{self.server}/{VERIFIER}").decode("ascii").strip(),
        )

    def _new(self, name: str) -> bytes:
        return self.run.secrets.generate(name, KEY_BYTES).hex().encode()

    async def _keep_or_write(self, path: str, data: bytes) -> None:
        if not self.run.files.exists(path):
            await self._write(path, data)

    async def _write(self, path: str, data: bytes) -> None:
        await self.run.files.write(path, data, mode=0o600, uid=self.wanted[path])


async def ignore(run: Run, paths: list[str]) -> None:
    """Make git ignore files before they are made.

    Raises:
        ActionError: git would still track one of them.
    """
    if await run.git.state() == "no repository":
        return
    ignored = set(await run.git.ignored(paths))
    open_ = [path for path in paths if path not in ignored]
    if not open_:
        return
    before = run.files.read(".gitignore") if run.files.exists(".gitignore") else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    lines = "".join(f"/{path}\n" for path in open_)
    await run.files.write(".gitignore", before + f"# Keys of the database.\n{lines}".encode())
    if left := [path for path in open_ if path not in set(await run.git.ignored(open_))]:
        raise ActionError(
            f"git does not ignore {', '.join(left)}, so nothing was made.",
            hint="Look for it in the index (git ls-files), or for a '!' line in a .gitignore.",
        )

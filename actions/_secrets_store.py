"""The files of an application's secrets, each for one container: made, kept, and known."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from actions._database_secrets import ignore
from actions._secrets_manifest import Entry
from runbook_app.domain.errors import ActionError, NotMeasured
from runbook_app.domain.scram import verifier
from runbook_app.ports.action import Run

KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    run: Run
    entries: Sequence[Entry]
    folder: str
    """Folder of the target with one file a secret, mounted into the application's container."""
    uid: int
    """Of the application in its container."""
    retired_by: Mapping[str, Sequence[str]]
    """By secret, the variables under which its old value stood in the project's files."""
    present: Mapping[str, str] = field(default_factory=dict)
    """Values that are known from elsewhere than a file."""
    published: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By variable, what the repository's history has of it."""

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def has(self, name: str) -> bool:
        return self.run.files.exists(self.path(name))

    def problems(self) -> list[str]:
        found = []
        for entry in self.entries:
            state = self.run.files.state(self.path(entry.name))
            if state is None:
                found.append(f"{self.path(entry.name)} is missing")
            elif state.mode != 0o600:
                found.append(f"{self.path(entry.name)} has mode {state.mode:04o}, not 0600")
            elif state.uid != self.uid:
                found.append(f"{self.path(entry.name)} belongs to uid {state.uid}, not {self.uid}")
            elif self.value(entry.name) in self.old_values(entry.name):
                found.append(f"{self.path(entry.name)} has the old value")
        return found

    async def make(self) -> None:
        """Make a new value for each secret that has no file; what is there is kept.

        Raises:
            ActionError: this program may not give files away, or git would track one.
        """
        if os.geteuid() not in (0, self.uid):
            raise ActionError(
                "Secrets have to belong to the application's account in its container "
                f"(uid {self.uid}), and only root can give files away.",
                hint="Run the session as root.",
            )
        await ignore(self.run, [self.path(entry.name) for entry in self.entries])
        for entry in self.entries:
            if not self.has(entry.name) or self.value(entry.name) in self.old_values(entry.name):
                value = entry.new(os.urandom(KEY_BYTES))
                self.run.secrets.register(entry.name, value)
                data = value.encode()
            else:
                data = self.run.files.read(self.path(entry.name))
            await self.run.files.write(self.path(entry.name), data, mode=0o600, uid=self.uid)
        self.register()

    def register(self) -> None:
        for entry in self.entries:
            if self.has(entry.name):
                self.run.secrets.register(entry.name, self.value(entry.name))

    def value(self, name: str) -> str:
        """The present value.

        Raises:
            NotMeasured: there is none.
        """
        if name in self.present:
            return self.present[name]
        if not self.has(name):
            raise NotMeasured(f"{self.path(name)} is missing.", hint="Run the step that makes it.")
        return self.run.files.read(self.path(name)).decode("utf-8").strip()

    def old_values(self, name: str) -> list[str]:
        """Values that stood in the project's files when this session came to it, or ever before."""
        variables = self.retired_by.get(name, ())
        known = [self.run.secrets.known(variable) for variable in variables]
        before = [self.published.get(variable, ()) for variable in variables]
        return list(dict.fromkeys(value for values in [*known, *before] for value in values))

    def retired(self, name: str) -> list[str]:
        """Those of them that are to open nothing any more."""
        return [value for value in self.old_values(name) if value != self.value(name)]


def password_verifier(password: str) -> bytes:
    return verifier(password, os.urandom(16)).encode()


def is_of(password: str, stored: bytes) -> bool:
    """Whether a verifier is the one of this password."""
    parts = stored.decode("ascii", "replace").strip().split("$")
    if len(parts) != 3 or ":" not in parts[1]:
        return False
    iterations, salt = parts[1].split(":", 1)
    try:
        made = verifier(password, base64.b64decode(salt), iterations=int(iterations))
    except ValueError:
        return False
    return made.encode() == stored.strip()

"""Notifications by apprise, sent by a short-lived process that may fail or hang as it likes."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from runbook_app.domain.errors import EnvironmentLacks

VARIABLE = "RUNBOOK_NOTIFY"
"""Addresses, divided by white space."""
FILE = "notify"
"""In `$RUNBOOK_HOME`, 0600: an address a line, `#` begins a comment."""
LIMIT = 30.0
"""Seconds for one address."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What the sending process reads from its standard input."""

    address: str
    title: str
    text: str


def addresses(home: Path) -> list[str]:
    """Those of the environment, else those of the file.

    Raises:
        EnvironmentLacks: others can read the file.
    """
    if given := os.environ.get(VARIABLE, "").split():
        return given
    try:
        with (home / FILE).open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise EnvironmentLacks(
                    f"Other accounts can read {home / FILE}, and its addresses are secrets.",
                    hint=f"chmod 600 {home / FILE}",
                )
            lines = [line.strip() for line in file]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EnvironmentLacks(f"{home / FILE} can't be read: {error.strerror}.") from error
    return [line for line in lines if line and not line.startswith("#")]


class AppriseNotifier:
    """Implements `ports.notifier.Notifier`."""

    def __init__(self, found: Sequence[str], *, fault: str = "", limit: float = LIMIT) -> None:
        self._addresses = list(found)
        self._fault = fault
        self._limit = limit

    @property
    def wanted(self) -> bool:
        return bool(self._addresses or self._fault)

    def lacks(self) -> str:
        if self._fault:
            return self._fault
        if importlib.util.find_spec("apprise") is None:
            return "apprise is not installed: pip install 'runbook-app[notify]'"
        return ""

    async def send(self, title: str, text: str) -> str:
        """Send to all at once; a dead or hanging server costs its own address only."""
        said = await asyncio.gather(*(self._send(one, title, text) for one in self._addresses))
        kinds = [address.partition("://")[0] for address in self._addresses]
        return ", ".join(f"{kind} {words}" for kind, words in zip(kinds, said, strict=True))

    async def _send(self, address: str, title: str, text: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "runbook_app.processes.notify",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,  # apprise's own words may hold the address
            start_new_session=True,
        )
        message = msgspec.json.encode(Message(address=address, title=title, text=text))
        try:
            async with asyncio.timeout(self._limit):
                await process.communicate(message)
        except TimeoutError:
            return f"did not answer within {self._limit:.0f} s"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return _HOW.get(process.returncode or 0, f"failed (exit code {process.returncode})")


SENT, REFUSED, NOT_UNDERSTOOD = 0, 3, 4
"""Exit codes of the sending process."""
_HOW = {
    SENT: "sent",
    REFUSED: "not accepted by its server",
    NOT_UNDERSTOOD: "is no address that apprise knows",
}


def send_one(data: bytes) -> int:
    """Be the sending process."""
    import apprise

    message = msgspec.json.decode(data, type=Message)
    sender = apprise.Apprise()
    if not sender.add(message.address):
        return NOT_UNDERSTOOD
    return SENT if sender.notify(title=message.title, body=message.text) else REFUSED

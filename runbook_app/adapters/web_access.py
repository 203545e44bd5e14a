"""Who is let in to a session in a browser: one link, the one browser that opens it, our own pages.

The cookie is the browser's; that a request was made by a page of ours its origin shows, and that
the browser means this server and no name that was made to point here (DNS rebinding) its host.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(:[0-9]{1,5})?")


class Link(Enum):
    """What a link's token is worth."""

    GOOD = "good"
    USED = "used"
    """It was exchanged already."""
    WRONG = "wrong"
    """It is not this server's."""


def _random() -> str:
    return secrets.token_urlsafe(32)


class WebAccess:
    """Both secrets live in this object alone."""

    def __init__(self, bound: Address, random: Callable[[], str] = _random) -> None:
        self._bound = bound
        self.token = random()
        """Opens one browser, once."""
        self._cookie = random()
        self._used = False

    def judge(self, token: str) -> Link:
        if not secrets.compare_digest(token.encode("utf-8", "replace"), self.token.encode()):
            return Link.WRONG
        return Link.USED if self._used else Link.GOOD

    def exchange(self) -> str:
        """Use the link up; the cookie's value."""
        self._used = True
        return self._cookie

    def admits(self, cookie: str) -> bool:
        given = cookie.encode("utf-8", "replace")
        return secrets.compare_digest(given, self._cookie.encode()) and self._used

    def is_ours(self, host: str) -> bool:
        """Whether a Host header means this server: an address, never a name but localhost."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found[1].strip("[]")
        if name.lower() == "localhost":
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not (self._bound.is_loopback or address.is_unspecified)

    def is_same_origin(self, origin: str, host: str) -> bool:
        return self.is_ours(host) and origin == f"http://{host}"

"""What tells one demo from another: project, ports, subnet, and credentials made at run time."""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from runbook_app.domain.errors import EnvironmentLacks

Network = ipaddress.IPv4Network

PREFIX = "runbook-demo"
_API_PORTS = range(8001, 8200)
_HTTP_PORTS = range(8080, 8280)
_TOKEN = re.compile(r"@@([A-Z_]+)@@")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A demo's own names; its marker file holds them, without the credentials."""

    project: str
    api_port: int
    http_port: int
    """Taken once TLS is on; plain HTTP redirects from there."""
    subnet: str

    def tokens(self) -> dict[str, str]:
        """Values by token of the sample's files; the credentials are new at each call."""
        return {
            "PROJECT": self.project,
            "API_PORT": str(self.api_port),
            "HTTP_PORT": str(self.http_port),
            "SUBNET": self.subnet,
            "DB_PASSWORD": secrets.token_hex(12),
            "JWT_SECRET": secrets.token_hex(32),
            "ADMIN_PASSWORD": secrets.token_hex(10),
        }


def choose(
    *,
    project: str,
    others: Iterable[Settings],
    networks: Iterable[Network],
    free: Callable[[int], bool],
) -> Settings:
    """Pick what no other demo and nothing else on this machine uses.

    Raises:
        EnvironmentLacks: no port or no subnet is left.
    """
    known = list(others)
    taken = {port for other in known for port in (other.api_port, other.http_port)}
    api_port = free_port(_API_PORTS, taken, free)
    http_port = free_port(_HTTP_PORTS, taken | {api_port}, free)
    used = [*networks, *(Network(other.subnet) for other in known)]
    return Settings(
        project=project or f"{PREFIX}-{secrets.token_hex(2)}",
        api_port=api_port,
        http_port=http_port,
        subnet=str(free_subnet(used)),
    )


def free_port(wanted: range, taken: set[int], free: Callable[[int], bool]) -> int:
    for port in wanted:
        if port not in taken and free(port):
            return port
    raise EnvironmentLacks(
        f"No port from {wanted.start} to {wanted.stop - 1} is free.",
        hint="Remove a demo with `runbook demo --remove DIR`, or stop what listens there.",
    )


def free_subnet(used: list[Network], candidates: Iterable[Network] | None = None) -> Network:
    for candidate in candidates or _candidates():
        if not any(candidate.overlaps(network) for network in used):
            return candidate
    raise EnvironmentLacks(
        "No private subnet is free for another network.",
        hint="Remove networks that nothing uses: docker network prune.",
    )


def _candidates() -> Iterator[Network]:
    yield from Network("10.89.0.0/16").subnets(new_prefix=24)
    yield from Network("172.28.0.0/14").subnets(new_prefix=24)


def port_free(port: int) -> bool:
    """Whether this machine would let somebody listen on a port of loopback and of everywhere."""
    for address in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 - tried, not served
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def host_routes(table: Path = Path("/proc/net/route")) -> list[Network]:
    """The IPv4 networks that this machine has a route to, the default route aside."""
    try:
        rows = [line.split() for line in table.read_text(encoding="ascii").splitlines()[1:]]
    except OSError:
        return []
    networks = [Network((_address(row[1]), _bits(row[7]))) for row in rows if len(row) > 7]
    return [network for network in networks if network.prefixlen]


def _address(field: str) -> int:
    """An address as the kernel prints it: hexadecimal, bytes reversed."""
    return int.from_bytes(bytes.fromhex(field)[::-1], "big")


def _bits(mask: str) -> int:
    return _address(mask).bit_count()


def fill(text: str, tokens: dict[str, str], *, name: str) -> str:
    """Put the values in the place of the tokens.

    Raises:
        ValueError: the text has a token that nobody knows.
    """
    unknown = {found for found in _TOKEN.findall(text) if found not in tokens}
    if unknown:
        raise ValueError(f"{name} has unknown tokens: {', '.join(sorted(unknown))}")
    return _TOKEN.sub(lambda found: tokens[found[1]], text)

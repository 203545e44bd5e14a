"""The certificate that a port presents, examined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from actions import _certificates
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    names: Sequence[str]
    min_days: int
    """That it must still be valid."""
    max_days: int
    """Of its whole life."""
    key_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    host: str
    port: int
    server_name: str


async def examine_chain(run: Run, port: Port, ca: str) -> x509.Certificate:
    """Hold the chain against our CA and the system's, and return the certificate.

    Raises:
        NotMeasured: the port presents none.
    """
    shake, address = run.http.handshake, (port.host, port.port)
    presented = await shake(*address, server_name=port.server_name, verify=False)
    if not presented.certificate:
        raise NotMeasured(
            f"{port.host}:{port.port} presents no certificate: {presented.error}.",
            hint="Check that the proxy runs and publishes the port.",
        )
    ours = await shake(*address, server_name=port.server_name, ca=run.files.path(ca))
    run.require("chain verifies with our CA", ours.ok, ours.error or ours.version)
    system = await shake(*address, server_name=port.server_name)
    refused = not system.ok and system.error.startswith("certificate not accepted")
    run.require("chain fails with the system's CAs", refused, system.error or "accepted")
    return x509.load_der_x509_certificate(presented.certificate)


def examine(run: Run, leaf: x509.Certificate, expected: Expected) -> None:
    missing = _certificates.missing_names(leaf, expected.names)
    run.require("names", not missing, ", ".join(_certificates.names_of(leaf)) or "none")
    _examine_time(run, leaf, expected)
    run.equals("key", _certificates.key_kind(leaf.public_key()), expected.key_type)
    hashed = leaf.signature_hash_algorithm
    run.require(
        "signature by SHA-256 or better",
        hashed is not None and hashed.digest_size >= 32,
        hashed.name if hashed else "unknown",
    )
    run.require(
        "not self-signed",
        not _certificates.signed_by(leaf, leaf),
        f"issued by {leaf.issuer.rfc4514_string()}",
    )


def _examine_time(run: Run, leaf: x509.Certificate, expected: Expected) -> None:
    start, end, now = leaf.not_valid_before_utc, leaf.not_valid_after_utc, _certificates.utc_now()
    run.require("valid now", start <= now < end, f"until {end:%Y-%m-%d %H:%M} UTC")
    run.measure("days left", (end - now).days, "days", at_least=expected.min_days)
    run.measure("lifetime", (end - start).days, "days", at_most=expected.max_days)


def examine_files(run: Run, leaf: x509.Certificate, path: str, key: str) -> None:
    same = run.files.exists(path) and is_first_of(leaf, run.files.read(path))
    run.require(f"{path} is what the port presents", same, _certificates.fingerprint(leaf))
    state = run.files.state(key)
    run.equals(f"mode of {key}", f"{state.mode:04o}" if state else "absent", "0600")


def is_first_of(leaf: x509.Certificate, pem: bytes) -> bool:
    try:
        return x509.load_pem_x509_certificates(pem)[0] == leaf
    except (ValueError, IndexError):
        return False

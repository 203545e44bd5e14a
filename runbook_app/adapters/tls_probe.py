"""One TLS handshake by the standard library, old protocol versions included."""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import Handshake

VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
_OLD = {"TLSv1", "TLSv1.1"}
_DEADLINE = 10.0
"""Seconds for connecting and for the handshake, each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the client offers, and how it judges the answer."""

    server_name: str = "localhost"
    minimum: str = ""
    maximum: str = ""
    ciphers: str = ""
    ca: Path | None = None
    verify: bool = True
    alpn: Sequence[str] = ()


def shake_hands(host: str, port: int, offer: Offer) -> Handshake:
    """Try one handshake; blocks for at most twice the deadline."""
    context = client_context(offer)
    try:
        with socket.create_connection((host, port), timeout=_DEADLINE) as plain:
            plain.settimeout(_DEADLINE)
            with context.wrap_socket(plain, server_hostname=offer.server_name) as secured:
                return _outcome(secured)
    except OSError as error:
        return Handshake(ok=False, version="", cipher="", certificate=b"", error=describe(error))


def _outcome(secured: ssl.SSLSocket) -> Handshake:
    cipher = secured.cipher()
    return Handshake(
        ok=True,
        version=secured.version() or "",
        cipher=cipher[0] if cipher else "",
        certificate=secured.getpeercert(binary_form=True) or b"",
        error="",
    )


def client_context(offer: Offer) -> ssl.SSLContext:
    """Make a context for an offer.

    Raises:
        ActionError: a version is unknown, or the file of the CA can't be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = offer.verify
    context.verify_mode = ssl.CERT_REQUIRED if offer.verify else ssl.CERT_NONE
    if offer.verify:
        trust(context, offer.ca)
    _limit_versions(context, offer)
    if ciphers := _ciphers(offer):
        context.set_ciphers(ciphers)
    if offer.alpn:
        context.set_alpn_protocols(list(offer.alpn))
    return context


def trust(context: ssl.SSLContext, ca: Path | None) -> None:
    """Trust one CA alone, or the system's."""
    if ca is None:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(cafile=ca)
    except OSError as error:
        raise ActionError(
            f"The CA file {ca} can't be read: {error.strerror or describe(error)}.",
            hint="Make the certificates first, or name the right file.",
        ) from error


def _limit_versions(context: ssl.SSLContext, offer: Offer) -> None:
    with warnings.catch_warnings():
        # Offering a deprecated version is what this probe is for.
        warnings.simplefilter("ignore", DeprecationWarning)
        if offer.maximum:
            context.maximum_version = _version(offer.maximum)
        if offer.minimum:
            context.minimum_version = _version(offer.minimum)
        elif offer.maximum in _OLD:
            context.minimum_version = _version(offer.maximum)


def _version(name: str) -> ssl.TLSVersion:
    try:
        return VERSIONS[name]
    except KeyError as error:
        raise ActionError(
            f"{name!r} is no TLS version.", hint=f"Known are {', '.join(VERSIONS)}."
        ) from error


def _ciphers(offer: Offer) -> str:
    """OpenSSL 3 offers TLS 1.0 and 1.1 at security level 0 only."""
    if not _OLD & {offer.minimum, offer.maximum}:
        return offer.ciphers
    return f"{offer.ciphers or 'ALL'}:@SECLEVEL=0"


def describe(error: BaseException) -> str:
    """Say in a few words why a connection failed."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"certificate not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS: {error.reason or error}"
        case ConnectionRefusedError():
            return "connection refused"
        case TimeoutError():
            return "timed out"
        case ConnectionResetError() | BrokenPipeError():
            return "connection reset"
        case socket.gaierror():
            return "name not known"
        case OSError():
            return (error.strerror or str(error) or type(error).__name__).lower()
    return str(error) or type(error).__name__

"""A server on loopback that does speak one old version of TLS: the control of a negative check."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

from actions import _certificates
from actions._certificates import KeyType

VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


@contextlib.contextmanager
def speaking(version: str, scratch: Path, *, key_type: KeyType = "ecdsa-p256") -> Iterator[int]:
    """Serve handshakes of this version alone, with a throwaway certificate, and yield the port."""
    context = _context(version, scratch, key_type)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        over = threading.Event()
        server = threading.Thread(target=_serve, args=(listener, context, over), daemon=True)
        server.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            server.join()


def _context(version: str, scratch: Path, key_type: KeyType) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        # Speaking a deprecated version is what this server is for.
        warnings.simplefilter("ignore", DeprecationWarning)
        # First widen, so that the range is never empty in between.
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = VERSIONS[version]
        context.minimum_version = VERSIONS[version]
    issued = _certificates.issue(
        common_name="localhost",
        names=["localhost"],
        days=1,
        key_type=key_type,
        now=_certificates.utc_now(),
    )
    chain = scratch / "control.pem"
    chain.touch(mode=0o600)
    try:
        chain.write_bytes(issued.key + issued.certificate)
        context.load_cert_chain(chain)
    finally:
        chain.unlink()
    return context


def _serve(listener: socket.socket, context: ssl.SSLContext, over: threading.Event) -> None:
    while not over.is_set():
        try:
            plain, _ = listener.accept()
        except TimeoutError:
            continue
        with plain, contextlib.suppress(OSError):
            plain.settimeout(5)
            context.wrap_socket(plain, server_side=True).close()

"""Servers on loopback that a test makes as good or as bad as it needs them."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from actions import _certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    client: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


Behaviour = Callable[[Request], Answer]


def handler(behaviour: Behaviour) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            given = behaviour(
                Request(
                    method=self.command,
                    path=self.path,
                    client=self.client_address[0],
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=body,
                )
            )
            self.send_response(given.status)
            for name, value in given.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(given.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: refused handshakes are what some tests are about."""


@contextlib.contextmanager
def serving(
    behaviour: Behaviour | None = None, *, tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Serve on loopback, over TLS with a context, and yield the port."""
    server = Quiet(("127.0.0.1", 0), handler(behaviour or (lambda _: Answer())))
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def issued(
    *,
    names: Sequence[str] = ("localhost", "127.0.0.1", "::1"),
    days: int = 89,
    key_type: _certificates.KeyType = "ecdsa-p256",
) -> _certificates.Issued:
    return _certificates.issue(
        common_name="localhost",
        names=names,
        days=days,
        key_type=key_type,
        now=_certificates.utc_now(),
    )


def written(folder: Path, made: _certificates.Issued) -> Path:
    """Write the set into `certs/` as the action would."""
    certs = folder / "certs"
    certs.mkdir(parents=True, exist_ok=True)
    (certs / "ca.pem").write_bytes(made.ca)
    (certs / "cert.pem").write_bytes(made.certificate)
    (certs / "key.pem").write_bytes(made.key)
    (certs / "key.pem").chmod(0o600)
    return certs


def server_context(certs: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs / "cert.pem", certs / "key.pem")
    return context

"""A Docker engine in which nothing runs, as far as a session asks it."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

ANSWERS: dict[str, object] = {
    "/_ping": "OK",
    "/version": {"Version": "28.0.0", "ApiVersion": "1.48", "MinAPIVersion": "1.24"},
    "/containers/json": [],
    "/networks": [],
    "/volumes": {"Volumes": []},
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = re.sub(r"^/v[0-9.]+", "", self.path.partition("?")[0])
        if path == "/events":
            self._stream()
            return
        found = ANSWERS.get(path)
        body = json.dumps(found if found is not None else {"message": f"no {path}"}).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        """Events, of which there are none until whoever listens goes."""
        self.send_response(200)
        self.end_headers()
        self.rfile.read(1)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def address_string(self) -> str:
        return ""


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def empty_engine(socket: Path) -> Iterator[str]:
    """Let it answer at a socket; the value for `DOCKER_HOST`."""
    with _Server(str(socket), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"unix://{socket}"
        finally:
            server.shutdown()
            thread.join()

"""A Docker engine in which nothing runs, or one container, as far as a session asks it."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs

ANSWERS: dict[str, object] = {
    "/_ping": "OK",
    "/version": {"Version": "28.0.0", "ApiVersion": "1.48", "MinAPIVersion": "1.24"},
    "/containers/json": [],
    "/images/json": [],
    "/networks": [],
    "/volumes": {"Volumes": []},
}


def one_container(service: str) -> dict[str, object]:
    """Answers of an engine in which a service's container runs, of an older Compose file."""
    labels = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": service,
        "com.docker.compose.container-number": "1",
        "com.docker.compose.config-hash": "older",
    }
    found = {
        "Id": "1" * 64,
        "Name": f"/shop-{service}-1",
        "Created": "2025-10-24T07:00:00Z",
        "Image": f"sha256:{'2' * 64}",
        "State": {"Status": "running", "StartedAt": "2025-10-24T07:00:00Z"},
        "Config": {
            "Hostname": "1" * 12,
            "Tty": False,
            "Labels": labels,
            "Image": "shop:1",
            "Env": [],
        },
        "HostConfig": {"PortBindings": {}},
        "NetworkSettings": {"Ports": {}, "Networks": {}},
        "Mounts": [],
    }
    return {
        **ANSWERS,
        "/containers/json": [{"Id": found["Id"], "Labels": labels, "Names": [found["Name"]]}],
        f"/containers/{found['Id']}/json": found,
        f"/containers/{found['Id']}/changes": [],
    }


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        whole, _, query = self.path.partition("?")
        path = re.sub(r"^/v[0-9.]+", "", whole)
        if path == "/events" or path.endswith("/logs"):
            self._stream(path)
            return
        found = self.server.answers.get(path)  # type: ignore[attr-defined]  # of our server
        if path == "/containers/json":
            found = _labelled(found, query)
        body = json.dumps(found if found is not None else {"message": f"no {path}"}).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, path: str) -> None:
        """Events or log lines, of which there are none until whoever follows them goes."""
        self.send_response(200)
        self.end_headers()
        if path == "/events" or "follow=1" in self.path:
            self.rfile.read(1)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def address_string(self) -> str:
        return ""


def _labelled(containers: object, query: str) -> list[dict[str, Any]]:
    """Those that have every label a query asks for."""
    (filters,) = parse_qs(query).get("filters", ["{}"])
    wanted = json.loads(filters).get("label", [])
    return [
        found
        for found in cast("list[dict[str, Any]]", containers)
        if {*wanted} <= {word for k, v in found["Labels"].items() for word in (k, f"{k}={v}")}
    ]


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    answers: Mapping[str, object] = ANSWERS


@contextmanager
def empty_engine(socket: Path, answers: Mapping[str, object] = ANSWERS) -> Iterator[str]:
    """Let it answer at a socket; the value for `DOCKER_HOST`."""
    with _Server(str(socket), _Handler) as server:
        server.answers = answers
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"unix://{socket}"
        finally:
            server.shutdown()
            thread.join()

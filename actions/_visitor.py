"""A visitor of the stack with an address of its own: a program for a throwaway container.

It has the standard library alone, takes an order in JSON from `RUNBOOK_ORDER`, and writes JSON:

    {"do": "responses", "requests": [...]}       how each request is answered, and a control
    {"do": "limit", "request": {}, "limit": 5}   how many pass, and what happens after that
    {"do": "witness", "requests": [...], "moments": 4, "every": 2.0}    requests in rounds

Each has an `entrance`: `host`, `port`, `name` (in TLS and in the Host header), and `ca` (PEM text;
empty is plain HTTP).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

TIMEOUT = 15.0
"""Seconds for connecting, and for each read."""
LONGEST_WAIT = 600
"""Seconds; a longer Retry-After is not waited for."""

Order = Mapping[str, Any]
Answer = dict[str, Any]


def connect(entrance: Order, *, plain: bool = False) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(entrance["host"], entrance["port"], timeout=TIMEOUT)
    bare = socket.create_connection((entrance["host"], entrance["port"]), timeout=TIMEOUT)
    if entrance["ca"] and not plain:
        context = ssl.create_default_context(cadata=entrance["ca"])
        connection.sock = context.wrap_socket(bare, server_hostname=entrance["name"])
    else:
        connection.sock = bare
    return connection


def send(entrance: Order, request: Order, headers: Mapping[str, str] | None = None) -> Answer:
    """Send one request over a connection of its own; headers come back with their duplicates."""
    body: bytes | None = None
    sent = {"Host": entrance["name"], **request.get("headers", {}), **(headers or {})}
    if "json" in request:
        body = json.dumps(request["json"]).encode()
        sent.setdefault("Content-Type", "application/json")
    elif "pieces" in request:
        body = b"".join(text.encode("latin-1") * times for text, times in request["pieces"])
    elif request.get("size"):
        body = b"x" * int(request["size"])
    connection = connect(entrance, plain=bool(request.get("plain")))
    try:
        # A body that is refused may be answered before all of it is sent.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(request.get("method", "GET"), request["path"], body, sent)
        answer = connection.getresponse()
        answer.read()
        return {"status": answer.status, "headers": answer.getheaders(), "at": time.time()}
    finally:
        connection.close()


def attempt(entrance: Order, request: Order, headers: Mapping[str, str] | None = None) -> Answer:
    """Send, and take no answer for status 0."""
    try:
        return send(entrance, request, headers)
    except (OSError, http.client.HTTPException) as error:
        return {"status": 0, "headers": [], "at": time.time(), "error": f"{error}"}


def responses(order: Order) -> Answer:
    return {
        "answers": [provoke(order["entrance"], request) for request in order["requests"]],
        "control": control(),
    }


def provoke(entrance: Order, request: Order) -> Answer:
    """Repeat a request until it is answered with the wanted status, or often enough.

    An address that somebody else had before may come without a quota: then its end is waited for.
    """
    wanted, answer = request.get("status"), attempt(entrance, request)
    if answer["status"] == 429 != wanted:
        time.sleep(min(wait_of(answer) or 0, LONGEST_WAIT))
        answer = attempt(entrance, request)
    for _ in range(int(request.get("repeat", 1)) - 1):
        if answer["status"] == wanted:
            break
        answer = attempt(entrance, request)
    return answer


class Careless(BaseHTTPRequestHandler):
    """Answers without security headers on /bare, with one twice on /double, and breaks on POST."""

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path == "/double":
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        """Break down over any input."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Say nothing: standard output is the answer's."""


def control() -> Answer:
    """See what this visitor makes of a server that has the weakness."""
    server = HTTPServer(("127.0.0.1", 0), Careless)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    entrance = {
        "host": "127.0.0.1",
        "port": server.server_address[1],
        "name": "localhost",
        "ca": "",
    }
    try:
        asked = {path: attempt(entrance, {"path": f"/{path}"}) for path in ("bare", "double")}
        broken = {"method": "POST", "path": "/", "pieces": [["{", 1]]}
        return asked | {"broken": attempt(entrance, broken)}
    finally:
        server.shutdown()
        server.server_close()


def limit(order: Order) -> Answer:
    """Use up the quota, ask once more, wait as told, ask again.

    Each request claims to come from another address: the limit must hold all the same. An address
    that somebody else had before may come with a quota used in part: then it all starts over once,
    in a window of its own.
    """
    entrance, request = order["entrance"], order["request"]
    passed = use_up(entrance, request, order["limit"])
    if passed[-1]["status"] == 429:
        time.sleep(min(wait_of(passed[-1]) or 0, LONGEST_WAIT))
        passed = use_up(entrance, request, order["limit"])
    refused = attempt(entrance, request, claiming("203.0.113.1"))
    waited = wait_of(refused)
    again: Answer | None = None
    if waited is not None and waited <= LONGEST_WAIT:
        time.sleep(waited)
        again = {"sent": time.time()} | attempt(entrance, request)
    return {
        "statuses": [answer["status"] for answer in passed],
        "refused": refused,
        "retry_after": waited,
        "again": again,
    }


def claiming(address: str) -> dict[str, str]:
    """Every header by which a request may say that it comes from another address."""
    names = ("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP")
    return {**dict.fromkeys(names, address), "Forwarded": f"for={address}"}


def use_up(entrance: Order, request: Order, limit: int) -> list[Answer]:
    return [
        attempt(entrance, request, claiming(f"198.51.100.{number % 250 + 1}"))
        for number in range(limit)
    ]


def wait_of(answer: Answer) -> int | None:
    values = [value for name, value in answer["headers"] if name.lower() == "retry-after"]
    return int(values[0]) if len(values) == 1 and values[0].isdigit() else None


def witness(order: Order) -> Answer:
    """Send each request once a round; rounds are `every` seconds apart."""
    rounds: list[list[Answer]] = []
    for number in range(order["moments"]):
        time.sleep(order["every"] if number else order.get("first", order["every"]))
        rounds.append([attempt(order["entrance"], request) for request in order["requests"]])
    return {
        "seen": [
            [{"status": answer["status"], "at": answer["at"]} for answer in answers]
            for answers in rounds
        ]
    }


ORDERS = {"responses": responses, "limit": limit, "witness": witness}


def main() -> None:
    order = json.loads(os.environ["RUNBOOK_ORDER"])
    json.dump(ORDERS[order["do"]](order), sys.stdout)


if __name__ == "__main__":
    main()

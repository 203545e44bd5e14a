"""Notifications by apprise, to a server of this machine that answers, refuses, is dead or hangs."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runbook_app.adapters.artefacts import FolderArtefacts
from runbook_app.adapters.notifier import FILE, VARIABLE, AppriseNotifier, addresses
from runbook_app.adapters.sealer import FileKeySealer
from runbook_app.bootstrap.notifying import notifier
from runbook_app.domain.errors import EnvironmentLacks
from runbook_app.engine.known_secrets import KnownSecrets
from runbook_app.engine.redaction import Redactor


class Server(ThreadingHTTPServer):
    """Takes what `json://` sends."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.token = secrets.token_hex(16)
        self.got: list[dict[str, str]] = []
        self.seen_in_arguments = False
        self.goes_on = threading.Event()
        self.goes_on.set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"json://user:{self.token}@127.0.0.1:{self.server_port}/"

    def look(self) -> None:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.seen_in_arguments |= self.token.encode() in process.read_bytes()
            except OSError:  # it has ended meanwhile
                continue

    def close(self) -> None:
        self.goes_on.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.look()
        self.server.goes_on.wait()
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


async def test_title_and_text_arrive_and_the_address_is_in_no_arguments(server: Server) -> None:
    said = await AppriseNotifier([server.address]).send("runbook: T", "waiting for a person")
    assert said == "json sent"
    (got,) = server.got
    assert (got["title"], got["message"]) == ("runbook: T", "waiting for a person")
    assert not server.seen_in_arguments


async def test_a_server_that_refuses_or_is_dead_costs_its_own_address_only(server: Server) -> None:
    refusing = Server()
    refusing.status = 500
    dead = Server()
    dead.close()
    to = [refusing.address, dead.address, "nonsense://x", server.address]
    said = await AppriseNotifier(to).send("t", "x")
    refusing.close()
    assert said == (
        "json not accepted by its server, json not accepted by its server,"
        " nonsense is no address that apprise knows, json sent"
    )
    assert refusing.token not in said
    assert len(server.got) == 1


async def test_a_server_that_hangs_is_given_up(server: Server) -> None:
    server.goes_on.clear()
    said = await AppriseNotifier([server.address], limit=2).send("t", "x")
    assert said == "json did not answer within 2 s"


def test_addresses_come_from_the_environment_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert addresses(tmp_path) == []
    (tmp_path / FILE).write_text("# who is on call\njson://a/\n\njson://b/\n")
    (tmp_path / FILE).chmod(0o600)
    assert addresses(tmp_path) == ["json://a/", "json://b/"]
    monkeypatch.setenv(VARIABLE, "json://c/ json://d/")
    assert addresses(tmp_path) == ["json://c/", "json://d/"]


def test_nobody_is_to_be_called_without_an_address_and_an_address_is_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOK_HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    redactor = Redactor()
    known = KnownSecrets(redactor, FolderArtefacts(tmp_path, FileKeySealer(tmp_path / "key")))
    assert not notifier(known).wanted
    address = "json://user:correct-horse-battery@127.0.0.1/"
    monkeypatch.setenv(VARIABLE, address)
    assert notifier(known).wanted
    assert redactor.text(f"to {address}") == "to [secret:notify-1]"


def test_a_file_that_others_can_read_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / FILE).write_text("json://a/\n")
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(EnvironmentLacks, match="Other accounts can read"):
        addresses(tmp_path)

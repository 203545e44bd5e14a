"""`serve`: what it starts, what it ends, and where its link is not."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType

from runbook_app import bootstrap
from runbook_app.adapters.children import start_time
from runbook_app.engine.client import SessionClient
from tests.cli.conftest import runbook
from tests.cli.served import Serving, sessions, wait_for

Serve = Callable[..., Serving]
ESCAPES = re.compile(r"\x1b(\[[0-9;?$]*[a-zA-Z]|.)")


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionClient]:
    yield from sessions(tmp_path, monkeypatch)


@pytest.fixture
def serve(session: SessionClient) -> Iterator[Serve]:
    running: list[Serving] = []

    def start(*options: str) -> Serving:
        running.append(Serving(session, *options))
        return running[-1]

    yield start
    for serving in running:
        serving.close()


class Page:
    """The websocket of an opened page, as far as it was painted."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self.text = ""

    async def until(self, words: str) -> None:
        async with asyncio.timeout(60):
            while words not in self.text:
                message = await self._socket.receive()
                assert message.type is WSMsgType.BINARY, f"{message}: {self.text}"
                self.text += ESCAPES.sub("", message.data.decode())

    async def type(self, keys: str) -> None:
        await self._socket.send_str(json.dumps(["stdin", keys]))


@asynccontextmanager
async def opened(serving: Serving) -> AsyncIterator[Page]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        async with client.get(serving.link) as answer:
            assert answer.status == 200
        url, headers = f"{serving.base}/ws?width=120&height=40", {"Origin": serving.base}
        async with client.ws_connect(url, headers=headers) as socket:
            page = Page(socket)
            await page.until("Find the file")
            yield page


async def test_it_is_the_session_s_screen_and_drives_nothing(serve: Serve) -> None:
    serving = serve()
    assert "read-only" in serving.said
    async with opened(serving) as page:
        await page.type("n")
        await page.until("You are watching read-only")
        serving.session.refresh()
        assert serving.session.state.epoch == 0
    out, err = serving.end()
    assert serving.process.returncode == 0
    assert (out.count(serving.token), err) == (1, "")


async def test_the_link_s_token_is_with_no_process_and_in_no_record(serve: Serve) -> None:
    serving = serve("--write")
    token = serving.token.encode()
    async with opened(serving) as page:
        await page.type("e")
        await asyncio.to_thread(wait_for, lambda: serving.session.refresh() or _epoch(serving))
        (child,) = serving.children()
        engine = serving.session.state.engine
        for pid in (serving.process.pid, child, engine.pid):
            for what in ("cmdline", "environ"):
                assert token not in Path(f"/proc/{pid}/{what}").read_bytes()
    serving.end()
    kept = [path for path in bootstrap.home().rglob("*") if path.is_file()]
    assert any(path.name == "journal.db" for path in kept)
    assert [path for path in kept if token in path.read_bytes()] == []


def _epoch(serving: Serving) -> int:
    return serving.session.state.epoch


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_its_end_ends_the_screens_and_no_engine(serve: Serve, number: signal.Signals) -> None:
    serving = serve("--write")
    async with opened(serving) as page:
        await page.type("e")
        await asyncio.to_thread(wait_for, lambda: serving.session.refresh() or _epoch(serving))
        (child,) = serving.children()
        await asyncio.to_thread(serving.end, number)
    assert serving.process.returncode == 0
    assert start_time(child) is None
    assert serving.session.engine_alive()


async def test_killed_it_leaves_no_screen_behind_and_every_engine(serve: Serve) -> None:
    serving = serve("--write")
    async with opened(serving) as page:
        await page.type("e")
        await asyncio.to_thread(wait_for, lambda: serving.session.refresh() or _epoch(serving))
        (child,) = serving.children()
        await asyncio.to_thread(serving.end, signal.SIGKILL)
    wait_for(lambda: start_time(child) is None)
    assert serving.session.engine_alive()


async def test_closing_the_page_ends_its_screen_and_it_can_be_opened_again(serve: Serve) -> None:
    serving = serve()
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        await (await client.get(serving.link)).release()
        for _ in range(2):
            url, headers = f"{serving.base}/ws", {"Origin": serving.base}
            async with client.ws_connect(url, headers=headers) as socket:
                await Page(socket).until("Find the file")
            await asyncio.to_thread(wait_for, lambda: not serving.children())


@pytest.fixture
def asked(
    session: SessionClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, object]]:
    """What the server was started with, instead of starting it."""
    found: list[dict[str, object]] = []

    async def note(session: str, **options: object) -> None:
        found.append(options)

    monkeypatch.setattr(bootstrap, "serve_session", note)
    monkeypatch.chdir(tmp_path / "target")
    return found


def test_what_it_listens_on_is_this_machine_unless_it_is_told(asked) -> None:
    assert runbook("serve").exit_code == 0
    assert asked[0]["bound"] == ip_address("127.0.0.1")
    assert (asked[0]["port"], asked[0]["write"]) == (0, False)


def test_beyond_this_machine_it_says_what_that_means(asked) -> None:
    found = runbook("serve", "--bind", "0.0.0.0", "--port", "8765")
    assert found.exit_code == 0
    assert "unencrypted" in found.stderr
    assert "SSH" in found.stderr
    assert asked[0]["port"] == 8765
    assert runbook("serve", "--bind", "::1").stderr == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--write", "--bind", "0.0.0.0"), "not loopback"),
        (("--bind", "evil.example"), "no IP address"),
        (("--port", "65536"), "65535"),
        (("none",), "no session"),
    ],
)
def test_what_can_t_be_served_is_refused(asked, options: tuple[str, ...], said: str) -> None:
    found = runbook("serve", *options)
    assert found.exit_code == 2
    assert said in found.stderr
    assert asked == []


def test_a_taken_port_ends_it_with_what_to_do(serve: Serve) -> None:
    serving = serve()
    port = serving.base.rpartition(":")[2]
    found = runbook("serve", serving.session.id, "--port", port)
    assert found.exit_code == 5
    assert "--port" in found.stderr

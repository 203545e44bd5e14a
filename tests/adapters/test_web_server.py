"""What the server of `runbook serve` answers, to its browser and to those who want in."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import (
    ClientSession,
    ClientWebSocketResponse,
    CookieJar,
    WSMsgType,
    WSServerHandshakeError,
)

from runbook_app.adapters.children import start_time
from runbook_app.adapters.web_access import WebAccess
from runbook_app.adapters.web_server import WebServer
from runbook_app.domain.errors import EnvironmentLacks

CHILD = Path(__file__).with_name("web_child.py")
LOOPBACK = ip_address("127.0.0.1")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str


@dataclass
class Served:
    link: str
    cookie: str = ""

    @property
    def base(self) -> str:
        return self.link.partition("/?")[0]

    @property
    def host(self) -> str:
        return self.base.removeprefix("http://")

    @property
    def token(self) -> str:
        return self.link.partition("=")[2]

    async def ask(
        self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET"
    ) -> Answer:
        """Send a path as it is: a client would tidy it up."""
        sent = {"Host": self.host, "Cookie": self.cookie, "Connection": "close", **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        reader, writer = await asyncio.open_connection(*self.host.split(":"))
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
        raw = await reader.read()
        writer.close()
        await writer.wait_closed()
        top, _, body = raw.decode("utf-8", "replace").partition("\r\n\r\n")
        first, *rest = top.split("\r\n")
        fields = dict(line.split(": ", 1) for line in rest)
        return Answer(int(first.split()[1]), fields, body)

    async def enter(self) -> Answer:
        answer = await self.ask(f"/?token={self.token}")
        self.cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
        return answer

    @asynccontextmanager
    async def socket(
        self, size: str = "?width=100&height=30", headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[ClientWebSocketResponse]:
        sent = {"Cookie": self.cookie, "Origin": self.base} if headers is None else headers
        async with (
            ClientSession(cookie_jar=CookieJar(unsafe=True)) as client,
            client.ws_connect(f"{self.base}/ws{size}", headers=sent) as socket,
        ):
            yield socket


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start servers; they have ended when the test ends."""
    running: list[tuple[asyncio.Event, asyncio.Task[None]]] = []

    async def start(how: str = "", port: int = 0) -> Served:
        ended, link = asyncio.Event(), asyncio.get_running_loop().create_future()
        server = WebServer(WebAccess(LOOPBACK), [sys.executable, str(CHILD), how], "runbook s1")
        task = asyncio.create_task(server.serve(LOOPBACK, port, link.set_result, ended))
        running.append((ended, task))
        await asyncio.wait({task, link}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            running.pop()
            await task
        return Served(await link)

    yield start
    for ended, task in running:
        ended.set()
        await task


@pytest.fixture
async def served(serve: Serve) -> Served:
    return await serve()


@pytest.fixture
async def opened(served: Served) -> Served:
    await served.enter()
    return served


async def shown(socket: ClientWebSocketResponse, words: str) -> str:
    """What was painted up to some words."""
    found = ""
    async with asyncio.timeout(30):
        while words not in found:
            message = await socket.receive()
            assert message.type is WSMsgType.BINARY, message
            found += message.data.decode()
    return found


async def child_of(socket: ClientWebSocketResponse) -> int:
    return int((await shown(socket, ";")).split()[1])


async def gone(pid: int) -> None:
    async with asyncio.timeout(30):
        while start_time(pid) is not None:
            await asyncio.sleep(0.02)


async def closed(socket: ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(30):
        async for _ in socket:
            pass
    return socket.close_code


async def test_the_link_opens_a_browser_whose_cookie_no_page_can_read_or_send(
    served: Served,
) -> None:
    answer = await served.enter()
    assert answer.status == 200
    value, *marks = answer.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(marks)
    assert value.startswith(f"runbook-{served.host.partition(':')[2]}=")
    assert served.token not in answer.text + value
    assert served.host in (await served.ask("/")).text


async def test_a_link_goes_on_by_a_page_of_ours_and_not_by_a_redirect(served: Served) -> None:
    """The cookie would not be sent to the target of another site's redirect."""
    answer = await served.enter()
    assert answer.status == 200
    assert 'http-equiv="refresh" content="0; url=/"' in answer.text


async def test_a_used_link_is_refused_and_told_what_to_do(opened: Served) -> None:
    answer = await Served(opened.link).enter()
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers
    for words in ("used already", "start it again", 'href="/"'):
        assert words in answer.text


async def test_of_many_browsers_at_once_one_gets_in(served: Served) -> None:
    answers = await asyncio.gather(*(Served(served.link).enter() for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [403] * 7


@pytest.mark.parametrize(
    "token", ["", "x", "%00", "%C3%A9", "%ff", "<script>alert(1)</script>", "A" * 4000]
)
async def test_a_wrong_token_opens_nothing_and_uses_nothing_up(served: Served, token: str) -> None:
    answer = await served.ask(f"/?token={token}")
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers
    assert "<script>" not in answer.text
    assert (await served.enter()).status == 200


async def test_a_request_that_is_none_is_refused_and_logged_nowhere(
    served: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in (f"/?token={served.token}é", f"/?token={served.token}\0"):
        assert (await served.ask(path)).status == 400
    assert served.token not in caplog.text + "".join(capfd.readouterr())
    assert (await served.enter()).status == 200


async def test_asking_for_the_head_alone_uses_no_link_up(served: Served) -> None:
    for method in ("HEAD", "POST", "OPTIONS"):
        assert (await served.ask(f"/?token={served.token}", method=method)).status == 405
    assert (await served.enter()).status == 200


PATHS = ["/", "/ws", "/static/js/textual.js", "/download/x", "/none"]


@pytest.mark.parametrize("cookie", ["", "runbook=x", "NAME=", "NAME=x", "NAME=é", "NAME=TOKEN"])
async def test_without_the_cookie_there_is_nothing_but_a_page_that_says_so(
    served: Served, cookie: str
) -> None:
    name = f"runbook-{served.host.partition(':')[2]}"
    served.cookie = cookie.replace("NAME", name).replace("TOKEN", served.token)
    for path in PATHS:
        answer = await served.ask(path)
        assert answer.status == 403
        assert "has not opened the session" in answer.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:PORT", "127.0.0.1.evil.example"])
async def test_a_name_that_was_made_to_point_here_is_refused(opened: Served, host: str) -> None:
    """DNS rebinding."""
    host = host.replace("PORT", opened.host.partition(":")[2])
    for path in (*PATHS, f"/?token={opened.token}"):
        answer = await opened.ask(path, {"Host": host})
        assert answer.status == 403
        assert "not called by that name" in answer.text


async def test_a_foreign_host_does_not_use_the_link_up(served: Served) -> None:
    await served.ask(f"/?token={served.token}", {"Host": "evil.example"})
    assert (await served.enter()).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "SECURE"])
async def test_another_site_s_page_gets_nothing_though_it_had_the_cookie(
    opened: Served, origin: str
) -> None:
    origin = origin.replace("SECURE", f"https://{opened.host}")
    for path in PATHS:
        answer = await opened.ask(path, {"Origin": origin})
        assert answer.status == 403
        assert "Another site" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "OURS"},
        {"Origin": "OURS", "Cookie": "runbook=x"},
        {"Cookie": "OURS"},
        {"Cookie": "OURS", "Origin": ""},
        {"Cookie": "OURS", "Origin": "null"},
        {"Cookie": "OURS", "Origin": "http://evil.example"},
        {"Cookie": "OURS", "Origin": "http://evil.example", "Host": "evil.example"},
    ],
    ids=lambda headers: " ".join(f"{k}={v}" for k, v in headers.items()),
)
async def test_a_websocket_of_anybody_else_is_refused(
    opened: Served, headers: dict[str, str]
) -> None:
    ours = {"Origin": opened.base, "Cookie": opened.cookie}
    sent = {name: ours[name] if value == "OURS" else value for name, value in headers.items()}
    with pytest.raises(WSServerHandshakeError) as caught:
        async with opened.socket(headers=sent):
            pass
    assert caught.value.status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static/js/..%2f..%2f..%2fserver.py",
        "/static/..\\server.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/%00",
        "/static/js/",
        "/static/",
        "/../../../../etc/passwd",
        "/download/..%2f..%2fetc%2fpasswd",
        "/download/x",
    ],
)
async def test_no_path_leads_out_of_the_static_files(opened: Served, path: str) -> None:
    answer = await opened.ask(path)
    assert answer.status in (400, 403, 404)
    assert "root:" not in answer.text
    assert "import" not in answer.text


async def test_the_static_files_of_the_page_are_there(opened: Served) -> None:
    for path in ("/static/js/textual.js", "/static/css/xterm.css"):
        assert (await opened.ask(path)).status == 200


@pytest.mark.parametrize("path", ["/", "/none", "/static/js/textual.js", "/?token=x"])
async def test_every_answer_forbids_frames_caches_referrers_and_what_is_from_outside(
    opened: Served, path: str
) -> None:
    headers = (await opened.ask(path)).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert f"connect-src 'self' ws://{opened.host};" in policy


async def test_the_page_asks_for_nothing_from_outside(opened: Served) -> None:
    page = (await opened.ask("/")).text
    assert "//" not in page.replace(f"ws://{opened.host}/ws", "")


async def test_a_screen_is_painted_and_typed_at_and_ends_with_its_page(opened: Served) -> None:
    async with opened.socket() as socket:
        found = await shown(socket, ";")
        assert found.endswith("100x30;")
        await socket.send_str(json.dumps(["stdin", "jk é"]))
        await shown(socket, "jk é")
        await socket.send_str(json.dumps(["resize", {"width": 120, "height": 40}]))
        await shown(socket, "120x40")
        await socket.send_str(json.dumps(["focus"]))
        await socket.send_str(json.dumps(["ping", "7"]))
        assert (await socket.receive_json()) == ["pong", "7"]
    await gone(int(found.split()[1]))


@pytest.mark.parametrize("size", ["?width=999999999&height=-5", "?width=x", ""])
async def test_a_size_that_no_monitor_has_is_not_obeyed(opened: Served, size: str) -> None:
    async with opened.socket(size) as socket:
        width, _, height = (await shown(socket, ";")).rstrip(";").split()[-1].partition("x")
        assert 1 <= int(width) <= 1000
        assert 1 <= int(height) <= 500
        await socket.send_str(json.dumps(["resize", {"width": 10**9, "height": 0}]))
        await shown(socket, "1000x1")


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no json",
        "{}",
        "[]",
        '["quit"]',
        '["stdin", 7]',
        '["stdin", "\\ud800"]',
        '["resize", {"width": "1", "height": 2}]',
        '["resize", {"width": 1e999, "height": 2}]',
        '["meta", {"type": "quit"}]',
        "[" * 100_000,
    ],
    ids=lambda text: text[:24] or "nothing",
)
async def test_what_the_page_never_says_ends_the_screen(opened: Served, message: str) -> None:
    async with opened.socket() as socket:
        pid = await child_of(socket)
        await socket.send_str(message)
        assert await closed(socket) == 1003
    await gone(pid)


async def test_bytes_and_too_long_a_message_end_the_screen(opened: Served) -> None:
    for send, code in (
        (lambda socket: socket.send_bytes(b"x"), 1003),
        (lambda socket: socket.send_str("x" * 2 * 1024 * 1024), 1009),
    ):
        async with opened.socket() as socket:
            pid = await child_of(socket)
            await send(socket)
            assert await closed(socket) == code
        await gone(pid)


async def test_a_screen_that_could_not_begin_closes_its_page(serve: Serve) -> None:
    served = await serve("broken")
    await served.enter()
    async with served.socket() as socket:
        assert await closed(socket) == 1000


async def test_the_end_of_the_server_ends_its_screens_even_a_deaf_one(serve: Serve) -> None:
    for how in ("", "deaf"):
        ended = asyncio.Event()
        link = asyncio.get_running_loop().create_future()
        server = WebServer(WebAccess(LOOPBACK), [sys.executable, str(CHILD), how], "runbook s1")
        task = asyncio.create_task(server.serve(LOOPBACK, 0, link.set_result, ended))
        served = Served(await link)
        await served.enter()
        async with served.socket() as socket:
            pid = await child_of(socket)
            ended.set()
            await closed(socket)
            await task
        assert start_time(pid) is None


async def test_a_page_that_is_closed_while_it_is_painted_leaves_nothing_behind(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve("busy")
    await served.enter()
    async with served.socket() as socket:
        pid = await child_of(socket)
    await gone(pid)
    assert caplog.text == ""


async def test_it_answers_on_the_address_that_it_was_given_and_on_no_other(served: Served) -> None:
    """All of 127.0.0.0/8 is this machine's loopback."""
    _, _, port = served.host.partition(":")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.2", int(port))


async def test_a_port_that_is_taken_is_said(served: Served, serve: Serve) -> None:
    port = int(served.host.partition(":")[2])
    with pytest.raises(EnvironmentLacks, match=f"Port {port} of 127.0.0.1 is taken"):
        await serve(port=port)
    server, ended = WebServer(WebAccess(LOOPBACK), ["none"], "runbook s1"), asyncio.Event()
    with pytest.raises(EnvironmentLacks, match="Can't listen"):
        await server.serve(ip_address("192.0.2.1"), 0, print, ended)

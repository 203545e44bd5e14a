from __future__ import annotations

import asyncio
import socket
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from actions import _old_tls
from runbook_app.adapters.http import HttpClient
from runbook_app.domain.errors import ActionError
from tests.actions.servers import Answer, Request, issued, server_context, serving, written

CLIENT = HttpClient()


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    return written(tmp_path, issued())


async def test_duplicated_headers_are_kept() -> None:
    sent = [("X-A", "1"), ("X-A", "2")]
    with serving(lambda _: Answer(headers=sent)) as port:
        answer = await CLIENT.request("GET", f"http://127.0.0.1:{port}/")
    assert list(answer.all("x-a")) == ["1", "2"]
    assert answer.header("X-A") == "1"


async def test_redirects_are_not_followed() -> None:
    with serving(lambda _: Answer(status=301, headers=[("Location", "http://x.test/")])) as port:
        answer = await CLIENT.request("GET", f"http://127.0.0.1:{port}/")
    assert answer.status == 301


async def test_json_headers_and_methods_arrive() -> None:
    seen: list[Request] = []

    def keep(request: Request) -> Answer:
        seen.append(request)
        return Answer()

    with serving(keep) as port:
        url = f"http://127.0.0.1:{port}/a?b=1"
        await CLIENT.request("PATCH", url, json={"a": 1}, headers={"X-A": "1"})
        await CLIENT.request("POST", url, form={"a": "1"})
    patch, post = seen
    assert (patch.method, patch.path, patch.headers["x-a"]) == ("PATCH", "/a?b=1", "1")
    assert patch.headers["content-type"] == "application/json"
    assert post.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving() as port:
        assert (await CLIENT.request("GET", f"http://127.0.0.1:{port}/")).status == 200


async def test_a_refused_connection_is_told() -> None:
    with serving() as port:
        pass
    with pytest.raises(ActionError, match="got no answer: connection refused"):
        await CLIENT.request("GET", f"http://127.0.0.1:{port}/")


async def test_a_late_answer_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(ActionError, match=r"timed out after 0\.05s"):
            await CLIENT.request("GET", url, timeout=timedelta(milliseconds=50))


async def test_a_chain_that_the_ca_does_not_sign_is_told(certs: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other", issued()) / "ca.pem"
    with serving(tls=server_context(certs)) as port:
        url = f"https://localhost:{port}/"
        assert (await CLIENT.request("GET", url, ca=certs / "ca.pem")).status == 200
        for ca in (other, None):
            with pytest.raises(ActionError, match="failed in TLS: certificate not accepted"):
                await CLIENT.request("GET", url, ca=ca)


async def test_a_replaced_ca_file_counts_at_once(certs: Path) -> None:
    with serving(tls=server_context(certs)) as port:
        url = f"https://localhost:{port}/"
        await CLIENT.request("GET", url, ca=certs / "ca.pem")
        (certs / "ca.pem").write_bytes(issued().ca)
        with pytest.raises(ActionError, match="certificate not accepted"):
            await CLIENT.request("GET", url, ca=certs / "ca.pem")


async def test_a_missing_ca_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match=r"ca\.pem can't be read: No such file"):
        await CLIENT.request("GET", "https://localhost:1/", ca=tmp_path / "ca.pem")


async def test_a_handshake_brings_the_peers_certificate(certs: Path) -> None:
    with serving(tls=server_context(certs)) as port:
        shaken = await CLIENT.handshake("localhost", port, ca=certs / "ca.pem")
        unverified = await CLIENT.handshake("localhost", port, verify=False)
    assert (shaken.ok, shaken.version) == (True, "TLSv1.3")
    assert shaken.certificate == unverified.certificate != b""


async def test_a_handshake_says_why_it_failed(certs: Path) -> None:
    with serving(tls=server_context(certs)) as port:
        shaken = await CLIENT.handshake("localhost", port)
        misnamed = await CLIENT.handshake(
            "localhost", port, server_name="other.test", ca=certs / "ca.pem"
        )
    assert shaken.error.startswith("certificate not accepted: ")
    assert "Hostname mismatch" in misnamed.error


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"])
async def test_each_version_is_spoken_with_a_server_that_has_it(
    tmp_path: Path, version: str
) -> None:
    with _old_tls.speaking(version, tmp_path) as port:
        shaken = await CLIENT.handshake(
            "127.0.0.1", port, minimum=version, maximum=version, verify=False
        )
    assert (shaken.ok, shaken.version) == (True, version)


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1"])
async def test_an_old_version_is_refused_by_a_server_of_today(certs: Path, version: str) -> None:
    with serving(tls=server_context(certs)) as port:
        shaken = await CLIENT.handshake("localhost", port, maximum=version, verify=False)
    assert not shaken.ok
    assert shaken.error.startswith("TLS: ")


async def test_an_unknown_version_is_told() -> None:
    with pytest.raises(ActionError, match="'SSLv3' is no TLS version"):
        await CLIENT.handshake("localhost", 1, minimum="SSLv3")


async def test_suites_are_offered_as_asked(certs: Path) -> None:
    suite = "ECDHE-ECDSA-CHACHA20-POLY1305"
    with serving(tls=server_context(certs)) as port:
        shaken = await CLIENT.handshake(
            "localhost", port, maximum="TLSv1.2", ciphers=suite, verify=False
        )
    assert shaken.cipher == suite


@pytest.mark.parametrize("keep_alive", [True, False])
async def test_a_load_test_counts_every_answer_once(certs: Path, keep_alive: bool) -> None:
    asked = []

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        return Answer(body=b"x" * 5000)

    with serving(answer, tls=server_context(certs)) as port:
        found = await CLIENT.load(
            f"https://localhost:{port}/a?b=1",
            requests=20,
            concurrency=3,
            warmup=5,
            ca=certs / "ca.pem",
            keep_alive=keep_alive,
        )
    assert len(found.samples) == 20
    assert asked == ["/a?b=1"] * 25
    assert found.statuses == {200: 20}
    assert found.failures == 0
    assert found.connection == ("keep-alive" if keep_alive else "new")


async def test_answers_other_than_expected_are_no_samples() -> None:
    lock, asked = threading.Lock(), []

    def answer(request: Request) -> Answer:
        with lock:
            asked.append(request.path)
            return Answer(status=429 if len(asked) > 8 else 200)

    with serving(answer) as port:
        url = f"http://127.0.0.1:{port}/"
        found = await CLIENT.load(url, requests=10, concurrency=2, warmup=0)
    assert found.statuses == {200: 8, 429: 2}
    assert (len(found.samples), found.failures) == (8, 2)


async def test_requests_without_an_answer_are_failures() -> None:
    with serving() as port:
        pass
    found = await CLIENT.load(f"http://127.0.0.1:{port}/", requests=4, concurrency=2, warmup=1)
    assert found.statuses == {0: 4}
    assert (len(found.samples), found.failures) == (0, 4)


async def test_a_cancelled_load_test_has_really_ended() -> None:
    asked: list[str] = []
    running = threading.Event()

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        running.set()
        return Answer()

    with serving(answer) as port:
        load = asyncio.create_task(
            CLIENT.load(f"http://127.0.0.1:{port}/", requests=10**9, concurrency=2, warmup=0)
        )
        await asyncio.to_thread(running.wait, 10)
        load.cancel()
        with pytest.raises(asyncio.CancelledError):
            await load
        seen = len(asked)
        await CLIENT.request("GET", f"http://127.0.0.1:{port}/last")
    assert asked[seen:] == ["/last"]


async def test_a_load_test_without_requests_is_refused() -> None:
    with pytest.raises(ActionError, match="at least one request"):
        await CLIENT.load("http://127.0.0.1:1/", requests=0, concurrency=1, warmup=0)

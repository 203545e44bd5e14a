"""What the configuration does in a real nginx, and that the checks notice when it does not."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actions import http, nginx, tls
from runbook_app.adapters.docker import ProjectContainers
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.adapters.http import HttpClient
from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import Containers, Response
from runbook_app.testing.run import FakeTarget
from tests.actions import edge
from tests.actions.edge import HEADERS, Edge
from tests.actions.servers import issued, written

pytestmark = pytest.mark.real
HSTS = "strict-transport-security"
CLIENT = HttpClient()


async def _project() -> str:
    return "rbtest-nginx"


def containers(root: Path) -> Containers:
    return ProjectContainers(DockerClient(), _project, root, session="rbtest", log=lambda _: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edge")


@pytest.fixture(scope="module")
def proxy(folder: Path, image: str) -> Iterator[Edge]:
    with edge.running(folder / "shared") as running:
        yield running


@pytest.fixture(scope="module")
def image(folder: Path) -> str:
    """The image, built by the action itself from its own files."""
    target = made_target(folder / "build")
    asyncio.run(target.apply(nginx.configure, https_port=1, http_port=2))
    return edge.IMAGE


def made_target(folder: Path) -> FakeTarget:
    """A target with certificates, whose containers are real."""
    folder.mkdir(parents=True)
    target = FakeTarget(folder, containers=containers(folder / "target"), http=CLIENT)
    certs = written(target.folder, issued())
    if os.geteuid() == 0:
        os.chown(certs / "key.pem", 33, 33)
    return target


def target_of(edge: Edge, tmp_path: Path) -> FakeTarget:
    """A target whose certificates are the proxy's."""
    target = FakeTarget(tmp_path, http=CLIENT)
    (target.folder / "certs").symlink_to(edge.target / "certs")
    target.files.root = edge.target
    return target


async def get(edge: Edge, path: str, method: str = "GET", **more: Any) -> Response:
    return await CLIENT.request(
        method,
        edge.https + path,
        ca=edge.target / "certs/ca.pem",
        **more,
    )


def raw(edge: Edge, data: bytes) -> Response:
    """Send bytes to the TLS port as plain text, and read what is answered."""
    with socket.create_connection(("127.0.0.1", edge.https_port), timeout=10) as connection:
        connection.sendall(data)
        return parsed(b"".join(iter(lambda: connection.recv(65536), b"")))


def raw_tls(edge: Edge, data: bytes) -> Response:
    context = ssl.create_default_context(cafile=edge.target / "certs/ca.pem")
    with (
        socket.create_connection(("127.0.0.1", edge.https_port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(data)
        return parsed(b"".join(iter(lambda: connection.recv(65536), b"")))


def parsed(data: bytes) -> Response:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = [line.split(": ", 1) for line in lines]
    return Response(
        status=int(first.split()[1]),
        headers=[(name.lower(), value) for name, value in headers],
        body=body,
        seconds=0,
        http_version="HTTP/1.1",
    )


def assert_headers_once(answer: Response) -> None:
    counted = {name: list(answer.all(name)) for name in HEADERS}
    assert counted == {name: [value] for name, value in HEADERS.items()}
    assert answer.all("server") == []


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 200),
        ("/broken", "GET", 500),
        ("/bare", "GET", 200),
        ("/openapi.json", "GET", 404),
        ("/", "TRACE", 405),
    ],
)
async def test_every_answer_over_tls_has_each_header_once(
    proxy: Edge, path: str, method: str, status: int
) -> None:
    answer = await get(proxy, path, method)
    assert answer.status == status
    assert_headers_once(answer)
    assert list(answer.all(HSTS)) == ["max-age=300"]


async def test_a_body_that_is_too_large_is_refused_with_the_headers(proxy: Edge) -> None:
    answer = await get(proxy, "/", "POST", content=b"x" * 1_100_000)
    assert answer.status == 413
    assert answer.body == b'{"detail":"Request body too large"}'
    assert_headers_once(answer)
    assert answer.all(HSTS)


async def test_nonsense_over_tls_is_refused_with_the_headers(proxy: Edge) -> None:
    answer = raw_tls(proxy, b"nonsense\r\n\r\n")
    assert answer.status == 400
    assert_headers_once(answer)


async def test_plain_http_on_the_tls_port_is_refused_without_hsts(proxy: Edge) -> None:
    answer = raw(proxy, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.status == 400
    assert_headers_once(answer)
    assert answer.all(HSTS) == []


@pytest.mark.parametrize(
    "path",
    [
        "/docs",
        "/docs/oauth2-redirect",
        "/redoc",
        "/openapi.json?x",
        "//openapi.json",
        "/%6fpenapi.json",
        "/openapi.json/",
        "/a/../docs",
    ],
)
def test_the_description_is_closed_however_it_is_spelled(proxy: Edge, path: str) -> None:
    answer = raw_tls(
        proxy, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.status == 404
    assert b"nginx" not in answer.body


def test_a_path_that_only_looks_like_it_is_open(proxy: Edge) -> None:
    answer = raw_tls(
        proxy, b"GET /documents HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    assert answer.status == 200


async def test_the_service_sees_who_asked_and_nothing_that_was_claimed(proxy: Edge) -> None:
    claimed = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
    answer = await get(proxy, "/a?b=1", headers=claimed)
    host, client, scheme, uri = answer.body.decode().split("|")
    assert host == f"localhost:{proxy.https_port}"
    assert client not in ("", "203.0.113.9")
    assert "," not in client
    assert (scheme, uri) == ("https", "/a?b=1")


async def test_http2_is_spoken(proxy: Edge) -> None:
    assert (await get(proxy, "/", http2=True)).http_version == "HTTP/2"


@pytest.mark.parametrize(("method", "status"), [("GET", 301), ("HEAD", 301), ("POST", 308)])
async def test_plain_http_is_redirected_with_the_headers_and_without_hsts(
    proxy: Edge, method: str, status: int
) -> None:
    answer = await CLIENT.request(method, f"{proxy.http}/a?b=1")
    assert answer.status == status
    assert answer.header("location") == f"{proxy.https}/a?b=1"
    assert_headers_once(answer)
    assert answer.all(HSTS) == []


async def test_a_redirect_never_leads_to_a_host_of_the_clients_choosing(proxy: Edge) -> None:
    answer = await CLIENT.request("GET", f"{proxy.http}/a", headers={"Host": "evil.test"})
    assert answer.header("location") == f"{proxy.https}/a"


async def test_a_query_stays_out_of_the_log(proxy: Edge) -> None:
    await get(proxy, "/logged?token=very-secret")
    edge.until(lambda: '"path":"/logged"' in proxy.log(), "the request was not logged")
    assert "very-secret" not in proxy.log()


@pytest.mark.parametrize(
    ("suite", "accepted"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
        ("ECDHE-ECDSA-AES128-SHA256", False),
        ("ECDHE-ECDSA-AES128-SHA", False),
    ],
)
async def test_only_the_profiles_suites_are_accepted(
    proxy: Edge, suite: str, accepted: bool
) -> None:
    shaken = await CLIENT.handshake(
        "localhost", proxy.https_port, maximum="TLSv1.2", ciphers=suite, verify=False
    )
    assert shaken.ok is accepted


async def test_the_checks_pass_on_it(proxy: Edge, tmp_path: Path) -> None:
    target = target_of(proxy, tmp_path)
    assert await target.measure(tls.protocols, port=proxy.https_port) == []
    assert await target.measure(tls.certificate, port=proxy.https_port) == []
    assert await target.measure(http.status, url=f"{proxy.https}/", headers=dict(HEADERS)) == []
    assert await redirect_fails(target, proxy) == []
    assert await hsts_fails(target, proxy) == []


async def redirect_fails(target: FakeTarget, proxy: Edge) -> list[str]:
    return await target.measure(
        http.redirect, url=f"{proxy.http}/a?b=1", location_prefix=proxy.https
    )


async def hsts_fails(target: FakeTarget, proxy: Edge) -> list[str]:
    statuses = [{"path": "/", "status": 200}, {"path": "/docs", "status": 404}]
    return await target.measure(
        http.hsts, https_url=f"{proxy.https}/", http_url=f"{proxy.http}/", requests=statuses
    )


async def headers_fail(target: FakeTarget, proxy: Edge) -> list[str]:
    return await target.measure(http.status, url=f"{proxy.https}/", headers=dict(HEADERS))


async def protocols_fail(target: FakeTarget, proxy: Edge) -> list[str]:
    return await target.measure(tls.protocols, port=proxy.https_port)


def replacing(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


def speak_old_versions(text: str) -> str:
    text = replacing("ssl_protocols TLSv1.2", "ssl_protocols TLSv1 TLSv1.1 TLSv1.2")(text)
    return replacing("ssl_ciphers ", "ssl_ciphers ALL:@SECLEVEL=0:")(text)


@pytest.mark.parametrize(
    ("weaken", "fails", "failed"),
    [
        (replacing("$hsts always;", "$hsts;"), hsts_fails, "HSTS on GET /docs (404)"),
        (
            replacing("301 https://$redirect_host", "301 https://localhost:9; #"),
            redirect_fails,
            "Location of GET",
        ),
        (replacing("return 308", "return 301"), redirect_fails, "POST"),
        (
            replacing("$own_x_frame_options always", "DENY always"),
            headers_fail,
            "X-Frame-Options: DENY",
        ),
        (speak_old_versions, protocols_fail, "TLSv1 refused"),
    ],
)
async def test_a_weakened_configuration_fails_its_check(
    folder: Path,
    image: str,
    tmp_path: Path,
    weaken: Callable[[str], str],
    fails: Callable[[FakeTarget, Edge], object],
    failed: str,
) -> None:
    with edge.running(folder / uuid.uuid4().hex, weaken) as proxy:
        found: list[str] = await fails(target_of(proxy, tmp_path), proxy)  # type: ignore[misc]
    assert any(name.startswith(failed) for name in found)


async def test_a_service_with_a_new_address_is_found_again(folder: Path, image: str) -> None:
    with edge.running(folder / "moving") as proxy:
        assert (await get(proxy, "/")).status == 200
        proxy.service.stop(timeout=1)
        answer = await get(proxy, "/")
        assert answer.status in (502, 504)
        assert_headers_once(answer)
        assert list(answer.all(HSTS)) == ["max-age=300"]
        with edge.moved(proxy):
            await asyncio.to_thread(edge.until, lambda: _answers(proxy), "it was not found again")


def _answers(proxy: Edge) -> bool:
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    return raw_tls(proxy, request).status == 200


async def test_a_configuration_that_nginx_refuses_is_not_written(folder: Path, image: str) -> None:
    target = made_target(folder / "refused")
    (target.folder / "certs/cert.pem").unlink()
    with pytest.raises(ActionError, match=r"cert\.pem.*No such file"):
        await target.apply(nginx.configure, https_port=1, http_port=2)
    assert not target.files.exists("nginx/nginx.conf")

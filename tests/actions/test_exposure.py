"""What an outsider gets away with: sound servers pass, and each weakness fails its check."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from actions import exposure, jwt, tls
from actions._old_tls import speaking
from actions._stack import ORDER
from actions._tokens import Signing, signed_again
from runbook_app.adapters.http import HttpClient
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Action
from runbook_app.ports.capabilities import ExecResult, PublishedPort
from runbook_app.testing.capabilities import container, result
from runbook_app.testing.network import response
from runbook_app.testing.run import FakeTarget
from tests.actions.servers import Answer, Request, serving

SIGNING = Signing(settings="app_settings:get")

ALLOWED = "https://office.example"
HEADERS = {"X-Content-Type-Options": "nosniff"}
SENT = tuple(HEADERS.items())


@dataclasses.dataclass(frozen=True)
class Service:
    """A sound service, unless one of these is set."""

    banner: str = ""
    body: bytes = b"{}"
    reflects: bool = False
    any_origin: bool = False
    suffix: bool = False
    any_host: bool = False
    echoes: bool = False
    traces: bool = False
    described: bool = False

    def __call__(self, request: Request) -> Answer:
        if request.method in ("TRACE", "TRACK"):
            if self.echoes:
                return Answer(body=str(request.headers).encode())
            return Answer(status=200 if self.traces else 405)
        host = request.headers.get("host", "").partition(":")[0]
        if host not in ("localhost", "127.0.0.1") and not self.any_host:
            return Answer(status=400)
        if request.path == "/openapi.json":
            return Answer(status=200 if self.described else 404)
        status = 404 if request.path.startswith("/no-such") else 200
        return Answer(status=status, headers=self._headers(request), body=self.body)

    def _headers(self, request: Request) -> Sequence[tuple[str, str]]:
        origin = request.headers.get("origin", "")
        found = [("Server", self.banner)] if self.banner else []
        if self.any_origin and origin:
            return [*found, ("Access-Control-Allow-Origin", "*")]
        longer = self.suffix and origin.startswith(ALLOWED)
        if origin and (origin == ALLOWED or self.reflects or longer):
            found.append(("Access-Control-Allow-Origin", origin))
        return found


CASES: list[tuple[Action, dict[str, Any], Service]] = [
    (exposure.origins, {"allowed": ALLOWED}, Service(reflects=True)),
    (exposure.origins, {"allowed": ALLOWED}, Service(any_origin=True)),
    (exposure.origins, {"allowed": ALLOWED}, Service(suffix=True)),
    (exposure.hosts, {}, Service(any_host=True)),
    (exposure.trace_refused, {}, Service(echoes=True)),
    (exposure.trace_refused, {}, Service(traces=True)),
    (exposure.paths_closed, {"paths": ["/openapi.json"]}, Service(described=True)),
]


@pytest.mark.parametrize(("action", "parameters", "weak"), CASES)
async def test_a_weakness_fails_and_its_absence_passes(
    networked: FakeTarget, action: Action, parameters: dict[str, Any], weak: Service
) -> None:
    with serving(Service()) as port:
        assert await networked.measure(action, port=port, **parameters) == []
    assert str(networked.value("control")).startswith("a careless server was found out")
    with serving(weak) as port:
        assert await networked.measure(action, port=port, **parameters) != []


@pytest.mark.parametrize(
    ("headers", "body", "fails"),
    [
        ([], b"{}", False),
        ([("server", "nginx")], b"{}", True),
        ([("x-powered-by", "Express")], b"{}", True),
        ([], b"<hr>nginx/1.22.1", True),
    ],
)
async def test_a_banner_in_a_header_or_an_error_fails(
    networked: FakeTarget, headers: Sequence[tuple[str, str]], body: bytes, fails: bool
) -> None:
    real = HttpClient()

    async def request(method: str, url: str, **more: Any) -> Any:
        if "127.0.0.1" in url:  # the control's
            return await real.request(method, url, **more)
        return dataclasses.replace(response(404, headers), body=body)

    run = dataclasses.replace(
        networked.run, http=type("Http", (), {"request": staticmethod(request)})()
    )
    networked.run = run
    assert await networked.measure(exposure.no_banners, port=1) == (["no banner"] if fails else [])


async def test_a_probe_that_overlooks_the_careless_server_measures_nothing(
    target: FakeTarget,
) -> None:
    target.http.on_request = lambda *_: response(400)
    with pytest.raises(NotMeasured, match="does not notice"):
        await target.measure(exposure.hosts, port=1)


# Through a visitor


def visitor(target: FakeTarget, port: int) -> None:
    """Let throwaway containers run here, against a server on loopback."""

    def run_once(_: str, argv: Sequence[str], environment: Mapping[str, str]) -> ExecResult:
        order = json.loads(environment[ORDER])
        order["entrance"] |= {"host": "127.0.0.1", "port": port}
        done = subprocess.run(
            [sys.executable, *argv],
            env={ORDER: json.dumps(order)},
            capture_output=True,
            check=False,
            timeout=60,
        )
        return result(done.stdout, exit_code=done.returncode, stderr=done.stderr.decode())

    target.containers.running["api"] = container("api")
    target.containers.on_run_once = run_once


SETTINGS = """
import secrets
class Secret:
    def get_secret_value(self): return KEY
class Settings:
    jwt_secret, jwt_issuer = Secret(), "issuer"
def get(): return Settings()
"""


@pytest.fixture
def signed(target: FakeTarget, tmp_path: Path) -> Mapping[str, str]:
    """A service whose container can sign; the tokens that it would issue, by name."""
    (tmp_path / "app_settings.py").write_text("KEY = 'k' * 40\n" + SETTINGS)
    made: dict[str, str] = {}

    def execute(_: str, argv: Sequence[str], __: bytes) -> ExecResult:
        done = subprocess.run(
            [sys.executable, *argv[1:]], cwd=tmp_path, capture_output=True, check=False, timeout=60
        )
        if done.returncode == 0:
            made.update(json.loads(done.stdout))
        return result(done.stdout, exit_code=done.returncode, stderr=done.stderr.decode())

    target.containers.running["api"] = container("api")
    target.containers.on_execute = execute
    return made


def guard(made: Mapping[str, str], *accepted: str) -> Callable[[Request], Answer]:
    """Let in whoever has the right token, or one of these."""

    def answer(request: Request) -> Answer:
        given = request.headers.get("authorization", "")
        allowed = [f"Bearer {made.get(name)}" for name in ("right", *accepted)]
        open_ = given in allowed or ("missing" in accepted and not given)
        return Answer(status=200 if open_ else 401)

    return answer


@pytest.mark.parametrize(
    ("action", "accepted"),
    [
        (jwt.forged_refused, ()),
        (jwt.forged_refused, ("alg none",)),
        (jwt.forged_refused, ("wrong key",)),
        (jwt.forged_refused, ("changed claims",)),
        (jwt.unfit_refused, ()),
        (jwt.unfit_refused, ("expired",)),
        (jwt.unfit_refused, ("another audience",)),
        (jwt.unfit_refused, ("missing",)),
    ],
)
async def test_a_token_that_should_not_be_let_in_fails_by_its_name(
    target: FakeTarget, signed: Mapping[str, str], action: Action, accepted: tuple[str, ...]
) -> None:
    with serving(guard(signed, *accepted)) as port:
        visitor(target, port)
        failed = await target.measure(action, path="/", signing=SIGNING)
    names = {"missing": "no header"}
    assert failed == [names.get(name, name) for name in accepted]
    assert set(target.secrets.registered.values()) >= {signed["right"]}
    assert "k" * 40 not in str(target.recorder.measurements)


@pytest.mark.parametrize("rotated", [True, False])
async def test_a_token_signed_with_a_published_key_has_to_be_refused(
    target: FakeTarget, signed: Mapping[str, str], tmp_path: Path, rotated: bool
) -> None:
    published = "p" * 40
    target.shell.programs["git"] = lambda _: result(f"+JWT_SECRET={published}\n")

    def trusts(request: Request) -> Answer:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        known = [signed["right"], *([] if rotated else [signed_again(signed["right"], published)])]
        return Answer(status=200 if given in known else 401)

    with serving(trusts) as port:
        visitor(target, port)
        failed = await target.measure(jwt.published_refused, path="/", signing=SIGNING)
    assert failed == ([] if rotated else ["signed with published key 1"])
    assert published in target.secrets.registered.values()


def test_a_token_signed_again_with_its_own_key_is_the_same() -> None:
    key = "k" * 40
    token = signed_again("e30.e30.", key)
    assert signed_again(token, key) == token


async def test_where_nobody_is_let_in_a_refusal_means_nothing(
    target: FakeTarget, signed: Mapping[str, str]
) -> None:
    with serving(lambda _: Answer(status=401)) as port:
        visitor(target, port)
        with pytest.raises(NotMeasured, match="a refusal means nothing"):
            await target.measure(jwt.forged_refused, path="/", signing=SIGNING)


async def test_settings_that_can_not_be_read_sign_nothing(
    target: FakeTarget, signed: Mapping[str, str]
) -> None:
    with pytest.raises(NotMeasured, match="No token can be signed"):
        await target.measure(jwt.forged_refused, path="/", signing=Signing(settings="no_such:get"))


# Ports and suites


def publishing(service: str, *addresses: str) -> Any:
    ports = [PublishedPort(host_ip=ip, host_port=1, container_port=1) for ip in addresses]
    return container(service, ports=ports)


@pytest.mark.parametrize(
    ("containers", "failed"),
    [
        ({"nginx": ["127.0.0.1"], "api": []}, []),
        ({"nginx": ["127.0.0.1"], "api": ["127.0.0.1"]}, ["api publishes nothing"]),
        ({"nginx": ["127.0.0.1"], "db": ["0.0.0.0"]}, ["db publishes nothing"]),
        ({"nginx": ["0.0.0.0"]}, ["nginx on the wanted addresses"]),
        ({"api": []}, ["published ports of the edge"]),
    ],
)
async def test_nothing_but_the_edge_may_publish(
    target: FakeTarget, containers: dict[str, list[str]], failed: list[str]
) -> None:
    for service, addresses in containers.items():
        target.containers.running[service] = publishing(service, *addresses)
    found = await target.measure(exposure.published, services=["nginx"], host_ips=["127.0.0.1"])
    assert found == failed


async def test_a_suite_beside_the_wanted_ones_fails(networked: FakeTarget, tmp_path: Path) -> None:
    with speaking("TLSv1.2", tmp_path, key_type="rsa-2048") as port:
        assert await networked.measure(tls.ciphers, port=port) == ["only strong suites of TLS 1.2"]
        taken = str(networked.value("suites taken")).split(", ")
        assert "AES128-SHA" in taken
        assert await networked.measure(tls.ciphers, port=port, wanted=taken) == []


async def test_a_port_that_takes_no_suite_is_not_measured(networked: FakeTarget) -> None:
    with serving() as port, pytest.raises(NotMeasured, match=r"No suite of TLS 1\.2"):
        await networked.measure(tls.ciphers, port=port)

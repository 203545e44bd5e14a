from __future__ import annotations

import os
import stat

import pytest

from actions import _nginx_conf, nginx
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Finding, Progress
from runbook_app.ports.capabilities import ExecResult
from runbook_app.testing.capabilities import result
from runbook_app.testing.run import FakeTarget

PORTS = {"https_port": 8001, "http_port": 8080}


async def found(target: FakeTarget, **parameters: object) -> Finding:
    assert nginx.configure.checker
    return await nginx.configure.checker(target.run, **(PORTS | parameters))


def rendered(**parameters: object) -> str:
    return _nginx_conf.render(_nginx_conf.chosen(**(PORTS | parameters))).decode()


async def test_nginx_itself_accepts_the_configuration_before_it_is_in_place(
    target: FakeTarget,
) -> None:
    seen: list[bool] = []

    def accept(*_: object) -> ExecResult:
        seen.append(target.files.exists("nginx/nginx.conf"))
        return result()

    target.containers.on_run_once = accept
    await target.apply(nginx.configure, **PORTS)
    assert seen == [False]
    assert target.history.changes == [
        "write nginx/Dockerfile 0644",
        "write nginx/healthcheck.sh 0644",
        "build runbook-staging-nginx:latest",
        "write nginx/nginx.conf 0644",
    ]


async def test_nginx_judges_what_will_be_written_with_the_certificates(target: FakeTarget) -> None:
    await target.apply(nginx.configure, **PORTS)
    candidate, certificates = target.containers.mounts[0]
    assert (candidate.source / "nginx.conf").read_bytes() == target.files.read("nginx/nginx.conf")
    assert certificates.source == target.folder / "certs"
    assert candidate.read_only
    assert certificates.read_only


async def test_nginx_may_read_the_candidate_whatever_the_umask(target: FakeTarget) -> None:
    before = os.umask(0o077)
    try:
        await target.apply(nginx.configure, **PORTS)
    finally:
        os.umask(before)
    candidate = target.containers.mounts[0][0].source
    assert stat.S_IMODE(candidate.stat().st_mode) == 0o755
    assert stat.S_IMODE((candidate / "nginx.conf").stat().st_mode) == 0o644


async def test_a_refused_configuration_is_not_written(target: FakeTarget) -> None:
    target.containers.on_run_once = lambda *_: result(exit_code=1, stderr="[emerg] unknown x")
    with pytest.raises(ActionError, match=r"nginx refuses the configuration: \[emerg\] unknown x"):
        await target.apply(nginx.configure, **PORTS)
    assert not target.files.exists("nginx/nginx.conf")


async def test_each_file_is_captured_before_it_is_written(target: FakeTarget) -> None:
    await target.apply(nginx.configure, **PORTS)
    for name in ("nginx/Dockerfile", "nginx/healthcheck.sh", "nginx/nginx.conf"):
        captured = target.history.lines.index(f"capture file {name}")
        assert target.history.lines[captured + 1] == f"write {name} 0644"


async def test_what_clients_will_remember_is_left_for_a_rollback_to_tell(
    target: FakeTarget,
) -> None:
    await target.apply(nginx.configure, **PORTS, hsts_max_age=600)
    assert "HTTPS for localhost, 127.0.0.1 until 10m after" in str(
        target.recorder.outputs["rollback_remark"]
    )


async def test_the_check_tells_how_far_it_came(target: FakeTarget) -> None:
    assert (await found(target)).progress is Progress.NOT_DONE
    await target.apply(nginx.configure, **PORTS)
    assert (await found(target)).progress is Progress.DONE
    assert (await found(target, https_port=8002)).progress is Progress.PARTLY
    target.containers.images.clear()
    assert (await found(target)).evidence == "the image runbook-staging-nginx:latest is missing"


def test_old_protocols_and_suites_outside_the_profile_are_not_offered() -> None:
    text = rendered()
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in text
    suites = text.partition("ssl_ciphers ")[2].partition(";")[0].split(":")
    assert len(suites) == 6
    assert all(suite.startswith("ECDHE-") for suite in suites)
    assert "ssl_ecdh_curve X25519:prime256v1:secp384r1;" in text


def test_the_redirect_leads_to_the_published_port() -> None:
    assert "return 301 https://$redirect_host:8001$request_uri;" in rendered()
    assert "return 301 https://$redirect_host$request_uri;" in rendered(https_port=443)


def test_what_clients_claim_of_themselves_is_not_passed_on() -> None:
    text = rendered()
    assert "X-Forwarded-For $remote_addr;" in text
    assert "$proxy_add_x_forwarded_for" not in text


def test_the_upstream_is_looked_up_again() -> None:
    text = rendered(upstream_service="backend", upstream_port=9000)
    assert "resolver 127.0.0.11 valid=5s" in text
    assert "set $upstream http://backend:9000;" in text


def test_nothing_is_closed_when_nothing_is_to_be() -> None:
    assert "location ~" not in rendered(closed=[])
    assert r'location ~ "^(/docs|/redoc|/openapi\.json)(/|$)"' in rendered()


@pytest.mark.parametrize(
    "parameters",
    [
        {"server_names": ["localhost;"]},
        {"closed": ["/x { }"]},
        {"upstream_service": "api;"},
        {"max_body": "1m; x"},
        {"headers": {"X-A": 'a"; b'}},
        {"headers": {"X-A": "$host"}},
    ],
)
def test_a_value_can_not_become_a_directive(parameters: dict[str, object]) -> None:
    with pytest.raises(ActionError, match="can't stand in nginx's configuration"):
        rendered(**parameters)

"""A small plan, and sessions brought to the places that screens have to show."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from runbook_app.domain import events as ev
from runbook_app.domain.clock import Estimate
from runbook_app.domain.decisions import outline
from runbook_app.domain.measure import Measurement, Progress, Verdict
from runbook_app.domain.plan import (
    Call,
    CaptureLine,
    CheckLine,
    ConfirmLine,
    Item,
    Plan,
    Step,
    TargetSpec,
)
from runbook_app.testing.session import FakeSession

NOW = "2025-10-24T09:12:00.000Z"
GUIDE = "# TLS guide\n\nWhy it matters.\n\n## Troubleshooting\n\nLook at nginx's log.\n"


PARAMETERS = {"port": 8001, "names": ["localhost", "::1"]}


def step(item: str, name: str, title: str, estimate: str = "10m", **fields: object) -> Step:
    return Step(
        id=f"{item}.{name}",
        title=title,
        call=Call(
            action=f"{item}.{name}", parameters={"port": 8001, "names": ["localhost", "::1"]}
        ),
        estimate=Estimate.parse(estimate),
        **fields,
    )


def check(line: str, title: str) -> CheckLine:
    return CheckLine(id=line, title=title, call=Call(action="http.status"))


def make_plan(folder: Path = Path("plans")) -> Plan:
    return Plan(
        id="phase1",
        title="Phase 1 Security Hardening",
        version="1.0",
        path=str(folder / "phase1.yaml"),
        sha256="0" * 64,
        target=TargetSpec(compose="docker-compose.staging.yml"),
        items=(_headers(), _tls(), _database()),
    )


def session_in(folder: Path) -> FakeSession:
    """One that has not begun, with the guide of its plan."""
    guide = folder / "guides" / "tls.md"
    guide.parent.mkdir()
    guide.write_text(GUIDE, encoding="utf-8")
    kept = folder / "session" / "captures" / "k1"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(bytes(2155))
    return FakeSession(make_plan(folder), folder=folder / "session")


def _headers() -> Item:
    return Item(
        id="headers",
        number=1,
        title="API security headers",
        steps=(step("headers", "measure", "Measure the eight headers", "5m"),),
        success=(check("all-present", "All eight headers on every kind of response"),),
    )


def _tls() -> Item:
    return Item(
        id="tls",
        number=2,
        title="TLS/HTTPS enforcement",
        what="Encrypt all traffic between clients and the API",
        why="Credentials travel in clear text today",
        estimate=Estimate.parse("2h-3h"),
        guide="guides/tls.md",
        rollback_budget=Estimate.parse("5m-10m"),
        commit="feat(security): terminate TLS at nginx (item 2)",
        checkpoint=(
            check("openssl", "OpenSSL is available"),
            CaptureLine(id="files", title="Compose file", files=("docker-compose.staging.yml",)),
            ConfirmLine(id="read", title="TLS guide reviewed"),
            ConfirmLine(id="told", title="The team knows of the outage", person_required=True),
        ),
        steps=(
            step("tls", "certificates", "Generate TLS certificates", "5m"),
            step("tls", "nginx", "Create nginx/nginx.conf", "10m", required=True),
            step("tls", "compose", "Update docker-compose.staging.yml", "10m"),
            step(
                "tls",
                "test",
                "Test HTTPS access and redirects",
                "20m-30m",
                why="A redirect that loses the method breaks clients.",
                retries=1,
                timeout=timedelta(minutes=20),
            ),
        ),
        success=(check("https", "HTTPS answers 200"), check("p95", "P95 below the limit")),
    )


def _database() -> Item:
    return Item(
        id="database",
        number=3,
        title="Database hardening",
        steps=(step("database", "pgcrypto", "Create pgcrypto migration", "15m", available=False),),
        success=(check("extensions", "Both extensions are installed"),),
    )


def started(session: FakeSession) -> FakeSession:
    plan = session.plan
    session.emit(
        ev.SessionStarted(
            session="s1",
            plan=plan.id,
            plan_title=plan.title,
            plan_path=plan.path,
            plan_sha256=plan.sha256,
            target="/srv/staging",
            operator="op",
            host="host",
            program="0.1.0",
            variables={},
            outline=outline(plan),
        ),
        ev.EngineStarted(epoch=1, pid=4242, pid_started="1", host="host"),
    )
    return session


def passed(
    item: str, section: str, line: str, title: str, *values: Measurement
) -> ev.CheckFinished:
    return ev.CheckFinished(
        item=item,
        section=section,
        line=line,
        title=title,
        verdict=Verdict.PASSED if all(v.ok for v in values) else Verdict.FAILED,
        measurements=values,
    )


def headers_done(session: FakeSession) -> FakeSession:
    session.emit(
        ev.StepStarted(item="headers", step="headers.measure", attempt=1, parameters={}),
        ev.StepMeasured(
            item="headers",
            step="headers.measure",
            measurement=Measurement(name="p95", value=38.9, unit="ms"),
        ),
    )
    session.emit(
        ev.StepSucceeded(item="headers", step="headers.measure"),
        passed("headers", "success", "all-present", "All eight headers"),
        ev.ItemVerified(item="headers"),
        at="2025-10-24T08:04:10.000Z",
    )
    return session


def checkpoint_open(session: FakeSession) -> FakeSession:
    version = Measurement(name="version", value="3.0.17", limit="holds")
    session.emit(
        ev.CheckpointOpened(item="tls"),
        passed("tls", "checkpoint", "openssl", "OpenSSL is available", version),
        ev.FingerprintTaken(item="tls", moment="checkpoint", sha256="f" * 64, path="fp"),
        ev.CaptureTaken(
            id="k1",
            item="tls",
            step="",
            kind="file",
            name="docker-compose.staging.yml",
            path="captures/k1",
            sha256="a" * 64,
            summary="2,114 bytes, mode 0644",
        ),
        at="2025-10-24T08:05:00.000Z",
    )
    return session


def asked(session: FakeSession, question: str, text: str, **fields: object) -> FakeSession:
    values: dict[str, object] = {"item": "tls", "step": "", "kind": "confirm", **fields}
    session.emit(ev.QuestionAsked(id=question, text=text, **values))
    return session


def checkpoint_passed(session: FakeSession) -> FakeSession:
    session.emit(
        ev.LineConfirmed(item="tls", line="read", by="op"),
        ev.LineConfirmed(item="tls", line="told", by="op"),
        ev.CheckpointPassed(item="tls"),
        at="2025-10-24T08:20:00.000Z",
    )
    return session


def tls_running(session: FakeSession) -> FakeSession:
    """Item 2 is at its fourth step, which runs by itself."""
    checkpoint_passed(checkpoint_open(headers_done(started(session))))
    session.emit(ev.RunRequested(auto=True))
    for name, begin, end in (
        ("certificates", "08:20:00", "08:20:04"),
        ("nginx", "08:21:00", "08:22:40"),
        ("compose", "08:23:00", "08:41:12"),
    ):
        session.emit(
            ev.StepStarted(item="tls", step=f"tls.{name}", attempt=1, parameters={}),
            at=f"2025-10-24T{begin}.000Z",
        )
        session.emit(ev.StepSucceeded(item="tls", step=f"tls.{name}"), at=f"2025-10-24T{end}.000Z")
    session.emit(
        ev.CaptureTaken(
            id="k2",
            item="tls",
            step="tls.nginx",
            kind="file",
            name="nginx/nginx.conf",
            path="captures/k2",
            sha256="b" * 64,
            summary="did not exist",
        ),
        ev.StepStarted(item="tls", step="tls.test", attempt=1, parameters={}),
        ev.StepProgressed(item="tls", step="tls.test", text="7 of 9 paths redirect"),
        ev.StepMeasured(
            item="tls",
            step="tls.test",
            measurement=Measurement(name="p95", value=41.3, unit="ms", limit="<= 100"),
        ),
        ev.StepMeasured(
            item="tls",
            step="tls.test",
            measurement=Measurement(name="redirect status", value=301, limit="= 301"),
        ),
        at="2025-10-24T09:08:50.000Z",
    )
    return session


def tls_failed(session: FakeSession) -> FakeSession:
    tls_running(session)
    session.emit(
        ev.StepFailed(
            item="tls",
            step="tls.test",
            error="GET https://localhost:8001/health answered 502, expected 200.",
            hint="Look at nginx's last log lines, then retry.",
        ),
        at="2025-10-24T09:10:00.000Z",
    )
    return session


def tls_unknown(session: FakeSession) -> FakeSession:
    tls_running(session)
    session.emit(
        ev.EngineStarted(epoch=2, pid=4300, pid_started="2", host="host"),
        ev.StepBecameUnknown(
            item="tls", step="tls.test", reason="The engine ended while it was running."
        ),
        ev.UnknownExamined(
            item="tls",
            step="tls.test",
            progress=Progress.PARTLY,
            evidence="nginx answers, the redirect is missing",
        ),
        at="2025-10-24T09:11:00.000Z",
    )
    return session


def fill_log(session: FakeSession, count: int = 40) -> FakeSession:
    words = ("GET /health 200 0.004", "worker process started", "connection closed by peer")
    for number in range(count):
        source = ("nginx", "api", "step")[number % 3]
        at = f"2025-10-24T09:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
        session.logs.add(f"{number:05d} {words[number % 3]}", source=source, at=at)
    return session


def over(session: FakeSession) -> FakeSession:
    """Nothing is left: one item is done, one rolled back, and one can't be done here."""
    tls_failed(session)
    session.emit(
        ev.RollbackStarted(item="tls", by="op", reason=""),
        ev.RollbackFinished(item="tls", proven=True, seconds=1),
        ev.NothingLeft(),
    )
    return session

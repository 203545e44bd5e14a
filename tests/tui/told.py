"""A session with much on record, as the pages show it."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from runbook_app.domain import events as ev
from runbook_app.domain.clock import parse_time
from runbook_app.domain.measure import Measurement
from runbook_app.domain.plan import Call, Plan, Score, ScoreCategory, ScoreCheck, Section, Window
from runbook_app.domain.report import status_report
from runbook_app.domain.score import Result, category_scores, checked, total
from runbook_app.testing.session import FakeSession
from tests.tui import stage

CATEGORIES = ("Transport", "Database", "Secrets", "Headers", "Input")


def check(category: str, name: str, **fields: object) -> ScoreCheck:
    return ScoreCheck(
        id=f"{category}.{name}".lower(),
        title=f"{category}: {name}",
        call=Call(action="http.status"),
        weight=5,
        source="OWASP API4:2023",
        **fields,
    )


def scored() -> Score:
    return Score(
        declared_current=70,
        declared_target=95,
        categories=tuple(
            ScoreCategory(
                name=name,
                declared_current=40 + 10 * place,
                declared_target=100,
                checks=(check(name, "first"), check(name, "second"))
                if name != "Input"
                else (check(name, "first", excluded="the plan's vault is not in use"),),
            )
            for place, name in enumerate(CATEGORIES)
        ),
    )


def plan_in(folder: Path) -> Plan:
    plan = stage.make_plan(folder)
    headers, tls, database = plan.items
    return replace(
        plan,
        items=(headers, replace(tls, needs=("headers",)), replace(database, needs=("tls",))),
        score=scored(),
        blocks=(Section(id="b1", title="Block 1: TLS (Hours 1-3, 8:00-11:00 UTC)"),),
        window=Window(declared_start=parse_time("2025-10-24T08:00:00Z")),
    )


def measured(session: FakeSession, moment: str, results: dict[str, Result], at: str) -> None:
    score = session.plan.score
    lines = [
        checked(
            moment,
            category,
            each,
            Result.NOT_APPLICABLE if each.excluded else results.get(each.id, Result.FAILED),
            each.excluded or f"seen by {moment}",
        )
        for category in score.categories
        for each in category.checks
    ]
    shares = category_scores(score, lines)
    session.emit(
        ev.ScoreStarted(id=moment, moment=moment, by="op"),
        *lines,
        ev.ScoreMeasured(id=moment, moment=moment, total=total(shares), categories=shares),
        at=at,
    )


def told_in(tmp_path: Path) -> FakeSession:
    """Item 2 failed in its last step; the score was measured twice, reports are on record."""
    folder = tmp_path / "session"
    (folder / "captures").mkdir(parents=True)
    (folder / "captures" / "k1").write_bytes(b"x" * 2174)
    session = FakeSession(plan_in(tmp_path), folder=folder)
    stage.started(session)
    measured(session, "before", {"transport.second": Result.PASSED}, "2025-10-24T08:01:00.000Z")
    report(session)
    stage.headers_done(session)
    stage.checkpoint_passed(stage.checkpoint_open(session))
    for name, begin, end in (
        ("certificates", "08:20:00", "08:20:04"),
        ("nginx", "08:21:00", "08:30:00"),
        ("compose", "08:30:00", "08:48:12"),
    ):
        start = ev.StepStarted(item="tls", step=f"tls.{name}", attempt=1, parameters={})
        session.emit(start, at=f"2025-10-24T{begin}.000Z")
        session.emit(ev.StepSucceeded(item="tls", step=f"tls.{name}"), at=f"2025-10-24T{end}.000Z")
    taken = ev.CaptureTaken(
        id="k2",
        item="tls",
        step="tls.nginx",
        kind="file",
        name="nginx/nginx.conf",
        path="captures/k2",
        sha256="b" * 64,
        summary="did not exist",
    )
    slow = Measurement(name="p95", value=120.5, unit="ms", limit="<= 100", ok=False)
    session.emit(
        taken,
        stage.passed("tls", "success", "https", "HTTPS answers 200"),
        stage.passed("tls", "success", "p95", "P95 below the limit", slow),
        ev.CriterionWaived(
            item="tls", line="p95", reason="staging is slow", owner="anna", expires="2025-11-01"
        ),
        at="2025-10-24T08:50:00.000Z",
    )
    found = {"transport.first": Result.PASSED, "secrets.first": Result.NOT_MEASURED}
    measured(
        session, "asked", {"transport.second": Result.PASSED, **found}, "2025-10-24T08:55:00.000Z"
    )
    session.emit(
        ev.StepStarted(item="tls", step="tls.test", attempt=1, parameters={}),
        at="2025-10-24T09:00:00.000Z",
    )
    session.emit(
        ev.StepFailed(item="tls", step="tls.test", error="GET /health answered 502."),
        ev.BlockerRaised(id="b1", text="no DNS", by="op"),
        at="2025-10-24T09:10:00.000Z",
    )
    report(session)
    return session


def report(session: FakeSession) -> None:
    session.refresh()
    session.emit(status_report(session.state, session.plan, session.at))

"""A small plan like the shipped one, and sessions on it told event by event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from runbook_app.domain import events as ev
from runbook_app.domain.clock import Estimate, to_text
from runbook_app.domain.decisions import outline
from runbook_app.domain.entry import GENESIS, Body, Entry, chain, encode
from runbook_app.domain.fold import fold
from runbook_app.domain.measure import Measurement, Verdict
from runbook_app.domain.plan import (
    Call,
    CaptureLine,
    CheckLine,
    Claim,
    ConfirmLine,
    Item,
    Plan,
    Score,
    ScoreCategory,
    ScoreCheck,
    Section,
    Step,
    TargetSpec,
    Window,
)
from runbook_app.domain.score import Result, category_scores, total
from runbook_app.domain.score import checked as checked_line
from runbook_app.domain.signal import build_signal
from runbook_app.domain.state import SessionState

START = datetime(2025, 10, 24, 8, 0, tzinfo=UTC)


def step(step_id: str, title: str, estimate: str = "5m", *, available: bool = True) -> Step:
    return Step(
        id=step_id,
        title=title,
        call=Call(action=step_id),
        estimate=Estimate.parse(estimate),
        available=available,
    )


def line(line_id: str, title: str) -> CheckLine:
    return CheckLine(id=line_id, title=title, call=Call(action="http.status"))


HEADERS = Item(
    id="headers",
    number=1,
    title="API Security Headers",
    declared_status="COMPLETE",
    steps=(step("headers.measure", "Measure the headers", "10m"),),
    success=(line("every-answer", "Eight headers on every answer"),),
)
TLS = Item(
    id="tls",
    number=2,
    title="TLS/HTTPS Enforcement",
    estimate=Estimate.parse("2h-3h"),
    needs=("headers",),
    checkpoint=(
        line("openssl", "openssl is there"),
        ConfirmLine(id="reviewed", title="TLS guide reviewed"),
        CaptureLine(id="backup", title="Backup of the Compose file", files=("compose.yml",)),
    ),
    steps=(
        step("tls.certificates", "Generate TLS certificates", "5m"),
        step("tls.test", "Test HTTPS access", "20m"),
    ),
    success=(line("https", "HTTPS answers"), line("fast", "P95 below 100 ms")),
    rollback_budget=Estimate.parse("5m-10m"),
    commit="feat(security): terminate TLS at nginx (item 2)",
)
DATABASE = Item(
    id="database",
    number=3,
    title="Database Hardening",
    needs=("tls",),
    steps=(step("database.pgcrypto", "Create pgcrypto migration", "15m", available=False),),
)
SIGN_OFF = Item(
    id="sign-off",
    number=7,
    title="Sign-off",
    needs=("database",),
    steps=(step("sign-off.suite", "Run the suite", "15m"),),
)
VALIDATION = Item(id="validation", number=6, title="Input Validation", not_required="item 1 covers")

PLAN = Plan(
    id="phase1",
    title="Phase 1 Security Hardening",
    version="1.0",
    path="phase1.yaml",
    sha256="a" * 64,
    target=TargetSpec(compose="compose.yml"),
    items=(HEADERS, TLS, VALIDATION),
    window=Window(declared_start=START, declared_target=START + timedelta(hours=10)),
    score=Score(declared_current=70, declared_target=95),
    claims=(
        Claim(id="p95-claim", text="Baseline P95 is 10.3 ms", measured_by="fast"),
        Claim(id="lines", text="secrets.py has 350+ lines", unproven="lines prove nothing"),
    ),
    next_phases=(
        Section(id="phase-2", title="Phase 2: Operational Hardening"),
        Section(id="task-9", title="Task #9: 24-Hour Monitoring"),
    ),
    audit_document="AUDIT.md",
    audit_items=("headers",),
)
SCORED = replace(
    PLAN,
    score=Score(
        declared_current=70,
        declared_target=95,
        categories=(
            ScoreCategory(
                name="API Security",
                declared_current=100,
                declared_target=100,
                checks=tuple(
                    ScoreCheck(
                        id=f"api-{place}",
                        title=f"line {place}",
                        call=Call(action="a.b"),
                        weight=1,
                        source=f"CIS {place}",
                    )
                    for place in range(4)
                ),
            ),
        ),
    ),
)
WHOLE = replace(PLAN, items=(HEADERS, TLS, DATABASE, VALIDATION, SIGN_OFF))


class Story:
    """Tells a session; each event comes `gap` seconds after the one before."""

    def __init__(
        self,
        plan: Plan = PLAN,
        *,
        gap: float = 1.0,
        earlier: dict[str, tuple[float, float]] | None = None,
    ) -> None:
        self.plan = plan
        self.gap = gap
        self.now = START
        self.entries: list[Entry] = []
        self.tell(
            ev.SessionStarted(
                session="s1",
                plan=plan.id,
                plan_title=plan.title,
                plan_path=plan.path,
                plan_sha256=plan.sha256,
                target="/srv/staging",
                operator="anna",
                host="host1",
                program="0.1.0",
                variables={},
                outline=outline(plan),
                earlier=earlier or {},
            ),
            ev.EngineStarted(epoch=1, pid=7, pid_started="1", host="host1"),
        )

    def tell(self, *bodies: Body, after: float | None = None) -> Story:
        for body in bodies:
            self.now += timedelta(seconds=self.gap if after is None else after)
            seq = len(self.entries) + 1
            previous = self.entries[-1].hash if self.entries else GENESIS
            at = to_text(self.now)
            digest = chain(previous, seq, at, encode(body))
            self.entries.append(Entry(seq=seq, at=at, body=body, previous=previous, hash=digest))
        return self

    @property
    def state(self) -> SessionState:
        return fold(self.entries)

    @property
    def at(self) -> str:
        return to_text(self.now)

    # Pieces of a session

    def run(self, *, unattended: bool = False) -> Story:
        return self.tell(ev.RunRequested(auto=True, unattended=unattended))

    def step(self, step_id: str, seconds: float = 4.0, *measured: Measurement) -> Story:
        item = step_id.partition(".")[0]
        self.tell(ev.StepStarted(item=item, step=step_id, attempt=1, parameters={}))
        for measurement in measured:
            self.tell(ev.StepMeasured(item=item, step=step_id, measurement=measurement), after=0)
        return self.tell(ev.StepSucceeded(item=item, step=step_id), after=seconds)

    def checkpoint(self, *, assumed: bool = False) -> Story:
        return self.tell(
            ev.CheckpointOpened(item="tls"),
            checked("tls", "openssl", section="checkpoint"),
            checked("tls", "backup", section="checkpoint"),
            ev.LineConfirmed(item="tls", line="reviewed", by="anna", assumed=assumed),
            ev.CheckpointPassed(item="tls"),
        )

    def headers(self) -> Story:
        return self.step("headers.measure", 4.0, measured("headers", 8, limit="= 8")).tell(
            checked("headers", "every-answer", measured("answers", 6, limit="= 6")),
            ev.ItemVerified(item="headers"),
        )

    def tls(self, *, assumed: bool = False, p95: float = 41.3) -> Story:
        self.checkpoint(assumed=assumed)
        self.step("tls.certificates", 4.0)
        self.step("tls.test", 30.0, measured("P95 baseline", 38.9, unit="ms"))
        return self.tell(
            checked("tls", "https"),
            checked("tls", "fast", measured("P95", p95, unit="ms", limit="<= 100")),
            ev.ItemVerified(item="tls"),
            ev.ItemCommitted(item="tls", commit="c" * 40, paths=("compose.yml",)),
        )

    def score(self, moment: str, passed: int) -> Story:
        """A whole measurement of `SCORED`, whose first so many checks hold."""
        category = SCORED.score.categories[0]
        lines = [
            checked_line(
                moment,
                category,
                check,
                Result.PASSED if place < passed else Result.FAILED,
                f"seen {place}",
                measurements=(measured("figure", place),),
            )
            for place, check in enumerate(category.checks)
        ]
        shares = category_scores(SCORED.score, lines)
        return self.tell(
            ev.ScoreStarted(id=moment, moment=moment, by="the plan"),
            *lines,
            ev.ScoreMeasured(id=moment, moment=moment, total=total(shares), categories=shares),
        )

    def recheck(self, *lines: ev.CheckFinished, cut_short: bool = False) -> Story:
        """Criteria measured again; a whole recheck, or one that counts for nothing."""
        number = f"r{len(self.entries)}"
        over: Body = (
            ev.RecheckAbandoned(id=number, reason="stopped")
            if cut_short
            else ev.RecheckFinished(id=number, held=0, failed=0, not_measured=0)
        )
        return self.tell(ev.RecheckStarted(id=number, by="anna", probes=False), *lines, over)

    def export(self, sha256: str = "1" * 64) -> Story:
        """The signal goes on record, as the client puts it there."""
        signal = build_signal(self.state, self.plan, self.at)
        return self.tell(
            ev.SignalExported(
                verdict=signal.verdict,
                sha256=sha256,
                path="signal.json",
                reasons=signal.reasons,
                withdraws=signal.withdraws,
            )
        )

    def rollback(self, *, proven: bool = True, seconds: float = 12.5) -> Story:
        found = () if proven else (ev.Difference(field="port:8001", before="api", after="none"),)
        return self.tell(
            ev.RollbackStarted(item="tls", by="anna", reason="too slow"),
            ev.RollbackFinished(
                item="tls",
                proven=proven,
                differences=found,
                kept=("public.users: 2 rows written since the checkpoint",),
                exclusions=("file:.git: history is never rewritten",),
                seconds=seconds,
            ),
        )


def measured(
    name: str, value: float, *, unit: str = "", limit: str = "", ok: bool = True
) -> Measurement:
    return Measurement(name=name, value=value, unit=unit, limit=limit, ok=ok)


def checked(
    item: str,
    line_id: str,
    *measurements: Measurement,
    verdict: Verdict = Verdict.PASSED,
    section: str = "success",
    evidence: str = "",
) -> ev.CheckFinished:
    return ev.CheckFinished(
        item=item,
        section=section,
        line=line_id,
        title=line_id,
        verdict=verdict,
        measurements=measurements,
        evidence=evidence,
    )


def again(
    line_id: str, *measurements: Measurement, verdict: Verdict = Verdict.PASSED, evidence: str = ""
) -> ev.CheckFinished:
    """A criterion of item 2 in a recheck."""
    return checked(
        "tls", line_id, *measurements, verdict=verdict, section="recheck", evidence=evidence
    )


def complete(*, assumed: bool = False) -> Story:
    return Story().run().headers().tls(assumed=assumed).tell(ev.NothingLeft())

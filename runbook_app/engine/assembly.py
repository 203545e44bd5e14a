"""The engine's parts, put together from what the ports stand for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runbook_app.domain.plan import Plan
from runbook_app.engine.blast import BlastRadius
from runbook_app.engine.calling import Calling
from runbook_app.engine.captures import Captures
from runbook_app.engine.checkpoint import Gate
from runbook_app.engine.conditions import Conditions
from runbook_app.engine.confirming import Confirming
from runbook_app.engine.engine import Engine
from runbook_app.engine.fingerprints import Fingerprints
from runbook_app.engine.hands import Hands
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.questions import Questions
from runbook_app.engine.recheck import Recheck
from runbook_app.engine.recovery import EndSurvivor
from runbook_app.engine.redaction import Redactor
from runbook_app.engine.rehearsed import Rehearsed
from runbook_app.engine.reports import Reports
from runbook_app.engine.rollback import Rollback
from runbook_app.engine.scoring import Scoring
from runbook_app.engine.series import Series
from runbook_app.engine.steps import Steps
from runbook_app.ports.action import Registry
from runbook_app.ports.clock import Clock
from runbook_app.ports.crash import CrashPoint
from runbook_app.ports.guards import Guards
from runbook_app.ports.hands import Transcripts
from runbook_app.ports.journal import Artefacts, LogWriter, OneTimeKey
from runbook_app.ports.notifier import NobodyToCall, Notifier
from runbook_app.ports.rehearsals import NoRehearsals, Rehearsals
from runbook_app.ports.target import Target


def assemble(
    *,
    plan: Plan,
    root: Path,
    ledger: Ledger,
    target: Target,
    artefacts: Artefacts,
    registry: Registry,
    logs: LogWriter,
    redactor: Redactor,
    clock: Clock,
    crash: CrashPoint,
    end_survivor: EndSurvivor,
    canary: str,
    guards: Guards,
    transcripts: Transcripts,
    make_key: Callable[[], OneTimeKey],
    rehearsals: Rehearsals | None = None,
    notifier: Notifier | None = None,
) -> Engine:
    questions = Questions(ledger, artefacts, make_key)
    confirming = Confirming(ledger=ledger, questions=questions, guards=guards, clock=clock)
    captures = Captures(ledger, artefacts, list(target.capturables()), crash)
    steps = Steps(
        plan=plan,
        ledger=ledger,
        questions=questions,
        target=target,
        registry=registry,
        captures=captures,
        confirming=confirming,
        radius=BlastRadius(ledger=ledger, questions=questions, redactor=redactor),
        logs=logs,
        redactor=redactor,
        clock=clock,
        crash=crash,
    )
    series = Series(ledger, crash)
    scoring = Scoring(plan=plan, ledger=ledger, steps=steps, series=series, clock=clock)
    steps.score = scoring
    fingerprints = Fingerprints(ledger, target, artefacts)
    gate = Gate(
        ledger=ledger,
        steps=steps,
        captures=captures,
        questions=questions,
        target=target,
        fingerprints=fingerprints,
        record_documents=plan.record_documents(),
        crash=crash,
    )
    rollback = Rollback(
        ledger=ledger,
        steps=steps,
        captures=captures,
        questions=questions,
        target=target,
        fingerprints=fingerprints,
        clock=clock,
    )
    return Engine(
        plan=plan,
        ledger=ledger,
        steps=steps,
        gate=gate,
        rollback=rollback,
        confirming=confirming,
        captures=captures,
        scoring=scoring,
        recheck=Recheck(plan=plan, ledger=ledger, steps=steps, series=series, clock=clock),
        series=series,
        rehearsed=Rehearsed(plan, ledger, rehearsals or NoRehearsals()),
        calling=Calling(ledger, notifier or NobodyToCall(), logs, redactor, clock),
        conditions=Conditions(plan, ledger),
        hands=Hands(ledger, logs, redactor, transcripts),
        reports=Reports(plan, ledger, root, redactor, clock),
        target=target,
        logs=logs,
        redactor=redactor,
        clock=clock,
        end_survivor=end_survivor,
        canary=canary,
    )

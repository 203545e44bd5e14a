"""Status reports and record documents, written when a step changes, and not all the time.

Both tell of all steps so far. What a run brings as it goes on is therefore written again only after
a while, `SHARE` times what the last time took; what goes wrong, or what a person did, at once.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from runbook_app.domain import events as ev
from runbook_app.domain.clock import to_text
from runbook_app.domain.entry import Entry
from runbook_app.domain.plan import Plan, being_written
from runbook_app.domain.report import audit_document, progress_document, status_report
from runbook_app.domain.state import ItemStatus
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.redaction import Redactor
from runbook_app.ports.clock import Clock

SHARE = 20
"""At most a twentieth of a run goes into its reports."""
PASSING = (
    ev.StepStarted,
    ev.StepSucceeded,
    ev.StepNotApplicable,
    ev.ItemNotApplicable,
    ev.CheckpointPassed,
    ev.ItemVerified,
    ev.ItemCommitted,
)
REPORTED = (
    *PASSING,
    ev.StepFailed,
    ev.StepSkipped,
    ev.StepBecameUnknown,
    ev.CheckpointFailed,
    ev.ItemNotCommitted,
    ev.RollbackStarted,
    ev.RollbackFinished,
    ev.RollbackFailed,
    ev.BlockerRaised,
    ev.BlockerCleared,
    ev.NoteAdded,
    ev.ScoreMeasured,
    ev.RecheckFinished,
    ev.GuardCounting,
    ev.StepConfirmed,
    ev.ConfirmationFailed,
)


class Reports:
    """Keeps the journal's status report and the target's record documents up to date."""

    def __init__(
        self, plan: Plan, ledger: Ledger, root: Path, redactor: Redactor, clock: Clock
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._root = root
        self._redactor = redactor
        self._clock = clock
        self._due = False
        self._at_once = False
        self._not_before = 0.0
        """By the monotonic clock."""
        self._unwritten: dict[str, str] = {}
        """What was said of each document that could not be written last time."""
        ledger.listeners.append(self._listen)

    def _listen(self, entries: list[Entry]) -> None:
        told = [entry.body for entry in entries if isinstance(entry.body, REPORTED)]
        self._due = self._due or bool(told)
        self._at_once = self._at_once or not all(isinstance(body, PASSING) for body in told)

    async def write_if_due(self, *, resting: bool) -> None:
        """Record a status report and rewrite the documents, if a step has changed since.

        `resting` says that nothing will change soon: what is due is not put off then.
        """
        started = self._clock.monotonic()
        if not self._due or not (resting or self._at_once or started >= self._not_before):
            return
        self._due = self._at_once = False
        await self._write_all()
        ended = self._clock.monotonic()
        self._not_before = ended + SHARE * (ended - started)

    async def _write_all(self) -> None:
        now = to_text(self._clock.now())
        state = self._ledger.state
        report = status_report(state, self._plan, now)
        if report != state.report:
            await self._ledger.emit(report)
        documents = {self._plan.target.progress: progress_document(state, self._plan, now)}
        if self._plan.audit_document and self._audited():
            documents[self._plan.audit_document] = audit_document(state, self._plan, now)
        for name, text in documents.items():
            await self._write(name, self._redactor.text(text))

    async def _write(self, name: str, text: str) -> None:
        """Write a document; one that can't be written is noted once, and tried again later."""
        try:
            await asyncio.to_thread(_replace, self._root, name, text)
        except OSError as error:
            words = f"{name} can't be written: {error.strerror}. It is tried again with each step."
        else:
            words = ""
        if words and words != self._unwritten.get(name):
            await self._ledger.emit(ev.NoteAdded(text=words, by="engine"))
        self._unwritten[name] = words

    def _audited(self) -> bool:
        return any(
            self._ledger.state.items[item].status is ItemStatus.SUCCEEDED
            for item in self._plan.audit_items
            if item in self._ledger.state.items
        )


def _replace(root: Path, name: str, text: str) -> None:
    """Write a document so that a reader sees the old one or the new one, never half."""
    new = root / being_written(name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(new, flags, 0o644), "w", encoding="utf-8") as file:
        file.write(text)
    new.chmod(0o644)
    new.replace(root / name)

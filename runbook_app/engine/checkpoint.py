"""Passing an item's checkpoint, and verifying and committing an item."""

from __future__ import annotations

from runbook_app.domain import events as ev
from runbook_app.domain.decisions import lines_to_capture, lines_to_confirm, lines_to_measure
from runbook_app.domain.errors import ActionError, RunbookError
from runbook_app.domain.measure import Verdict
from runbook_app.domain.plan import CaptureLine, CheckLine, Item
from runbook_app.domain.state import ItemState
from runbook_app.engine.captures import Captures
from runbook_app.engine.fingerprints import Fingerprints
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.questions import Questions
from runbook_app.engine.steps import Steps
from runbook_app.ports.crash import CrashPoint
from runbook_app.ports.target import Target


class Gate:
    """What stands before the work and after it: going live, an item's checkpoint, its verification
    and its commit."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        steps: Steps,
        captures: Captures,
        questions: Questions,
        target: Target,
        fingerprints: Fingerprints,
        record_documents: tuple[str, ...],
        crash: CrashPoint,
    ) -> None:
        self._ledger = ledger
        self._steps = steps
        self._captures = captures
        self._questions = questions
        self._target = target
        self._fingerprints = fingerprints
        self._record_documents = record_documents
        self._crash = crash

    async def go_live(self) -> None:
        """Have the target's name typed; that somebody did is on record with the answer."""
        target = self._ledger.state.started.target if self._ledger.state.started else ""
        text = (
            f"Type the target's name to go live: {self._ledger.state.target_name}\n"
            f"From here on {target} itself is changed."
        )
        await self._questions.ask(text, kind="target")

    async def open(self, item: Item) -> None:
        """Measure, capture and confirm; passed means that there is a durable restore point."""
        await self._ledger.emit(ev.CheckpointOpened(item=item.id))
        try:
            await self._fingerprints.take(item.id, "checkpoint")
            for line in lines_to_measure(item):
                await self._measure(item, line, "checkpoint")
            for capture in lines_to_capture(item):
                await self._capture(item, capture)
            failed = self._not_passed(item)
            if not failed:
                await self._confirm_lines(item)
        except RunbookError as error:
            await self._ledger.emit(ev.CheckpointFailed(item=item.id, reason=str(error)))
            return
        if failed:
            reason = "; ".join(failed)
            await self._ledger.emit(ev.CheckpointFailed(item=item.id, reason=reason))
            return
        await self._ledger.emit(ev.CheckpointPassed(item=item.id))
        self._crash(f"checkpoint:{item.id}")

    async def _capture(self, item: Item, line: CaptureLine) -> None:
        summaries = []
        if line.project:
            prior = await self._captures.take_named(item.id, "project", "")
            summaries.append(prior.summary)
        kinds = [("database", line.database), ("volume", line.volume)]
        for kind in (kind for kind, wanted in kinds if wanted):
            prior = await self._captures.take_named(item.id, kind, "")
            summaries.append(prior.summary)
        for name in line.files:
            prior = await self._captures.take_named(item.id, "file", name)
            summaries.append(f"{name}: {prior.summary}")
        await self._ledger.emit(
            ev.CheckFinished(
                item=item.id,
                section="checkpoint",
                line=line.id,
                title=line.title,
                verdict=Verdict.PASSED,
                evidence="; ".join(summaries),
            )
        )

    async def _confirm_lines(self, item: Item) -> None:
        for line in lines_to_confirm(item):
            answer = await self._questions.ask(
                line.title,
                item=item.id,
                kind="confirm",
                choices=("yes", "no"),
                person_required=line.person_required,
            )
            if answer.answer != "yes":
                raise ActionError(f"Not confirmed by {answer.by}: {line.title}.")
            await self._ledger.emit(
                ev.LineConfirmed(item=item.id, line=line.id, by=answer.by, assumed=answer.assumed)
            )

    def _not_passed(self, item: Item) -> list[str]:
        state = self._ledger.state.items[item.id]
        return [
            f"{line.title}: {_why(state.checkpoint[line.id].result)}"
            for line in lines_to_measure(item)
            if not state.checkpoint[line.id].passed
        ]

    async def _measure(self, item: Item, line: CheckLine, section: str) -> None:
        await self._ledger.emit(await self._steps.measure_line(item.id, line, section))

    async def verify(self, item: Item) -> None:
        """Measure every success criterion; verified only when all hold or are waived."""
        for line in item.success:
            await self._measure(item, line, "success")
        state = self._ledger.state.items[item.id]
        if all(state.success[line.id].passed for line in item.success):
            await self._ledger.emit(
                *await self._captures.settle(state), ev.ItemVerified(item=item.id)
            )
            self._crash(f"verified:{item.id}")

    async def commit(self, item: Item) -> None:
        """Commit exactly the files that the item changed."""
        try:
            event = await self._commit(item)
        except RunbookError as error:
            event = ev.ItemNotCommitted(item=item.id, reason=error.message, hint=error.hint)
        await self._ledger.emit(event)

    async def _commit(self, item: Item) -> ev.ItemCommitted | ev.ItemNotCommitted:
        state = self._ledger.state.items[item.id]
        mark = trailer("Item", self._ledger.state.id, state)
        reason = await self._target.git.state()
        if reason:
            fatal = reason != "no repository"
            return ev.ItemNotCommitted(item=item.id, reason=reason, fatal=fatal)
        files = [taken for taken in self._captures.order(state) if taken.kind == "file"]
        paths = [taken.name for taken in files if taken.name not in self._record_documents]
        ignored = set(await self._target.git.ignored(paths))
        wanted = [path for path in paths if path not in ignored]
        if found := await self._target.git.find_commit(mark):
            await self._target.git.unstage(wanted)
            return ev.ItemCommitted(item=item.id, commit=found, paths=tuple(wanted))
        if mine := [taken.name for taken in files if taken.dirty]:
            raise ActionError(
                f"{', '.join(mine)} held changes of yours that were not committed when the item"
                " began; a commit would mix them with the item's.",
                hint="Commit by hand, or roll back, commit or stash your changes, and run again.",
            )
        commit = await self._target.git.commit(wanted, f"{item.commit}\n\n{mark}\n")
        self._crash(f"committed:{item.id}")
        if not commit:
            reason = "nothing differs from the last commit"
            return ev.ItemNotCommitted(item=item.id, reason=reason, fatal=False)
        return ev.ItemCommitted(item=item.id, commit=commit, paths=tuple(wanted))


def trailer(kind: str, session: str, item: ItemState) -> str:
    """The line by which a commit made just before a crash is recognised.

    `kind` is `Item` for an item's commit and `Revert` for the revert of it.
    """
    again = f" run {item.rollbacks + 1}" if item.rollbacks else ""
    return f"Runbook-{kind}: {session} {item.id}{again}"


def _why(result: ev.CheckFinished | None) -> str:
    if result is None:
        return "not measured"
    return result.evidence or result.verdict.value

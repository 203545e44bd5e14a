"""Measuring the criteria again without a screen, and withdrawing a signal that holds no more."""

from __future__ import annotations

from runbook_app.domain.commands import Recheck
from runbook_app.domain.measure import Verdict
from runbook_app.domain.score import NEEDS_PROBE
from runbook_app.domain.state import RecheckState, SessionState
from runbook_app.domain.withdrawal import withdrawal
from runbook_app.headless.feed import Detached, EngineDied, Feed
from runbook_app.headless.interrupts import Interrupts
from runbook_app.headless.lines import Tone, withdrawn_words
from runbook_app.headless.parting import Exit, Parting
from runbook_app.headless.printer import Printer
from runbook_app.ports.session import Session


class RecheckDriver:
    """Has the criteria of the items that are done measured again."""

    def __init__(
        self, session: Session, printer: Printer, interrupts: Interrupts, *, probes: bool
    ) -> None:
        self._session = session
        self._printer = printer
        self._probes = probes
        self._feed = Feed(session, printer, interrupts)
        self._parting = Parting(session, printer)
        self._command = ""

    @property
    def _state(self) -> SessionState:
        return self._session.state

    async def run(self) -> int:
        """Measure, withdraw what holds no more, and return the exit code.

        Raises:
            LockedError: another driver holds the target.
            JournalError: the signal that is to be withdrawn can't be written anew.
            SecretFound: nor that, as a secret lies in a file where none may be.
        """
        ours = not self._session.engine_alive()
        try:
            await self._feed.start_engine()
            if ours:
                await self._recovered()
            code = await self._recheck()
            try:
                await self._withdraw()
            finally:
                if ours:
                    await self._feed.stop_engine("the recheck is over")
        except Detached as reason:
            return self._parting.detached(str(reason))
        except EngineDied:
            return self._parting.engine_died()
        return code

    async def _recovered(self) -> None:
        """Let the new engine settle first what the one before it left running."""
        while self._state.engine is not None and self._state.running_step is not None:
            await self._feed.pump()

    async def _recheck(self) -> int:
        self._command = await self._feed.send(Recheck, probes=self._probes)
        refusal = await self._feed.answered(self._command)
        if refusal:
            self._printer.say(f"Not measured: {refusal}", Tone.BAD)
            return Exit.USAGE
        while (taken := self._taken()) is None or not taken.over:
            if self._state.engine is None:
                break
            if self._state.question is not None:
                return self._parting.waiting(self._state.question, may_assume=False)
            await self._feed.pump()
        if taken is None or taken.finished is None:
            abandoned = taken.abandoned if taken else None
            reason = abandoned.reason if abandoned else "the engine has ended"
            return self._parting.recheck_cut_short(reason)
        return self._result(taken)

    def _taken(self) -> RecheckState | None:
        """What this run has asked for, once it has begun."""
        return next((t for t in self._state.rechecks if t.started.id == self._command), None)

    async def _withdraw(self) -> None:
        taken, withdrawn = self._taken(), withdrawal(self._state)
        if taken is None or taken.finished is None or withdrawn is None:
            return
        exported = await self._session.export()
        await self._feed.pump()
        self._printer.say(
            f"Signed anew: {exported.verdict}, {exported.paths[1]}."
            f" It {withdrawn_words(withdrawn)}.",
            Tone.CARE,
        )
        self._printer.say("Send it to those who hold a copy of the earlier one: they can't know.")

    def _result(self, taken: RecheckState) -> int:
        missing = [line for line, _ in taken.lines if line.verdict is Verdict.NOT_MEASURED]
        unknown = [line for line in missing if line.evidence != NEEDS_PROBE]
        for line in missing:
            tone = Tone.BAD if line in unknown else Tone.CARE
            text = f"Item {line.item}: criterion {line.line} was not measured: {line.evidence}"
            self._printer.say(text, tone)
        if self._parting.drifted() or unknown:
            return Exit.FAILED
        held = taken.finished.held if taken.finished else 0
        self._printer.say(f"Holds: {held} of {len(taken.lines)} criteria.", Tone.GOOD)
        return Exit.DONE

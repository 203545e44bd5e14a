"""Work by hand: its end goes on record, and what the terminal showed into the log."""

from __future__ import annotations

import hashlib

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.hands import hands_words, place_words, within
from runbook_app.domain.state import HandsState
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.redaction import Redactor
from runbook_app.ports.hands import Transcripts
from runbook_app.ports.journal import LogWriter

SOURCE = "hands"
"""Of the log. The step's own lines stay as they were: their hash is on record."""
UNSEEN = "its screen ended, and nobody saw how it came out"


class Hands:
    def __init__(
        self, ledger: Ledger, logs: LogWriter, redactor: Redactor, transcripts: Transcripts
    ) -> None:
        self._ledger = ledger
        self._logs = logs
        self._redactor = redactor
        self._transcripts = transcripts

    async def attend(self) -> None:
        """Record that those are out whose screen is gone."""
        for one in within(self._ledger.state):
            begun = one.went_in
            if not self._transcripts.lives(begun.pid, begun.pid_started):
                await self._ledger.emit(self._out(one, exit_code=None, reason=UNSEEN))
                self.forget(begun.id)

    def came_out(self, command: cmd.ComeOut) -> ev.HandsCameOut:
        """Take what was recorded into the log; the event that says so."""
        one = self._ledger.state.hands[command.hands]
        return self._out(one, exit_code=command.exit_code, reason=command.reason)

    def forget(self, hands: str) -> None:
        """The log has it, and the journal says so."""
        self._transcripts.drop(hands)

    def _out(self, one: HandsState, *, exit_code: int | None, reason: str) -> ev.HandsCameOut:
        begun = one.went_in
        shown = self._redactor.data(self._transcripts.recorded(begun.id))
        shown = shown.replace(b"\r\n", b"\n")
        head = f"{place_words(one)} by hand: {hands_words(one)}\n".encode()
        self._logs.write(SOURCE, "", self._redactor.data(head) + shown)
        self._logs.finish(SOURCE, "")
        self._logs.flush()
        return ev.HandsCameOut(
            id=begun.id,
            exit_code=exit_code,
            reason=reason,
            recorded=len(shown),
            sha256=hashlib.sha256(shown).hexdigest() if shown else "",
        )

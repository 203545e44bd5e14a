"""The last words of a headless command: what came of it, and how to go on."""

from __future__ import annotations

import shlex
from enum import IntEnum

from runbook_app.domain import guard as guards
from runbook_app.domain.decisions import missing_needs
from runbook_app.domain.events import QuestionAsked
from runbook_app.domain.outcome import Outcome, drifts_measured, failures, out_of_reach, outcome
from runbook_app.domain.state import SessionState, StepStatus
from runbook_app.headless.lines import Tone
from runbook_app.headless.printer import Printer
from runbook_app.ports.session import Session


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    """A step or check."""
    USAGE = 2
    WAITING = 3
    """For a person, also one who stopped or left it."""


def farewell(session: Session) -> str:
    """What the shell says once the screen is left: how to come back, or how to go on."""
    name = shlex.quote(session.id)
    if session.engine_alive():
        return f"The engine goes on. Come back with: runbook attach {name}"
    if session.state.status == "finished":
        return f"No engine runs, and nothing is left to do. What came of it: runbook report {name}"
    return f"No engine runs; nothing is lost. Go on with: runbook resume {name}"


class Parting:
    """Says how a session was left, and gives the exit code for it."""

    def __init__(self, session: Session, printer: Printer) -> None:
        self._session = session
        self._printer = printer
        self._id = shlex.quote(session.id)

    @property
    def _state(self) -> SessionState:
        return self._session.state

    def waiting(self, asked: QuestionAsked, *, may_assume: bool) -> Exit:
        where = f"item {asked.item}: " if asked.item else ""
        self._printer.say(f"Waiting for a person: {where}{asked.text}", Tone.CARE)
        self._printer.say(f"Answer it on the screen: runbook resume {self._id}")
        if may_assume and asked.may_be_assumed:
            self._printer.say(
                "Or have it recorded as assumed, confirmed by nobody:"
                f" runbook resume {self._id} --headless --yes"
            )
        return Exit.WAITING

    def detached(self, reason: str) -> Exit:
        self._printer.say(f"Detached ({reason}); nothing was stopped, the session goes on.")
        self._printer.say(f"Come back with: runbook attach {self._id}")
        return Exit.WAITING

    def engine_died(self) -> Exit:
        words = self._session.last_words()
        log = self._session.folder / "engine.log"
        silent = f"The engine ended without a word, as when it is killed; its output is in {log}."
        self._printer.say(f"The engine ended: {words}" if words else silent, Tone.BAD)
        self._printer.say(
            f"What was recorded is safe. Go on with: runbook resume {self._id}"
            " (or with --headless --yes)"
        )
        return Exit.FAILED

    def result(self, items: tuple[str, ...], until: str, *, stopped: bool) -> Exit:
        """Judge what was asked for; without items, the scope that the session has already."""
        items = items or self._state.intent.items
        if reverting := guards.words(self._state, self._session.reverts_in()):
            self._printer.say(f"{reverting[:1].upper()}{reverting[1:]}", Tone.CARE)
        match outcome(self._state, items, until):
            case Outcome.DONE:
                return self._done(whole=not items and not until)
            case Outcome.FAILED:
                return self._failed()
            case Outcome.WAITING:
                return self._unknown()
            case Outcome.OPEN if self._reverted(items):
                return Exit.FAILED
            case Outcome.OPEN if stopped or not self._state.nothing_left:
                return self._stopped()
            case Outcome.OPEN:
                return self._left_open(items)

    def _reverted(self, items: tuple[str, ...]) -> bool:
        """Say which items of the scope were reverted because nobody confirmed them."""
        found = {
            item.id: reason
            for item in self._state.items.values()
            if (not items or item.id in items) and (reason := guards.reverted(item))
        }
        for item, reason in found.items():
            self._printer.say(f"Item {item} was rolled back: {reason}.", Tone.BAD)
        if found:
            self._printer.say(f"Run it again with: runbook resume {self._id} --item ITEM")
        return bool(found)

    def _done(self, *, whole: bool) -> Exit:
        missing = out_of_reach(self._state) if whole else {}
        if missing:
            self._printer.say("Done, as far as this installation can do it.", Tone.GOOD)
        else:
            self._printer.say("Done.", Tone.GOOD)
        for item, reason in missing.items():
            self._printer.say(f"  not done: item {item}: {reason}", Tone.CARE)
        return Exit.DONE

    def _failed(self) -> Exit:
        for item in self._state.items.values():
            for text in failures(item):
                self._printer.say(f"Item {item.id}: {text}", Tone.BAD)
            for step in item.steps.values():
                if step.status is StepStatus.FAILED and step.hint:
                    self._printer.say(f"  {step.hint}")
        self.drifted()
        if not any(failures(item) for item in self._state.items.values()):
            return Exit.FAILED
        self._printer.say(
            f"Mend the cause and go on: runbook resume {self._id} --headless --yes;"
            f" or undo an item: runbook rollback {self._id} ITEM --yes"
        )
        return Exit.FAILED

    def recheck_cut_short(self, reason: str) -> Exit:
        self._printer.say(f"Cut short: {reason}. Nothing that was measured counts.", Tone.CARE)
        self._printer.say(f"Measure again with: runbook recheck {self._id}")
        return Exit.WAITING

    def drifted(self) -> bool:
        """Say which criteria do not hold any more, with what was measured and its limit."""
        found = [
            f"Item {item.id}: {text}"
            for item in self._state.items.values()
            for text in drifts_measured(item)
        ]
        for text in found:
            self._printer.say(text, Tone.BAD)
        if found:
            self._printer.say(
                f"Mend it and measure again: runbook recheck {self._id}; or undo the item:"
                f" runbook rollback {self._id} ITEM --yes"
            )
        return bool(found)

    def _unknown(self) -> Exit:
        for step in self._state.steps():
            if step.status is StepStatus.UNKNOWN:
                seen = step.examined.words if step.examined else step.error
                text = f"The outcome of step {step.id} is unknown: {seen}"
                self._printer.say(text, Tone.CARE)
        self._printer.say(
            "Say on the screen whether it is done, not done or partly done:"
            f" runbook resume {self._id}"
        )
        self._printer.say(
            f"Or give a policy: runbook resume {self._id} --headless --yes --unknown check (as its"
            " check finds), retry (run it again) or rollback (of its item)"
        )
        return Exit.WAITING

    def _stopped(self) -> Exit:
        stopped = self._state.engine_stopped
        reason = self._state.pause_reason or (stopped.reason if stopped else "by somebody else")
        self._printer.say(f"Stopped: {reason}. Nothing is lost.", Tone.CARE)
        self._printer.say(f"Go on with: runbook resume {self._id}")
        return Exit.WAITING

    def _left_open(self, items: tuple[str, ...]) -> Exit:
        for item in self._state.items.values():
            if item.status.done or (items and item.id not in items):
                continue
            needs = missing_needs(self._state, item)
            state = item.status.value.replace("_", " ")
            why = f"it needs {', '.join(needs)} first" if needs else state
            self._printer.say(f"Item {item.id} is not done: {why}.", Tone.CARE)
        return Exit.FAILED

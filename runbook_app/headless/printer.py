"""Printing a session: plain lines for people, or one JSON object an event for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Protocol, TextIO

import msgspec

from runbook_app.domain.commands import Command
from runbook_app.domain.entry import Entry
from runbook_app.domain.events import CaptureTaken
from runbook_app.domain.plan import Plan
from runbook_app.domain.sanitise import neutralise
from runbook_app.headless.lines import Line, Narrator, Tone
from runbook_app.ports.journal import LogLine


class Printer(Protocol):
    """Where a headless session is shown."""

    wants_logs: bool

    @property
    def lost(self) -> bool:
        """Nobody reads any more: the terminal or the pipe is gone."""

    def entry(self, entry: Entry) -> None: ...

    def log(self, line: LogLine) -> None: ...

    def say(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        """A word of the program itself, to the person who started it."""


def painted(text: str, tone: Tone, *, colour: bool) -> str:
    return f"\x1b[{tone.value}m{text}\x1b[0m" if colour and tone.value else text


class _Stream:
    """A stream that may break at any time, which ends nothing."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.lost = False

    def write(self, text: str) -> None:
        if self.lost:
            return
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except (OSError, ValueError):
            self.lost = True


class LinePrinter:
    """Plain lines: the time (UTC), then what happened.

    `logs` tells which log lines are printed: `steps`, `all` (the containers' as well) or `none`.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        plan: Plan,
        *,
        colour: bool,
        logs: str = "steps",
        captures: Iterable[CaptureTaken] = (),
    ) -> None:
        self._out = _Stream(out)
        self._err = _Stream(err)
        self._narrator = Narrator(plan, captures)
        self._colour = colour
        self._logs = logs
        self.wants_logs = logs != "none"

    @property
    def lost(self) -> bool:
        return self._out.lost

    def entry(self, entry: Entry) -> None:
        if isinstance(entry.body, Command):
            return
        for line in self._narrator.tell(entry.body, entry.at):
            self._line(entry.at, line)

    def log(self, line: LogLine) -> None:
        if self._logs == "steps" and line.source != "step":
            return
        source = self._painted(neutralise(f"  | {line.source}:"), Tone.FAINT)
        text = neutralise(line.text.rstrip("\r\n"), colour=self._colour)
        self._out.write(f"{_clock(line.at)} {source} {text}")

    def say(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        for part in text.splitlines():
            self._err.write(self._painted(neutralise(part), tone))

    def _line(self, at: str, line: Line) -> None:
        clock = _clock(at)
        for part in line.text.splitlines() or [""]:
            self._out.write(f"{clock} {self._painted(neutralise(part), line.tone)}")

    def _painted(self, text: str, tone: Tone) -> str:
        return painted(text, tone, colour=self._colour)


def _clock(at: str) -> str:
    return at[11:19] or "--:--:--"


class JsonPrinter:
    """One JSON object a line and event, in ASCII: `seq`, `at`, `type`, and the event's fields."""

    wants_logs = False

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out = _Stream(out)
        self._err = _Stream(err)

    @property
    def lost(self) -> bool:
        return self._out.lost

    def entry(self, entry: Entry) -> None:
        if not isinstance(entry.body, Command):
            self._out.write(json.dumps(event_fields(entry)))

    def log(self, line: LogLine) -> None:
        pass

    def say(self, text: str, tone: Tone = Tone.PLAIN) -> None:  # noqa: ARG002 - no colours here
        for part in text.splitlines():
            self._err.write(neutralise(part))


def event_fields(entry: Entry) -> dict[str, object]:
    """An entry as plain values, its own fields first."""
    fields: dict[str, object] = msgspec.to_builtins(entry.body)
    return {"seq": entry.seq, "at": entry.at, **fields}

"""Measurements and verdicts: what a check returns."""

from __future__ import annotations

from enum import StrEnum

import msgspec

Scalar = str | int | float | bool | None


def as_text(value: Scalar) -> str:
    """A value inside a longer text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_MEASURED = "not_measured"


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value against its limit."""

    name: str
    value: Scalar
    unit: str = ""
    limit: str = ""
    """The limit as text, such as `<= 100` or `= 301`; empty when the value is only reported."""
    ok: bool = True


class Progress(StrEnum):
    """What an effect's own check finds."""

    DONE = "done"
    NOT_DONE = "not done"
    PARTLY = "partly"

    @property
    def words(self) -> str:
        return "partly done" if self is Progress.PARTLY else self.value


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of an effect's check, with what was seen."""

    progress: Progress
    evidence: str = ""

"""The blast radius of a step: what it will touch besides what it is for, and who notices.

A list is confirmed by somebody and taken anew right before the effect. What it names is compared
exactly: one thing more, one less, or one that is touched otherwise, and it is asked for again.
Amounts only inform, within bounds: a pool that has two connections more is the same thing. Of what
comes and goes by itself only the sum is held to that.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

GROWTH = 2
"""An amount may be so many times what was confirmed."""
SLACK = 10
"""Or so much more, where that is the larger bound: small numbers double easily."""
UNKNOWN = "unknown"
"""The kind of what could not be told; its name is the reason."""


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a step touches."""

    kind: str
    """`container`, `connections`, `role`, `account`, `table`, `objects`, `downtime`, `unknown`."""
    name: str
    how: str
    """What happens to it, as in `is made anew`."""
    amount: int | None = None
    """How many or how much, as of now; None where there is nothing to count."""
    unit: str = ""
    passing: bool = False
    """It comes and goes by itself, as connections do: who it is only informs."""

    @property
    def words(self) -> str:
        """The whole of it on one line."""
        if self.kind == UNKNOWN:
            return f"can't be told: {self.name}"
        number = f": {self.amount:,} {self.unit}".rstrip() if self.amount is not None else ""
        return f"{self.kind} {self.name} {self.how}{number}"


def differences(confirmed: Sequence[Affected], now: Sequence[Affected]) -> list[str]:
    """What of a list as it is now nobody confirmed, one line each; empty: it is that list."""
    before, after = _compared(confirmed), _compared(now)
    found = []
    for identity, thing in after.items():
        old = before.pop(identity, None)
        if old is None and thing.passing:
            old = msgspec.structs.replace(thing, amount=0)
        if old is None:
            found.append(f"new: {thing.words}")
        elif not _within(old.amount, thing.amount):
            found.append(f"more: {thing.words}, confirmed were {old.amount:,}")
    return found + [f"gone: {thing.words}" for thing in before.values() if not thing.passing]


def _compared(things: Sequence[Affected]) -> dict[tuple[str, str, str], Affected]:
    """Things by their identity, what comes and goes summed up."""
    found = {(thing.kind, thing.name, thing.how): thing for thing in things if not thing.passing}
    for thing in things:
        if thing.passing:
            key = (thing.kind, "", thing.how)
            amount = (thing.amount or 0) + (found[key].amount or 0 if key in found else 0)
            found[key] = msgspec.structs.replace(thing, name="altogether", amount=amount)
    return found


def _within(confirmed: int | None, now: int | None) -> bool:
    if confirmed is None or now is None:
        return True
    return now <= max(GROWTH * confirmed, confirmed + SLACK)

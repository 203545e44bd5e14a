"""The diff page: what an item changed in the target since its checkpoint, and is still so."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_app.domain.plan import Item
from runbook_app.ports.session import Change
from runbook_app.tui.view.words import BLANK, Line, Tone, plural

_TONES = {"+": Tone.GOOD, "-": Tone.BAD, "@": Tone.ACCENT}
_WORDS = {"project": "containers, ports and networks", "database": "settings, roles and schema"}


def diff_page(item: Item, found: Sequence[Change] | None, error: str) -> list[Line]:
    """`found` None: it is being compared; `error`: why it could not be."""
    title: Line = ((f"{item.number} {item.title}", Tone.STRONG),)
    if error:
        return [title, ((error, Tone.BAD),)]
    if found is None:
        return [title, (("comparing what was captured with what is there …", Tone.DIM),)]
    if not found:
        return [title, (("Nothing that this item captured has changed since.", Tone.PLAIN),)]
    count: Line = ((f"{plural(len(found), 'thing')} changed", Tone.DIM),)
    return [title, count, *(row for change in found for row in _change(change))]


def _change(change: Change) -> list[Line]:
    kind = _WORDS.get(change.kind, change.kind)
    rows: list[Line] = [BLANK, ((f"{kind} ", Tone.DIM), (change.name, Tone.STRONG))]
    return [
        *rows,
        *(((line, _TONES.get(line[:1], Tone.PLAIN)),) for line in change.text.splitlines()),
    ]

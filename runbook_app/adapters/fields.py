"""Named fields of a thing, as captures and fingerprints hold them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def changes(now: Mapping[str, str], before: Mapping[str, str]) -> Iterator[str]:
    """What would change from the one to the other, one line each, signed as in a diff."""
    for field in sorted(now.keys() | before.keys()):
        old, new = before.get(field), now.get(field)
        if old != new:
            if new is not None:
                yield f"-{field} = {new}"
            if old is not None:
                yield f"+{field} = {old}"

"""The fingerprint of a target, and the comparison that proves a rollback."""

from __future__ import annotations

import msgspec

from runbook_app.domain.events import Difference

VERSION = 1


class Exclusion(msgspec.Struct, frozen=True, kw_only=True):
    field: str
    reason: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one table at a snapshot, as sorted digests of each row."""

    rows: tuple[str, ...]


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a target that a rollback has to bring back."""

    version: int = VERSION
    taken_at: str = ""
    fields: dict[str, str]
    """Value by field, such as `file:nginx/nginx.conf` or `role:app`; long values are digests."""
    tables: dict[str, Table] = {}
    """Rows by `schema.table`; digests of up to a stated number of rows."""
    exclusions: tuple[Exclusion, ...] = ()


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    differences: tuple[Difference, ...]
    kept: tuple[str, ...]
    """Rows written since, by table: they stay."""


def compare(before: Fingerprint, after: Fingerprint) -> Comparison:
    """Compare two fingerprints; rows that existed before must still be there, unchanged."""
    differences = [
        Difference(field=name, before=old, after=new)
        for name in sorted(before.fields.keys() | after.fields.keys())
        if (old := before.fields.get(name, "absent")) != (new := after.fields.get(name, "absent"))
    ]
    kept = []
    for name in sorted(before.tables.keys() & after.tables.keys()):
        lost, added = _changes(before.tables[name].rows, after.tables[name].rows)
        if lost:
            differences.append(
                Difference(field=f"rows:{name}", before=f"{lost} rows", after="changed or gone")
            )
        if added:
            kept.append(f"{name}: {added} rows written since the checkpoint")
    return Comparison(differences=tuple(differences), kept=tuple(kept))


def _changes(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[int, int]:
    remaining: dict[str, int] = {}
    for row in after:
        remaining[row] = remaining.get(row, 0) + 1
    lost = 0
    for row in before:
        if remaining.get(row):
            remaining[row] -= 1
        else:
            lost += 1
    return lost, sum(remaining.values())

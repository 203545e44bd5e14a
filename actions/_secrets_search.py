"""Looking for secret values in bytes: as they are, and as they look on the way."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

SHORTEST = 8
"""A shorter value would be found by accident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    values: Mapping[str, str]
    """Value by name."""

    @property
    def forms(self) -> Sequence[tuple[str, bytes]]:
        return [
            (name, form)
            for name, value in self.values.items()
            if len(value) >= SHORTEST
            for form in set(_forms(value))
        ]

    def names_in(self, data: bytes) -> list[str]:
        """Names of the values that stand in the data."""
        return sorted({name for name, form in self.forms if form in data})


def _forms(value: str) -> Iterator[bytes]:
    raw = value.encode()
    yield raw
    yield json.dumps(value)[1:-1].encode()
    yield quote(value, safe="").encode()
    yield base64.b64encode(raw).rstrip(b"=")
    for before in range(3):
        # What the value alone decides of the base64 of a longer text around it.
        encoded = base64.b64encode(bytes(before) + raw)
        yield encoded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]

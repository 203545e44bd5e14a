"""Sealed streams: altered, cut or reordered ones do not open."""

from __future__ import annotations

import pytest

from runbook_app.adapters.sealer import FileKeySealer
from runbook_app.domain.errors import JournalError

PIECE = 1 << 20
SEALED = PIECE + 16
HEAD = 24


@pytest.fixture
def sealer(tmp_path):
    return FileKeySealer(tmp_path / "key")


def sealed(sealer) -> bytes:
    return b"".join(sealer.seal_stream([b"a" * PIECE, b"b" * PIECE, b"c"]))


def opened(sealer, data: bytes) -> bytes:
    return b"".join(sealer.open_stream([data]))


def test_what_is_sealed_opens_in_whatever_blocks_it_comes(sealer) -> None:
    data = sealed(sealer)
    blocks = (data[start : start + 70_001] for start in range(0, len(data), 70_001))
    assert b"".join(sealer.open_stream(blocks)) == b"a" * PIECE + b"b" * PIECE + b"c"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d[: HEAD + 2 * SEALED],
        lambda d: d[: HEAD + SEALED],
        lambda d: d[:HEAD],
        lambda d: d[:-1],
        lambda d: d + b"x",
        lambda d: (
            d[:HEAD]
            + d[HEAD + SEALED : HEAD + 2 * SEALED]
            + d[HEAD : HEAD + SEALED]
            + d[HEAD + 2 * SEALED :]
        ),
        lambda d: b"RBSEAL1\n" + d[8:],
        lambda d: d[:100] + bytes([d[100] ^ 1]) + d[101:],
        lambda d: b"",
    ],
    ids=[
        "no last",
        "two missing",
        "head only",
        "cut",
        "longer",
        "swapped",
        "other kind",
        "flipped",
        "empty",
    ],
)
def test_a_spoiled_stream_does_not_open(sealer, spoil) -> None:
    data = spoil(sealed(sealer))
    with pytest.raises(JournalError, match="altered, cut short"):
        opened(sealer, data)

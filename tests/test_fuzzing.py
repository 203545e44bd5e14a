"""The long run of the fuzzers keeps what breaks, and every kind has a corpus."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import fuzzing


@pytest.mark.parametrize("kind", ["plans", "documents", "events", "redaction", "sanitise"])
def test_there_is_a_corpus(kind: str) -> None:
    assert len(list((fuzzing.CORPUS / kind).iterdir())) >= 10


@pytest.mark.parametrize(("running", "left"), [(True, [b"x"]), (False, [])])
def test_a_long_run_keeps_the_smallest_input_that_breaks_something(
    tmp_path, monkeypatch, running: bool, left: list[bytes]
) -> None:
    (tmp_path / "events").mkdir()
    monkeypatch.setattr(fuzzing, "CORPUS", tmp_path)
    monkeypatch.delenv(fuzzing.VARIABLE, raising=False)
    if running:
        monkeypatch.setenv(fuzzing.VARIABLE, "5")

    @settings(database=None)
    @given(st.binary())
    def broken(data: bytes) -> None:
        with fuzzing.kept("events", data):
            assert not data

    with pytest.raises(AssertionError):
        broken()
    found = [path.read_bytes() for path in (tmp_path / "events").iterdir()]
    assert len(found) == len(left)
    assert all(len(data) == 1 for data in found)

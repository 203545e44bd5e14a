"""The corpus: inputs that broke something once, or are made to. Every suite runs all of it.

`make fuzz` sets FUZZ_EXAMPLES, how many examples each fuzzer tries, and then keeps what breaks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CORPUS = Path(__file__).parent / "corpus"
VARIABLE = "FUZZ_EXAMPLES"
EXAMPLES = 60
"""In the suite."""


def explores() -> bool:
    """Whether examples of chance are tried, other ones in each run."""
    return VARIABLE in os.environ


def examples() -> int:
    return int(os.environ.get(VARIABLE, EXAMPLES))


def corpus(kind: str) -> pytest.MarkDecorator:
    """Run a test with the bytes, as `data`, of each file of one kind."""
    found = sorted((CORPUS / kind).iterdir())
    return pytest.mark.parametrize(
        "data", [pytest.param(path.read_bytes(), id=path.name) for path in found]
    )


@contextmanager
def kept(kind: str, data: bytes) -> Iterator[None]:
    """Keep an input of a long run that breaks something: of a test the last, which is the smallest.

    Hypothesis ends with the smallest example that it found.
    """
    try:
        yield
    except Exception:
        if explores():
            test = os.environ["PYTEST_CURRENT_TEST"].split("::")[-1].split(" ")[0]
            (CORPUS / kind / f"found-{re.sub(r'[^a-z0-9_]+', '-', test)}").write_bytes(data)
        raise

"""The sample, for item 4 alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.database.stack import Stack
from tests.real.demos import made_demo

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with made_demo(tmp_path_factory.mktemp("secrets"), "secrets") as demo:
        yield Stack.of_sample(demo, HERE / "sample.yaml")

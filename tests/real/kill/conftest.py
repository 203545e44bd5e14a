"""One demo for all kill tests of a run; each test leaves it as it found it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real.demos import Demo, made_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with made_demo(tmp_path_factory.mktemp("kill"), "kill") as made:
        yield made

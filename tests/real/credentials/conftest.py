"""The sample, for item 4 alone."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.database.stack import Stack
from tests.real.kill.conftest import Killed

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    base = tmp_path_factory.mktemp("secrets")
    killed = Killed(base / "demo", base / "home")
    project = f"rbtest-secrets-{secrets.token_hex(2)}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNBOOK_HOME", str(killed.home))
        killed.home.mkdir(mode=0o700)
        try:
            made = killed.demo("--no-open", "--project", project)
            assert made.returncode == 0, made.stderr
            yield Stack(
                killed=killed,
                plan=HERE / "sample.yaml",
                project=project,
                service="db",
                database="accounts",
                superuser="postgres",
            )
        finally:
            killed.demo("--remove")

"""What holds for every test."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.fuzzing import examples, explores

pytest.register_assert_rewrite("tests.real.kill.killing", "tests.real.demos")

# Times are benchmarks, never assertions: a slow machine must not fail an example. The suite says
# of the code alone, the same each time; `make fuzz` looks for what nobody has thought of.
settings.register_profile(
    "untimed", deadline=None, max_examples=examples(), derandomize=not explores()
)
settings.load_profile("untimed")

# A screen makes and drops many objects, and Python looks through what lives for each 700 of them:
# a fifth of the time of the screens' tests.
gc.set_threshold(50_000, 20, 50)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what failed for `scripts/test-groups.sh`, whose long output ends with it."""
    gathered = os.environ.get("TEST_FAILURES")
    if not gathered:
        return
    reports = [r for kind in ("failed", "error") for r in terminalreporter.getreports(kind)]
    with Path(gathered).open("a", encoding="utf-8") as file:
        for report in reports:
            crash = getattr(report.longrepr, "reprcrash", None)
            said = crash.message.strip().splitlines()[:3] if crash else []
            file.write(f"{report.nodeid} ({report.when}): {' / '.join(map(_shortened, said))}\n")


def _shortened(line: str) -> str:
    """What a program said last tells most, and stands at the end."""
    return line if len(line) <= 700 else f"{line[:150]} ... {line[-550:]}"

"""Nothing of the target changes before what undoes the change is on disk.

A kill can't show this, since the page cache survives it; the order of system calls does.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_app.domain import events as ev

from .syscalls import Order, traced
from .world import World

ROOT = Path(__file__).parents[2]


def faults(base: Path, *breaks: str) -> list[str]:
    calls = traced(["tests.engine.traced", str(base), *breaks], base / "trace", ROOT)
    world = World(base)
    client = world.client(read_only=True)
    items = client.state.items.values()
    captures: list[ev.CaptureTaken] = [c for item in items for c in item.captures if c.step]
    client.close()
    assert len(captures) == 4
    return Order(calls, world.folder, world.root).faults(captures)


def test_captures_and_events_are_on_disk_before_the_change(tmp_path: Path) -> None:
    assert faults(tmp_path) == []


@pytest.mark.parametrize(
    ("broken", "missing"),
    [
        ("capture_unsynced", "its capture"),
        ("folder_unsynced", "its capture"),
        ("journal_unsynced", "CaptureTaken"),
        ("journal_unsynced", "StepStarted"),
        ("effect_first", "CaptureTaken"),
    ],
)
def test_the_trace_tells_when_a_guarantee_is_taken_away(
    tmp_path: Path, broken: str, missing: str
) -> None:
    found = [fault for fault in faults(tmp_path, broken) if f"before {missing} was" in fault]
    assert len(found) == 4

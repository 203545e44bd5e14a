"""Moves a replay, and plays it."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from runbook_app.ports.session import Replay

FRAME = 0.1
"""Seconds between two steps while it plays."""
WHOLE = 60.0
"""Seconds that playing all of it takes at most."""


class Replayer:
    def __init__(self, replay: Replay, went_back: Callable[[], None]) -> None:
        self._replay = replay
        self._went_back = went_back
        self.playing = False

    @property
    def end(self) -> str:
        """Time of the last entry."""
        return self._replay.end

    def mark(self, by: int) -> None:
        self._move(lambda: self._replay.go_to_mark(by))

    def step(self, by: int) -> None:
        self._move(lambda: self._replay.go(self._replay.position + by))

    def to(self, position: int) -> None:
        self._move(lambda: self._replay.go(position))

    def time(self, when: str) -> None:
        self._move(lambda: self._replay.go_to_time(when))

    def play(self) -> None:
        self.playing = not self.playing
        if self.playing and self._replay.position >= self._replay.last:
            self._replay.go(1)
            self._went_back()

    def tick(self) -> None:
        """Go on, if it plays; called every `FRAME`."""
        if not self.playing:
            return
        by = ceil(self._replay.last * FRAME / WHOLE)
        self._replay.go(self._replay.position + by)
        self.playing = self._replay.position < self._replay.last

    def _move(self, go: Callable[[], None]) -> None:
        self.playing = False
        before = self._replay.position
        go()
        if self._replay.position < before:
            self._went_back()

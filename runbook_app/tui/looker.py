"""Reads the sessions' records beside the home screen, and tells it what has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from runbook_app.tui.desk import Desk
from runbook_app.tui.view.home import HomeSession

ROUND = 2.0
"""Seconds between two looks at all sessions."""


class Looker:
    """A thread that a long record holds up, and not the screen; nobody waits for its end."""

    def __init__(self, desk: Desk, tell: Callable[[Sequence[HomeSession]], None]) -> None:
        self._desk = desk
        self._tell = tell
        self._known: dict[str, HomeSession] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="home", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                self._round()
                self._over.wait(ROUND)
        except RuntimeError:  # the screen has gone
            pass
        finally:
            self._desk.close()

    def _round(self) -> None:
        listed = self._desk.sessions()
        self._known = {found.id: self._known.get(found.id, found) for found in listed}
        self._tell([*self._known.values()])
        for session in [*self._known.values()]:
            if self._over.is_set():
                return
            seen = self._desk.look(session)
            if seen != session:
                self._known[seen.id] = seen
                self._tell([*self._known.values()])

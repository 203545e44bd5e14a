"""Makes a dry run beside its screen, and tells it how far that has come."""

from __future__ import annotations

import threading
from collections.abc import Callable

from runbook_app.domain.errors import RunbookError
from runbook_app.domain.forecast import Ahead, Forecast
from runbook_app.ports.dry_run import DryRun


class Foreseer:
    """A thread that a dry run holds up, and not the screen; nobody waits for its end."""

    def __init__(
        self,
        begin: Callable[[], DryRun],
        told: Callable[[Ahead], None],
        over: Callable[[Forecast | RunbookError], None],
    ) -> None:
        """`told` and `over` are called in the thread, until it is cancelled."""
        self._begin = begin
        self._told = told
        self._over = over
        self._run: DryRun | None = None
        self._cancelled = False
        self._thread = threading.Thread(target=self._foresee, name="dry run", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        self._cancelled = True
        if self._run is not None:
            self._run.cancel()

    def _foresee(self) -> None:
        try:
            found = self._found()
            if not self._cancelled:
                self._over(found)
        except RuntimeError:  # the screen has gone
            pass

    def _found(self) -> Forecast | RunbookError:
        try:
            self._run = self._begin()
            if self._cancelled:
                self._run.cancel()
            return self._run.foresee(self._hear)
        except RunbookError as error:
            return error

    def _hear(self, ahead: Ahead) -> None:
        if not self._cancelled:
            self._told(ahead)

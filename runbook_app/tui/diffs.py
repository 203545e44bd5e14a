"""What items changed, compared in threads and kept until it is asked for anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from runbook_app.domain.errors import RunbookError
from runbook_app.ports.session import Change, Session


class Diffs:
    def __init__(
        self,
        session: Session,
        work: Callable[[Coroutine[None, None, None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._session = session
        self._work = work
        self._changed = changed
        self._found: dict[str, list[Change]] = {}
        self._errors: dict[str, str] = {}
        self._busy: set[str] = set()

    def of(self, item: str) -> tuple[list[Change] | None, str]:
        """What is known of an item, and why it can't be told; None while it is compared."""
        if item not in self._found and item not in self._errors and item not in self._busy:
            self._busy.add(item)
            self._work(self._compare(item))
        return self._found.get(item), self._errors.get(item, "")

    def forget(self) -> None:
        self._found.clear()
        self._errors.clear()

    async def _compare(self, item: str) -> None:
        try:
            self._found[item] = await asyncio.to_thread(self._session.changes_of, item)
        except RunbookError as error:
            self._errors[item] = str(error)
        finally:
            self._busy.discard(item)
        self._changed()

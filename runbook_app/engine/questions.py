"""Questions to the operator, and the work that waits for their answers."""

from __future__ import annotations

import asyncio
import uuid

from runbook_app.domain.entry import Entry
from runbook_app.domain.events import QuestionAnswered, QuestionAsked, QuestionWithdrawn
from runbook_app.engine.ledger import Ledger


class Questions:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: dict[str, asyncio.Future[QuestionAnswered]] = {}
        ledger.listeners.append(self._listen)

    @property
    def open(self) -> bool:
        return bool(self._waiting)

    async def ask(
        self,
        text: str,
        *,
        item: str = "",
        step: str = "",
        kind: str = "text",
        choices: tuple[str, ...] = (),
        person_required: bool = False,
    ) -> QuestionAnswered:
        """Record the question and wait for its answer; a cancelled wait withdraws it."""
        question = QuestionAsked(
            id=uuid.uuid4().hex[:12],
            item=item,
            step=step,
            kind=kind,
            text=text,
            choices=choices,
            person_required=person_required,
        )
        future = asyncio.get_running_loop().create_future()
        self._waiting[question.id] = future
        try:
            await self._ledger.emit(question)
            answer: QuestionAnswered = await future
        except asyncio.CancelledError:
            await self._ledger.emit(QuestionWithdrawn(id=question.id, reason="the work was ended"))
            raise
        finally:
            self._waiting.pop(question.id, None)
        return answer

    def _listen(self, entries: list[Entry]) -> None:
        for entry in entries:
            if isinstance(entry.body, QuestionAnswered):
                future = self._waiting.get(entry.body.id)
                if future is not None and not future.done():
                    future.set_result(entry.body)

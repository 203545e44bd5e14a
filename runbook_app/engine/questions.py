"""Questions to the operator, and the work that waits for their answers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

import msgspec

from runbook_app.domain.entry import Entry
from runbook_app.domain.errors import ActionError, RunbookError
from runbook_app.domain.events import QuestionAnswered, QuestionAsked, QuestionWithdrawn
from runbook_app.engine.ledger import Ledger
from runbook_app.ports.journal import Artefacts, OneTimeKey, answer_path


class Questions:
    def __init__(
        self, ledger: Ledger, artefacts: Artefacts, make_key: Callable[[], OneTimeKey]
    ) -> None:
        self._ledger = ledger
        self._artefacts = artefacts
        self._make_key = make_key
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
        takes: str = "text",
        default: str = "",
        secret: bool = False,
    ) -> QuestionAnswered:
        """Record the question and wait for its answer; a cancelled wait withdraws it.

        Raises:
            ActionError: its secret answer can't be read.
        """
        key = self._make_key() if secret else None
        question = QuestionAsked(
            id=uuid.uuid4().hex[:12],
            item=item,
            step=step,
            kind=kind,
            text=text,
            choices=choices,
            person_required=person_required,
            takes=takes,
            default=default,
            secret=secret,
            key=key.public if key else "",
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
        return (
            msgspec.structs.replace(answer, answer=self._opened(answer.id, key)) if key else answer
        )

    def _opened(self, question: str, key: OneTimeKey) -> str:
        """Read a secret answer, and take its file away."""
        path = answer_path(question)
        try:
            return key.open(self._artefacts.get(path)).decode()
        except (RunbookError, ValueError) as error:
            raise ActionError(
                "The secret answer could not be read.", hint="Run the step again, and answer anew."
            ) from error
        finally:
            self._artefacts.remove(path)

    def _listen(self, entries: list[Entry]) -> None:
        for entry in entries:
            if isinstance(entry.body, QuestionAnswered):
                future = self._waiting.get(entry.body.id)
                if future is not None and not future.done():
                    future.set_result(entry.body)

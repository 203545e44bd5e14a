"""A target that is only predicted: effects are tried on it, and nothing comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runbook_app.domain.forecast import Foreseen
from runbook_app.ports.action import Recorder, Run


class Unforeseeable(BaseException):
    """Ends the prediction of a step: what is needed first.

    No error of the program's: no `except` of an action may take it for an answer.
    """

    def __init__(self, needed: str) -> None:
        super().__init__(needed)
        self.needed = needed


class Foresight(Protocol):
    """`called` is what people are told of a step: its number."""

    def asking(self, *, item: str, step: str, called: str, recorder: Recorder) -> Run:
        """The context of a check: it looks at the target, with the predictions laid over it.

        What it looks at and can't be told raises `Unforeseeable`, and so does any change.
        """

    def trying(self, *, item: str, step: str, called: str, recorder: Recorder) -> Run:
        """The context of an effect: what it changes is laid over the target, and written down."""

    def closed(self, *, item: str, step: str, called: str, recorder: Recorder, needed: str) -> Run:
        """A context that knows nothing of the target; `needed` says what is to run first."""

    @property
    def looked(self) -> bool:
        """Whether the newest context looked at something that is only predicted."""

    @property
    def untouched(self) -> bool:
        """Whether nothing at all is predicted to change so far."""

    async def foreseen(self) -> Sequence[Foreseen]:
        """What the newest `trying` would change, in its order."""

    @property
    def assumed(self) -> Sequence[str]:
        """What that rests on."""

    def lose_sight(self, called: str) -> None:
        """From now on anything may be otherwise that runs: nobody knows what a step does there."""

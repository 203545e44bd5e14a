"""Things in the plan's order, and where to look among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from typing import Generic, Protocol, TypeVar


class Placed(Protocol):
    """A step or an item."""

    @property
    def over(self) -> bool:
        """Nothing is left to do of it."""

    @property
    def astir(self) -> bool:
        """It is under way, in trouble, or to be watched."""


T = TypeVar("T", bound=Placed)


class Row(Generic[T]):
    """Passes by what is over and finds what is astir, without a look at each of them.

    It tells where to look, never what is so: whoever asks looks at the thing itself. Whoever
    changes a thing has it looked at again.
    """

    __slots__ = ("_astir", "_names", "_open", "_places", "_queued", "_things")

    def __init__(self, things: Mapping[str, T]) -> None:
        self._things = things
        self._names = tuple(things)
        self._places = {name: place for place, name in enumerate(things)}
        self._astir = {place for place, thing in enumerate(things.values()) if thing.astir}
        self._open = [place for place, thing in enumerate(things.values()) if not thing.over]
        """A heap: its first is the first that is not over; what else is in it may be over."""
        self._queued = set(self._open)
        """What is in the heap."""

    def _pass_by(self) -> None:
        while self._open and self._things[self._names[self._open[0]]].over:
            self._queued.remove(heappop(self._open))

    def look(self, name: str) -> None:
        """Look again at one that may have changed."""
        place, thing = self._places[name], self._things[name]
        if thing.astir:
            self._astir.add(place)
        else:
            self._astir.discard(place)
        if thing.over:
            self._pass_by()
        elif place not in self._queued:
            self._queued.add(place)
            heappush(self._open, place)

    @property
    def over(self) -> bool:
        """Whether all of them are over."""
        return not self._open

    @property
    def stirs(self) -> bool:
        """Whether any of them is astir."""
        return bool(self._astir)

    def astir(self) -> list[T]:
        """Those that are, in order."""
        return [self._things[self._names[place]] for place in sorted(self._astir)]

    def ahead(self) -> Iterator[T]:
        """From the first that is not over to the last."""
        places = range(self._open[0], len(self._names)) if self._open else ()
        return (self._things[self._names[place]] for place in places)

"""Events of every kind in any order, on few items and steps, so that they meet."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from runbook_app.domain import events as ev

STEPS = ("a.1", "a.2", "a.3", "b.1", "b.2", "c.1")
"""Each of the item before its dot."""
ITEMS = ("a", "b", "c", "left")
LINES = ("line", "other")


def outlined(item: str, *steps: str, **fields: Any) -> ev.ItemOutline:
    known: dict[str, Any] = {"checkpoint": (), "success": (), "number": 1, "title": item} | fields
    return ev.ItemOutline(id=item, steps=steps, **known)


OUTLINES = (
    (
        outlined("a", *STEPS[:3], checkpoint=LINES[:1], success=LINES[:1]),
        outlined("b", *STEPS[3:5], needs=("a",), commits=True),
        outlined("c", *STEPS[5:]),
        outlined("left", not_required="another covers it"),
    ),
    (outlined("c", *STEPS[5:]), outlined("a", *STEPS[:3]), outlined("b", *STEPS[3:5])),
    (outlined("b", "b.2"), outlined("a", "a.3", "a.1", unavailable=("a.1",))),
    (outlined("c", *STEPS[5:], success=LINES), outlined("a", *STEPS[:3], needs=("c",))),
)

STEP = st.sampled_from((*STEPS, *STEPS, "", "a.unknown"))
ITEM = st.sampled_from((*ITEMS[:3], *ITEMS, "", "unknown"))
FIELDS: Mapping[str, st.SearchStrategy[Any]] = {
    "outline": st.sampled_from(OUTLINES),
    "step": STEP,
    "until": st.just("") | STEP,
    "rests_on": st.lists(STEP, max_size=2).map(tuple),
    "item": ITEM,
    "only": st.just("") | ITEM,
    "items": st.lists(ITEM, max_size=2).map(tuple),
    "line": st.sampled_from(LINES),
    "section": st.sampled_from(("checkpoint", "success", "recheck")),
    "moment": st.sampled_from(("checkpoint", "before", "asked")),
    "id": st.sampled_from(("x", "y")),
    "again": st.sampled_from(("", "lost")),
}
"""What is drawn for a field of that name; for any other its type tells."""


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    parts = get_args(kind)
    if get_origin(kind) in (tuple, dict):
        return st.just(get_origin(kind)())
    if isinstance(kind, UnionType):
        return st.one_of(*(of_type(part) for part in parts))
    if issubclass(kind, msgspec.Struct):
        return made(kind)
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    plain = {str: st.just("word"), bool: st.booleans(), int: st.integers(0, 3), float: st.just(0.5)}
    return st.none() if kind is NoneType else plain[kind]


def made(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    known = {
        field.name: FIELDS[field.name] if field.name in FIELDS else of_type(field.type)
        for field in msgspec.structs.fields(kind)
    }
    return st.builds(kind, **known)


KINDS: tuple[type[ev.Event], ...] = get_args(ev.AnyEvent)
EVENT: st.SearchStrategy[ev.AnyEvent] = st.one_of(
    *(made(kind) for kind in KINDS if "step" in kind.__struct_fields__),
    *(made(kind) for kind in KINDS if "item" in kind.__struct_fields__),
    *(made(kind) for kind in KINDS if kind is not ev.SessionStarted),
)
"""Those that move a step more often, those of an item less, and the others the least."""
EVENTS = st.integers(1, 80).flatmap(lambda many: st.lists(EVENT, min_size=many, max_size=many))
"""As long as that: left to itself a list of events mostly ends before anything comes of them."""

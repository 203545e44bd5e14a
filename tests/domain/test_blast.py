"""What of a list nobody confirmed: things are compared exactly, amounts within bounds."""

from __future__ import annotations

import msgspec
import pytest

from runbook_app.domain.blast import UNKNOWN, Affected, differences

DB = Affected(kind="container", name="shop-db-1", how="is made anew")
API = Affected(kind="container", name="shop-api-1", how="is made anew")
ROWS = Affected(kind="table", name="public.customers", how="is written anew", amount=30)


def connected(who: str, number: int) -> Affected:
    return Affected(
        kind="connections", name=f"of {who}", how="are dropped", amount=number, passing=True
    )


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ([API, DB], []),
        ([DB], ["gone: container shop-api-1 is made anew"]),
        (
            [DB, API, Affected(kind="role", name="x", how="is made")],
            ["new: role x is made"],
        ),
        (
            [DB, msgspec.structs.replace(API, how="is removed")],
            ["new: container shop-api-1 is removed", "gone: container shop-api-1 is made anew"],
        ),
    ],
)
def test_things_are_compared_exactly_and_in_any_order(now: list[Affected], told: list[str]) -> None:
    assert differences([DB, API], now) == told


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [(30, 60, True), (30, 61, False), (2, 12, True), (2, 13, False), (30, 0, True), (0, 10, True)],
)
def test_an_amount_may_double_or_grow_by_ten(before: int, now: int, same: bool) -> None:
    old, new = (msgspec.structs.replace(ROWS, amount=amount) for amount in (before, now))
    assert (differences([old], [new]) == []) is same


def test_connections_count_by_their_sum_whoever_they_are_of() -> None:
    confirmed = [DB, connected("accounts", 6), connected("reports", 4)]
    assert differences(confirmed, [DB, connected("accounts", 6), connected("psql", 1)]) == []
    assert differences(confirmed, [DB]) == []
    assert differences([DB], [DB, connected("accounts", 10)]) == []
    assert differences(confirmed, [DB, connected("accounts", 15), connected("psql", 6)]) == [
        "more: connections altogether are dropped: 21, confirmed were 10"
    ]


def test_words_have_the_number_and_its_unit() -> None:
    table = msgspec.structs.replace(ROWS, amount=1234567, unit="rows")
    assert table.words == "table public.customers is written anew: 1,234,567 rows"
    assert DB.words == "container shop-db-1 is made anew"
    missing = Affected(kind=UNKNOWN, name="the engine does not answer", how="")
    assert missing.words == "can't be told: the engine does not answer"

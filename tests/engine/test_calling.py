"""A person who is needed is called by the engine, once for each thing, and nothing hangs on it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runbook_app.domain import commands as cmd
from runbook_app.domain.state import ItemStatus
from runbook_app.engine import calling

from .conftest import Driven
from .test_hands import logged
from .world import FIRST, PLAN, World, plan_of, step

ASKS = plan_of(
    step("only.colour", "asks", text="Which colour?"),
    step("only.shape", "asks", text="Which shape?"),
)
FAILS = plan_of(step("only.a", "append", path="base.txt", line="one", fail_at="base.txt"))


class Phone:
    """Implements `ports.notifier.Notifier`."""

    def __init__(
        self, failure: Exception | None = None, *, wanted: bool = True, lacks: str = ""
    ) -> None:
        self.rang: list[tuple[str, str]] = []
        self.wanted = wanted
        self._lacks = lacks
        self._failure = failure

    def lacks(self) -> str:
        return self._lacks

    async def send(self, title: str, text: str) -> str:
        self.rang.append((title, text))
        if self._failure is not None:
            raise self._failure
        return "json sent"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "GRACE", 0.0)
    monkeypatch.setattr(calling, "PAUSE", 0.0)


@pytest.fixture
async def world(tmp_path):
    return World(tmp_path, ASKS).make()


async def rang(session: Driven, phone: Phone, count: int) -> None:
    """Once it rang so often, and the engine has taken another command since."""
    await session.until(lambda: len(phone.rang) >= count)
    await session.send(cmd.AddNote, text="")
    assert len(phone.rang) == count


async def test_each_question_calls_once_and_an_answer_ends_it(driven, world) -> None:
    world.notifier = phone = Phone()
    await world.begin()
    async with driven(ASKS, world=world) as session:
        await session.run()
        await rang(session, phone, 1)
        assert phone.rang[0][0] == "runbook: A plan over files"
        assert phone.rang[0][1] == "waiting for a person: Which colour?\nsession s"
        await session.confirm("red")
        await rang(session, phone, 2)
        assert "Which shape?" in phone.rang[1][1]
        await session.confirm("red")
        await session.until(lambda: session.state.nothing_left)
        await rang(session, phone, 3)
        assert "nothing is left" in phone.rang[2][1]


async def test_who_answers_at_once_is_not_called(driven, world, monkeypatch) -> None:
    monkeypatch.setattr(calling, "GRACE", 1000.0)
    world.notifier = phone = Phone()
    await world.begin()
    async with driven(ASKS, world=world) as session:
        await session.run()
        await session.confirm("red")
        await session.confirm("red")
        await session.until(lambda: session.state.nothing_left)
    assert phone.rang == []


async def test_two_calls_are_kept_apart(driven, world, monkeypatch) -> None:
    monkeypatch.setattr(calling, "PAUSE", 1000.0)
    world.notifier = phone = Phone()
    await world.begin()
    async with driven(ASKS, world=world) as session:
        await session.run()
        await rang(session, phone, 1)
        await session.confirm("red")
        await session.until(lambda: session.state.question is not None)
        await rang(session, phone, 1)


async def test_a_failure_calls_and_the_same_failure_of_another_attempt_calls_again(
    driven, tmp_path
) -> None:
    world = World(tmp_path, FAILS).make()
    world.notifier = phone = Phone()
    await world.begin()
    async with driven(FAILS, world=world) as session:
        await session.run()
        await rang(session, phone, 1)
        assert "base.txt is in the way" in phone.rang[0][1]
        await session.send(cmd.RetryStep, step="only.a")
        await rang(session, phone, 2)


async def test_a_notifier_that_fails_is_a_line_of_the_log_and_the_run_goes_on(
    driven, world
) -> None:
    world.notifier = phone = Phone(OSError("no way out"))
    await world.begin()
    async with driven(ASKS, world=world) as session:
        await session.run()
        await rang(session, phone, 1)
        await session.confirm("red")
        await session.confirm("red")
        await session.until(lambda: session.state.items["only"].status is ItemStatus.SUCCEEDED)
    said = logged(world.folder, calling.SOURCE)
    once = "called for waiting for a person: Which colour?: not sent: OSError"
    assert said.count(once) == 1
    assert said.count("not sent") == len(phone.rang)


@pytest.mark.parametrize(
    ("phone", "said"),
    [
        (Phone(wanted=False, lacks="it has no address"), ""),
        (Phone(lacks="apprise is not installed"), "nobody can be called: apprise is not installed"),
    ],
    ids=["not configured", "not installed"],
)
async def test_without_an_address_or_a_sender_nobody_is_called_and_it_is_said_at_most_once(
    driven, world, phone: Phone, said: str
) -> None:
    world.notifier = phone
    await world.begin()
    async with driven(ASKS, world=world) as session:
        await session.run()
        await session.confirm("red")
        await session.confirm("red")
        await session.until(lambda: session.state.nothing_left)
    assert phone.rang == []
    assert logged(world.folder, calling.SOURCE) == said


async def test_no_secret_leaves_in_title_or_text(driven, tmp_path) -> None:
    """The plan's and the items' titles were written before any secret was known."""
    secret = "correct-horse-battery"
    plan = plan_of(step("only.a", "leaks", path="base.txt"), title=f"Set {secret}")
    plan = replace(plan, title=f"With {secret}")
    world = World(tmp_path, plan).make()
    (world.root / "base.txt").write_text(secret)
    world.notifier = phone = Phone()
    await world.begin()
    async with driven(plan, world=world) as session:
        await session.run()
        await rang(session, phone, 1)
    ((title, text),) = phone.rang
    assert title == "runbook: With [secret:TOKEN]"
    assert text.startswith("item 1 Set [secret:TOKEN]: ")
    assert "it was [secret:TOKEN]" in text
    assert secret not in title + text


async def test_a_confirmation_that_yes_stands_in_for_calls_nobody(driven, tmp_path) -> None:
    plan = replace(PLAN, items=(FIRST,))
    world = World(tmp_path, plan).make()
    world.notifier = phone = Phone()
    await world.begin()
    async with driven(plan, world=world) as session:
        await session.run(unattended=True)
        await session.until(lambda: session.state.question is not None)
        await session.send(cmd.AddNote, text="")
        assert phone.rang == []
        await session.confirm()
        await session.until(lambda: session.state.nothing_left)

"""What is drawn again, and what stays as it was drawn."""

from __future__ import annotations

from textual.content import Content
from textual.strip import Strip

from runbook_app.domain.state import SessionState
from runbook_app.tui import paint
from runbook_app.tui.styled import StyledApp
from runbook_app.tui.theme import DAY
from runbook_app.tui.view.words import Tone
from runbook_app.tui.widgets.plan_tree import PlanTree
from tests.domain.story import PLAN, Story

AT = "2025-10-24T08:00:00.000Z"


class Watched(PlanTree):
    """Notes which rows are drawn."""

    def __init__(self, state: SessionState) -> None:
        self.now_state = state
        self.drawn: list[int] = []
        super().__init__(PLAN, lambda: self.now_state, lambda: AT)

    def row(self, index: int, width: int) -> Content:
        self.drawn.append(index)
        return super().row(index, width)

    def strip(self, index: int) -> Strip:
        return self.render_line(index - self.scroll_offset.y)


def states() -> tuple[SessionState, SessionState]:
    """Of a session that has just begun, and of one whose first item is done."""
    return Story(PLAN).run().state, Story(PLAN).run().headers().state


async def test_the_cursor_draws_the_row_it_left_and_the_row_it_came_to() -> None:
    app: StyledApp[None] = StyledApp()
    async with app.run_test(size=(80, 24)) as pilot:
        tree = Watched(states()[0])
        await app.mount(tree)
        tree.focus()
        await pilot.pause()
        tree.drawn.clear()
        await pilot.press("down")
        assert sorted(set(tree.drawn)) == [0, 1]


async def test_a_row_that_says_something_else_is_drawn_again_and_no_other() -> None:
    before, after = states()
    app: StyledApp[None] = StyledApp()
    async with app.run_test(size=(80, 24)) as pilot:
        tree = Watched(before)
        await app.mount(tree)
        await pilot.pause()
        tree.drawn.clear()
        tree.look_again()
        await pilot.pause()
        assert tree.drawn == []
        tree.now_state = after
        tree.look_again()
        await pilot.pause()
        assert set(tree.drawn) == {0}
        assert "done 1/1" in tree.strip(0).text


async def test_rows_have_the_colours_of_the_theme_that_is_chosen() -> None:
    app: StyledApp[None] = StyledApp()
    async with app.run_test(size=(80, 24)) as pilot:
        tree = Watched(states()[0])
        await app.mount(tree)
        await pilot.pause()
        night = [segment.style for segment in tree.strip(1)]
        app.theme = DAY.name
        await pilot.pause()
        day = [segment.style for segment in tree.strip(1)]
        assert night
        assert not any(style in day for style in night)


def test_another_colour_alone_is_another_look() -> None:
    good, bad = paint.line((("held", Tone.GOOD),)), paint.line((("held", Tone.BAD),))
    assert paint.differs(bad, good)
    assert not paint.differs(paint.line((("held", Tone.GOOD),)), good)
    assert paint.differs(good, "")

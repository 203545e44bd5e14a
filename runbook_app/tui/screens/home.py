"""Home: sessions to return to, plans to start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from runbook_app.tui import paint
from runbook_app.tui.styled import StyledApp
from runbook_app.tui.view.home import (
    FIRST_RUN,
    HomeChoice,
    HomePlan,
    HomeSession,
    plan_row,
    session_row,
)
from runbook_app.tui.view.words import BLANK, Line, Tone
from runbook_app.tui.widgets.rows import Rows

if TYPE_CHECKING:
    from textual.app import ComposeResult

Thing = HomeSession | HomePlan


class HomeList(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "Choose", show=False)]

    def __init__(self, things: Sequence[Thing]) -> None:
        super().__init__(id="things")
        self._things = things

    @property
    def thing(self) -> Thing | None:
        return self._things[self.cursor] if self._things else None

    def on_mount(self) -> None:
        self.rows_changed()

    def row_count(self) -> int:
        return len(self._things)

    def row(self, index: int, width: int) -> Content:
        thing = self._things[index]
        left, right = session_row(thing) if isinstance(thing, HomeSession) else plan_row(thing)
        return paint.edges(left, right, width)

    def action_choose(self) -> None:
        self.post_message(self.Chosen(self))


class HomeApp(StyledApp[HomeChoice]):
    """Its result is what the operator picked, None when there is nothing to do."""

    TITLE = "runbook"
    CSS = """
    Screen { background: $background; }
    #title { padding: 1 2 0 2; height: auto; }
    #things { margin: 1 1; height: 1fr; }
    #keys { padding: 0 2; height: auto; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "leave", "Leave", show=False),
        Binding("v", "replay", "Replay", show=False),
    ]

    def __init__(self, sessions: Sequence[HomeSession], plans: Sequence[HomePlan]) -> None:
        super().__init__()
        self._sessions = sessions
        self._list = HomeList([*sessions, *plans])

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        yield self._list
        yield Static(id="keys")

    def on_mount(self) -> None:
        head: list[Line] = [(("runbook", Tone.ACCENT), ("  sessions and plans", Tone.DIM))]
        if not self._sessions:
            head += [BLANK, *FIRST_RUN]
        self.query_one("#title", Static).update(paint.lines(head))
        keys: Line = (
            ("enter", Tone.ACCENT),
            (" open or start  ", Tone.PLAIN),
            ("v", Tone.ACCENT),
            (" replay a session  ", Tone.PLAIN),
            ("q", Tone.ACCENT),
            (" leave", Tone.PLAIN),
        )
        self.query_one("#keys", Static).update(paint.line(keys))
        self._list.focus()

    def on_rows_chosen(self) -> None:
        match self._list.thing:
            case HomeSession(id=session):
                self.exit(HomeChoice(session=session))
            case HomePlan() as plan:
                self.run_worker(self._start(plan), exit_on_error=False)
            case None:
                pass

    async def _start(self, plan: HomePlan) -> None:
        from runbook_app.tui.screens.text import TextDialog

        dialog = TextDialog(f"Start {plan.title}", "Target: the folder of the project", plan.target)
        target = await self.push_screen_wait(dialog)
        if target:
            self.exit(HomeChoice(plan=plan.path, target=Path(target)))

    def action_replay(self) -> None:
        match self._list.thing:
            case HomeSession(id=session):
                self.exit(HomeChoice(session=session, replay=True))

    def action_leave(self) -> None:
        self.exit(None)

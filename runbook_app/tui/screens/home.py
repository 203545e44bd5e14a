"""Home: sessions to return to, plans to start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static
from textual.worker import WorkerState

from runbook_app.domain.errors import PlanEdited, RunbookError
from runbook_app.tui import paint
from runbook_app.tui.commands.home import HOME_COMMANDS, HomeCommand
from runbook_app.tui.desk import Desk
from runbook_app.tui.edited import accepts
from runbook_app.tui.looker import Looker
from runbook_app.tui.remembered import Remembered
from runbook_app.tui.styled import StyledApp
from runbook_app.tui.view.help import HelpEntry
from runbook_app.tui.view.home import (
    FIRST_RUN,
    HomeChoice,
    HomePlan,
    HomeSession,
    Start,
    Thing,
    details,
    row,
)
from runbook_app.tui.view.keys import bar
from runbook_app.tui.view.words import BLANK, Line, Tone
from runbook_app.tui.widgets.rows import Rows

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.screen import Screen
    from textual.worker import Worker

_ABOUT = (
    "The sessions of this machine, newest first, as their records stand at this moment, and the"
    " plans that can be started: those that come with the program and those of this folder and its"
    " plans/."
)


class HomeList(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "Choose", show=False)]

    def __init__(self) -> None:
        super().__init__(id="things")
        self.things: Sequence[Thing] = ()

    @property
    def thing(self) -> Thing | None:
        return self.things[self.cursor] if self.things else None

    def list(self, things: Sequence[Thing]) -> None:
        """Take over a new list; the cursor stays on what it was on."""
        was = _name(self.thing)
        self.things = things
        names = [_name(thing) for thing in things]
        if was in names:
            self.cursor = names.index(was)
        self.rows_changed()

    def row_count(self) -> int:
        return len(self.things)

    def row(self, index: int, width: int) -> Content:
        left, right = row(self.things[index])
        return paint.edges(left, right, width)

    def action_choose(self) -> None:
        self.post_message(self.Chosen(self))

    def on_click(self, event: events.Click) -> None:
        """The first click selects, the second one opens."""
        event.prevent_default()
        index = self.row_at(event)
        if index == self.cursor and self.things:
            self.action_choose()
        elif index is not None:
            self._go(index)


def _name(thing: Thing | None) -> str:
    match thing:
        case HomeSession(id=name):
            return name
        case HomePlan(path=path):
            return str(path)
        case None:
            return ""


class HomeApp(StyledApp[HomeChoice]):
    """Its result is the session to show, None when there is nothing to do."""

    TITLE = "runbook"
    CSS = """
    #title { padding: 1 2 0 2; height: auto; }
    #things { margin: 1 1 0 1; height: 1fr; min-height: 3; }
    #details { padding: 0 2; height: auto; max-height: 8; border-top: solid $border-blurred; }
    #keys { padding: 0 2; height: auto; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(command.key, f"command({command.key!r})", show=False)
            for command in HOME_COMMANDS
        ),
        Binding("escape", "command('q')", show=False),
    ]

    def __init__(self, desk: Desk, said: str = "", remembered: Remembered | None = None) -> None:
        super().__init__(remembered=remembered)
        self._desk = desk
        self._said = said
        self._sessions: Sequence[HomeSession] = desk.sessions()
        self._plans: Sequence[HomePlan] = desk.plans()
        self._list = HomeList()
        self._looker = Looker(desk, lambda sessions: self.call_from_thread(self._told, sessions))

    @property
    def thing(self) -> Thing | None:
        return self._list.thing

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        yield self._list
        yield Static(id="details")
        yield Static(id="keys")

    def on_mount(self) -> None:
        self._told(self._sessions)
        self._list.focus()
        self._looker.start()
        if self._said:
            self._tell_in_full(self._said)

    def on_unmount(self) -> None:
        self._looker.stop()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)  # the program learns its size after this

    def _told(self, sessions: Sequence[HomeSession]) -> None:
        self._sessions = sessions
        self._list.list([*sessions, *self._plans])
        self._show()

    def _show(self) -> None:
        head: list[Line] = [(("runbook", Tone.ACCENT), ("  sessions and plans", Tone.DIM))]
        if not self._sessions:
            head += [BLANK, *FIRST_RUN]
        base = self.screen_stack[0]
        base.query_one("#title", Static).update(paint.lines(head))
        width = max(20, self.size.width - 4)
        base.query_one("#details", Static).update(paint.lines(details(self.thing, width)))
        usable = [c for c in HOME_COMMANDS if not c.why_not(self.thing)]
        keys = bar([(c.key, c.label) for c in usable], width, 2)
        base.query_one("#keys", Static).update(paint.lines(keys))

    # Commands

    def palette_on(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every command that can be given now."""
        del screen
        for command in HOME_COMMANDS:
            if not command.why_not(self.thing):
                title = f"{command.label} ({command.key})"
                yield SystemCommand(title, command.help, self._giver(command))

    def _giver(self, command: HomeCommand) -> Callable[[], None]:
        return lambda: self._give(command)

    def _give(self, command: HomeCommand) -> None:
        self.run_worker(command.run(self), group="commands", exit_on_error=False)

    def action_command(self, key: str) -> None:
        if len(self.screen_stack) > 1:
            return
        command = next(command for command in HOME_COMMANDS if command.key == key)
        if refusal := command.why_not(self.thing):
            self._complain(refusal)
        else:
            self._give(command)

    def action_help_quit(self) -> None:
        """Ctrl-C leaves, as `q` does."""
        self.exit(None)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        if event.rows is self._list:
            self.action_command("enter")

    def on_rows_moved(self) -> None:
        self._show()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show why something could not be done; the screen goes on."""
        if event.state is WorkerState.ERROR:
            self._tell_in_full(event.worker.error or "")

    def _tell_in_full(self, error: BaseException | str) -> None:
        from runbook_app.tui.screens.message import MessageDialog

        self.push_screen(MessageDialog("That was not done", error))

    def _complain(self, text: str) -> None:
        self.notify(paint.clean(text), severity="warning", markup=False, timeout=10)

    # What commands use

    def choose(self, session: str, *, replay: bool = False, read_only: bool = False) -> None:
        self.exit(HomeChoice(session=session, replay=replay, read_only=read_only))

    async def start(self, plan: HomePlan) -> None:
        from runbook_app.tui.screens.start import StartDialog

        session = await self.push_screen_wait(StartDialog(plan, self._desk.begin))
        if session:
            self.choose(session)

    async def foresee(self, plan: HomePlan) -> None:
        from runbook_app.tui.screens.dry_run import DryRunScreen
        from runbook_app.tui.screens.dry_run_start import DryRunDialog

        given: Start | None = await self.push_screen_wait(DryRunDialog(plan))
        if given and (start := await self._answered(given)):
            of = f"{plan.title} on {start.target}"
            self.push_screen(DryRunScreen(of, lambda: self._desk.dry_run(start)))

    async def _answered(self, start: Start) -> Start | None:
        """With answers to what the plan asks; None when the operator leaves."""
        from runbook_app.tui.screens.questions import QuestionsDialog

        try:
            questions = await asyncio.to_thread(self._desk.questions, start)
        except RunbookError:  # the page says what is wrong, as it does without questions
            return start
        if not questions:
            return start
        answers: dict[str, str] | None = await self.push_screen_wait(QuestionsDialog(questions, {}))
        return replace(start, answers=answers) if answers else None

    async def other_plan(self) -> None:
        from runbook_app.tui.screens.text import TextDialog

        dialog = TextDialog("Other plan", "Its file, or the name of a shipped plan")
        given = await self.push_screen_wait(dialog)
        if given:
            await self.start(await asyncio.to_thread(self._desk.plan, given))

    async def resume(self) -> None:
        if isinstance(self.thing, HomeSession):
            self.notify("Starting an engine …", timeout=3)
            await self._resume(self.thing.id)

    async def _resume(self, session: str, accepted: str = "") -> None:
        """Ask about lines of its plan that were edited; again when they are others by then."""
        try:
            await asyncio.to_thread(self._desk.resume, session, accepted)
        except PlanEdited as edited:
            if await accepts(self, edited):
                await self._resume(session, edited.difference)
        else:
            self.choose(session)

    def show_help(self) -> None:
        from runbook_app.tui.screens.help import HelpScreen

        entries = [
            HelpEntry(
                group=command.group,
                key=command.key,
                label=command.label,
                help=command.help,
                usable=not command.why_not(self.thing),
            )
            for command in HOME_COMMANDS
        ]
        self.push_screen(HelpScreen(entries, _ABOUT))

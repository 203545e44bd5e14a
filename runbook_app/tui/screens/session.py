"""The session screen: header, plan tree, step panel, log, keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.worker import WorkerState

from runbook_app.domain import commands as cmd
from runbook_app.domain.errors import PlanEdited, RunbookError
from runbook_app.domain.outcome import damage
from runbook_app.domain.plan import Item
from runbook_app.ports.session import Replay, Session
from runbook_app.tui import feed, paint, ways
from runbook_app.tui.commands.all import SESSION_COMMANDS, footer, help_entries, meant
from runbook_app.tui.commands.work import ChooseWay
from runbook_app.tui.diffs import Diffs
from runbook_app.tui.edited import accepts
from runbook_app.tui.orders import Orders
from runbook_app.tui.pages import PAGES
from runbook_app.tui.panes import WIDE, Panes
from runbook_app.tui.questions import Questions
from runbook_app.tui.replayer import FRAME, Replayer
from runbook_app.tui.screens.dialog import Dialog
from runbook_app.tui.screens.live import LivePage
from runbook_app.tui.screens.message import MessageDialog
from runbook_app.tui.situation import Situation
from runbook_app.tui.styled import StyledApp
from runbook_app.tui.terminal import behind
from runbook_app.tui.view import panel
from runbook_app.tui.view.banner import Banner, Outside, banner
from runbook_app.tui.view.clocks import engine_dead
from runbook_app.tui.view.menu import Way
from runbook_app.tui.view.mode import dry_run_of, marker
from runbook_app.tui.view.node import Node, NodeKind, at_rest, current, trouble
from runbook_app.tui.view.words import text_of
from runbook_app.tui.widgets.banner import BannerLine
from runbook_app.tui.widgets.header import SessionHeader
from runbook_app.tui.widgets.key_bar import KeyBar
from runbook_app.tui.widgets.log_pane import LogPane
from runbook_app.tui.widgets.log_view import LogView
from runbook_app.tui.widgets.plan_tree import PlanTree
from runbook_app.tui.widgets.step_panel import StepPanel

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.geometry import Size
    from textual.notifications import SeverityLevel
    from textual.worker import Worker

    from runbook_app.tui.commands.base import UserCommand
    from runbook_app.tui.view.words import Line
    from runbook_app.tui.widgets.choice_list import Option
    from runbook_app.tui.widgets.rows import Rows

TICK = 1.0
LATE = 0.25
"""Seconds until a terminal that is behind is looked at again."""


class SessionScreen(Screen[None]):
    DEFAULT_CSS = """
    SessionScreen {
        layout: vertical;
        background: $background;

        & #body {
            height: 1fr;
            layout: grid;
            grid-size: 2 2;
            grid-columns: 5fr 8fr;
            grid-rows: 1fr 1fr;
        }

        & .pane {
            border: $mode-border $border-blurred;
            border-title-color: $foreground;
            border-subtitle-color: $dim;
            background: $background;
        }
        & .pane.active {
            border: $mode-border $mode;
            border-title-style: bold underline;
        }
        & #items { row-span: 2; }

        &.narrow #body { layout: vertical; }
        &.narrow .pane {
            height: 1;
            border: none;
            border-top: $mode-border $border-blurred;
            border-title-color: $dim;
        }
        &.narrow #log { height: 1fr; }
        &.narrow #items.active { height: auto; min-height: 4; max-height: 60%; }
        &.narrow #step.active { height: 1fr; }
        &.narrow.at-step #log { height: 5; }
        &.narrow .pane.active {
            border-top: $mode-border $mode;
            border-title-color: $accent;
        }

        &.zoomed #body { layout: vertical; }
        &.zoomed .pane { display: none; }
        &.zoomed .pane.active { display: block; height: 1fr; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(key, f"command({key!r})", show=False)
            for key in dict.fromkeys(command.key for command in SESSION_COMMANDS)
        ),
        Binding("escape", "escape", show=False),
    ]

    def __init__(self, session: Session, now: Callable[[], str]) -> None:
        super().__init__()
        self.session = session
        self.now = now
        self.alive = session.engine_alive()
        self._words = ""
        self.plan_tree = PlanTree(session.plan, lambda: session.state, now)
        self.panel = StepPanel()
        self.log_pane = LogPane(session.logs)
        self.panes = Panes(self)
        self.questions = Questions(self)
        self.orders = Orders(session, lambda text: self.tell(text, severity="error"))
        self.diffs = Diffs(session, self.work, self.show)
        self.replay = session if isinstance(session, Replay) else None
        self._staying = True
        """The selection goes along with the work, and stays on what was done when that rests."""
        self._placed = False
        self._trouble: Node | None = None
        self._fault = ""
        self._called: str | None = None
        """What a person was last called for; None before the first look, when one is here."""
        self._leaving = False
        self._late = False
        """What the journal has changed waits to be drawn."""
        self._laid_out_at: Size | None = None

    def compose(self) -> ComposeResult:
        yield SessionHeader(id="header")
        yield BannerLine(id="banner")
        with Container(id="body"):
            yield self.plan_tree
            yield self.panel
            yield self.log_pane
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        self._laid_out_at = self.app.size
        self.plan_tree.border_title = "Items"
        self.panes.show("items")
        self.set_interval(TICK, self.look_at_engine)
        if self.replay is not None:
            self.replayer = Replayer(self.replay, self._went_back)
            self.set_interval(FRAME, self.replayer.tick)
        self._start_feed()
        if not (self.session.read_only or self.session.state.epoch or self.alive):
            self.work(self.start_engine())

    def on_resize(self) -> None:
        if self.app.size != self._laid_out_at:
            self._laid_out_at = self.app.size
            self.panes.lay_out()
            self.show()
            self.call_after_refresh(self._fit_bars)

    def _fit_bars(self) -> None:
        """Below a dialog they were laid out for the new size with what they said at the old one."""
        for bar in (SessionHeader, BannerLine, KeyBar):
            self.query_one(bar).refresh(layout=True)

    # What is going on

    def _start_feed(self) -> None:
        reading = feed.follow(self.session, self.state_changed, self._faulty)
        self.run_worker(reading, group="feed", exclusive=True, exit_on_error=False)
        self.state_changed()

    def _faulty(self, text: str) -> None:
        if text != self._fault:
            self._fault = text
            self.show()

    async def start_engine(self, accepted: str = "") -> None:
        """Start an engine in a thread; nothing else may read the journal meanwhile.

        Asks about lines of the plan that were edited; again when they are others by then than those
        that were `accepted`.
        """
        self.workers.cancel_group(self, "feed")
        self.tell("Starting an engine …")
        edited = None
        try:
            if await asyncio.to_thread(self.session.hold_plan, accepted):
                self.session.take_plan()
                self.plan_tree.use(self.session.plan)
            await asyncio.to_thread(self.session.ensure_engine)
        except PlanEdited as error:
            edited = error
        except RunbookError as error:
            self.app.push_screen(MessageDialog("No engine was started", error))
        finally:
            self._start_feed()
        self.look_at_engine()
        if edited is not None and await accepts(self.app, edited):
            await self.start_engine(edited.difference)

    def _went_back(self) -> None:
        """Lines that were shown are of later; the log's part is opened anew."""
        self._staying, self._trouble = True, None
        self.log_pane.show_part(self.log_pane.part)

    def look_at_engine(self) -> None:
        self.alive = self.session.engine_alive()
        self._words = "" if self.alive else self.session.last_words()
        self.show()

    def state_changed(self) -> None:
        self.orders.report()
        found = trouble(self.session.state)
        if found is not None and found != self._trouble:
            self._staying = True
        self._trouble = found
        self._show_when_taken()
        for screen in self.app.screen_stack:
            if isinstance(screen, Dialog):
                screen.state_changed()
        self.questions.attend()
        if self._leaving and self.session.state.engine is None:
            self.app.exit(0)

    def _show_when_taken(self) -> None:
        """Draw what the journal has changed, once a slow terminal has taken the last picture."""
        if not behind(self.app):
            self.show()
        elif not self._late:
            self._late = True
            self.set_timer(LATE, self._show_late)

    def _show_late(self) -> None:
        self._late = False
        self._show_when_taken()

    def show(self) -> None:
        """Draw everything that the clock or the journal can have changed."""
        try:
            self._draw()
        except Exception as error:  # noqa: BLE001 - a fault in drawing must not end the screen
            fault = Outside(alive=self.alive, fault=f"{type(error).__name__}: {error}")
            self.query_one(BannerLine).show(banner(self.session.plan, self.session.state, fault))

    def _call_person(self, shown: Banner) -> None:
        """Call for a person once for each thing; an observer can't help."""
        new = shown.calls and self._called not in (None, shown.calls)
        if new and isinstance(self.app, StyledApp) and not self.session.read_only:
            self.app.call_person(text_of(shown.line))
        self._called = shown.calls

    def _draw(self) -> None:
        state, plan, now = self.session.state, self.session.plan, self.now()
        node = current(state) if self._staying else None
        if node is not None and (not self._placed or not at_rest(state)):
            self.plan_tree.select(node)
            self._placed = True
        watching = self.session.read_only
        self.query_one(SessionHeader).show(
            plan, state, alive=self.alive, read_only=watching, now=now, replay=self.replay
        )
        outside = Outside(
            alive=self.alive,
            read_only=watching,
            fault=self._fault,
            damage=damage(state, self.session.folder),
            words=self._words,
            reverts_in=self.session.reverts_in(),
        )
        shown = banner(plan, state, outside)
        self.query_one(BannerLine).show(shown)
        self._call_person(shown)
        dead = engine_dead(state, alive=self.alive)
        self.panel.show(plan, state, self.plan_tree.node, now=now, dead=dead)
        self.plan_tree.dead = dead
        self.plan_tree.look_again()
        self.show_keys()
        if self.page is not None and self.page.is_mounted:
            self.page.show(shown)

    def show_keys(self) -> None:
        undo = panel.undo_line(self.session.plan, self.session.state, self.plan_tree.node)
        rows = 1 if self.app.size.width >= WIDE else 2
        self.query_one(KeyBar).show(undo, footer(self.situation()), rows)

    def situation(self) -> Situation:
        return Situation(
            plan=self.session.plan,
            state=self.session.state,
            node=self.plan_tree.node,
            alive=self.alive,
            read_only=self.session.read_only,
            log_focused=self.log_pane.has_focus_within,
            searching=bool(self.log_pane.view.sought),
            following=self.log_pane.view.following,
            replaying=self.replay is not None,
        )

    # Commands

    def action_command(self, key: str) -> None:
        """Give the first enabled command of a key, or say why there is none."""
        command, refusal = meant(key, self.situation())
        if command is None:
            self.tell(refusal, severity="warning")
        else:
            self.give(command)

    def give(self, command: UserCommand) -> None:
        self.work(command.run(self))

    def work(self, coroutine: Coroutine[None, None, None]) -> None:
        self.run_worker(coroutine, group="commands", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show an escaped exception; the screen goes on."""
        if event.state is not WorkerState.ERROR:
            return
        error = event.worker.error
        known = isinstance(error, RunbookError)
        words = str(error) if known else f"{type(error).__name__}: {error}"
        if event.worker.group == "feed":
            self._faulty(words)
            self.set_timer(feed.PATIENCE, self._start_feed)
        else:
            self.tell(words, severity="error")

    def tell(
        self, text: str, *, severity: SeverityLevel = "information", seconds: float = 0
    ) -> None:
        seconds = seconds or (3 if severity == "information" else 8)
        self.notify(paint.clean(text), severity=severity, markup=False, timeout=seconds)

    async def send(self, kind: type[cmd.Command], **fields: object) -> str:
        return await self.orders.send(kind, **fields)

    # What commands use

    async def ask_text(self, title: str, prompt: str) -> str | None:
        from runbook_app.tui.screens.text import TextDialog

        return await self.app.push_screen_wait(TextDialog(title, prompt))

    async def choose(
        self, title: str, options: Sequence[Option], text: Sequence[Line] = ()
    ) -> int | None:
        from runbook_app.tui.screens.choose import ChooseDialog

        return await self.app.push_screen_wait(ChooseDialog(title, text, options))

    def go_to_menu(self) -> None:
        if not self.situation().menu:
            self.stay_with_work()
        self.panes.show("step")
        if self.panel.choices:
            self.panel.focus_menu()

    def stay_with_work(self) -> None:
        self._staying, self._placed = True, False
        self.show()

    def foresee(self) -> None:
        from runbook_app.tui.screens.dry_run import DryRunScreen

        of = dry_run_of(self.session.state)
        self.app.push_screen(DryRunScreen(of, self.session.dry_run))

    def show_guide(self, item: Item, *, troubleshooting: bool = False) -> None:
        from runbook_app.tui.screens.guide import GuideScreen

        plan = self.session.plan
        guide = GuideScreen(self.marker, plan, item, troubleshooting=troubleshooting)
        self.app.push_screen(guide)

    @property
    def marker(self) -> Line:
        """The mode, as every screen has it."""
        return marker(
            self.session.state,
            replaying=self.replay is not None,
            read_only=self.session.read_only,
        )

    @property
    def page(self) -> LivePage | None:
        """The page that is open above this screen."""
        return next((s for s in self.app.screen_stack if isinstance(s, LivePage)), None)

    def open_page(self, key: str) -> None:
        """Open the page of a key, in the place of the one that is open."""
        page = LivePage(self, next(kind for kind in PAGES if kind.key == key))
        if self.page is not None:
            self.app.switch_screen(page)
        else:
            self.app.push_screen(page)

    def close_page(self) -> None:
        if self.page is not None:
            self.page.action_close()

    def copy_page(self) -> None:
        if self.page is not None:
            text = self.page.text()
            self.app.copy_to_clipboard(text)
            self.tell(f"Copied {len(text.splitlines())} lines of {self.page.kind.title}.")

    def select_item(self, by: int) -> None:
        """Select another item of the plan, round its ends."""
        items = [item.id for item in self.session.plan.items]
        node = self.plan_tree.node
        at = items.index(node.item) if node else 0
        self._staying = False
        self.plan_tree.select(Node(NodeKind.ITEM, items[(at + by) % len(items)]))
        self.show()

    def show_help(self) -> None:
        from runbook_app.tui.screens.help import HelpScreen

        kind = self.page.kind if self.page is not None else None
        commands, about = (kind.commands, kind.about) if kind else (SESSION_COMMANDS, "")
        entries = help_entries(commands, self.situation())
        self.app.push_screen(HelpScreen(entries, about))

    async def stop_and_leave(self) -> None:
        self._leaving = True
        await self.send(cmd.Stop, reason="stopped by the operator")

    # Keys and messages of the panes

    def on_screen_resume(self) -> None:
        self.questions.attend()

    def on_rows_moved(self, event: Rows.Moved) -> None:
        if event.rows is self.plan_tree:
            self._staying = False
            self.show()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        choice, node = self.panel.chosen, self.plan_tree.node
        if event.rows is self.plan_tree or choice is None or node is None:
            return
        refusal = ChooseWay().why_not(self.situation())
        if refusal and choice.way is not Way.GUIDE:
            self.tell(refusal, severity="warning")
        else:
            self.work(ways.take(self, node, choice))

    def on_session_header_slid(self, event: SessionHeader.Slid) -> None:
        self.replayer.to(event.position)

    def on_log_view_changed(self, event: LogView.Changed) -> None:
        if event.keys:
            self.show_keys()

    def on_log_pane_sought(self) -> None:
        self.work(self.log_pane.find(forward=False))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for pane in event.widget.ancestors_with_self:
            if pane.has_class("pane") and pane.id:
                self.panes.focused(pane.id)
        self.show_keys()

    async def action_escape(self) -> None:
        if self.log_pane.has_focus_within:
            await self.log_pane.give_up()
        else:
            self.panes.show("items")

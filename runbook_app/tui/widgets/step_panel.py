"""The panel of what is selected, with the menu of ways out when it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from runbook_app.domain.plan import Plan
from runbook_app.domain.state import SessionState
from runbook_app.tui import paint
from runbook_app.tui.view import panel
from runbook_app.tui.view.menu import Choice, choices
from runbook_app.tui.view.node import Node
from runbook_app.tui.view.words import Tone
from runbook_app.tui.widgets.choice_list import ChoiceList

if TYPE_CHECKING:
    from textual.app import ComposeResult


class StepPanel(Vertical):
    DEFAULT_CSS = """
    StepPanel {
        & > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; padding: 0 1; }
        & > ChoiceList { display: none; border-top: solid $border; }
        &.failed > ChoiceList { display: block; }
    }
    """

    def __init__(self) -> None:
        super().__init__(id="step", classes="pane")
        self.choices: list[Choice] = []
        self._body = Static(id="step-body")
        self._scroll = VerticalScroll(self._body, id="step-scroll")
        self._menu = ChoiceList(id="ways-out")
        self._node: Node | None = None

    def compose(self) -> ComposeResult:
        yield self._scroll
        yield self._menu

    def show(
        self, plan: Plan, state: SessionState, node: Node | None, *, now: str, dead: bool
    ) -> None:
        if node is None:
            return
        at = state.at if dead else now
        content = paint.lines(panel.body(plan, state, node, dead=dead))
        if paint.differs(content, self._body.content):
            self._body.update(content, layout=self._other_height(content))
        self.border_title = paint.line(panel.heading(plan, state, node, dead=dead))
        self.border_subtitle = paint.line(((panel.timer(plan, state, node, at), Tone.PLAIN),))
        self._offer(choices(plan, state, node))
        if node != self._node:
            self._node = node
            self._scroll.scroll_home(animate=False)

    def _other_height(self, content: Content) -> bool:
        """Whether it takes other rows than what is shown: only then is all laid out anew."""
        width, height = self._body.content_size
        return not width or content.get_height(self._body.styles.get_rules(), width) != height

    def _offer(self, found: list[Choice]) -> None:
        self.choices = found
        self.set_class(bool(found), "failed")
        self._menu.offer([(choice.label, choice.note) for choice in found])
        if not found and self._menu.has_focus:
            self._scroll.focus()

    @property
    def chosen(self) -> Choice | None:
        return self.choices[self._menu.cursor] if self.choices else None

    def focus_menu(self) -> None:
        self._menu.focus()

    def focus_body(self) -> None:
        self._scroll.focus()

"""The plan tree: items and their units, drawn row by row as they come into view."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size

from runbook_app.domain.plan import Plan
from runbook_app.domain.state import SessionState
from runbook_app.tui import paint
from runbook_app.tui.view.node import Node, NodeKind, nodes
from runbook_app.tui.view.tree import TreeRow, row
from runbook_app.tui.widgets.rows import Rows


class PlanTree(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "fold", "Fold", show=False),
        Binding("right", "unfold", "Unfold", show=False),
    ]

    def __init__(
        self, plan: Plan, state: Callable[[], SessionState], now: Callable[[], str]
    ) -> None:
        super().__init__(id="items", classes="pane")
        self._plan = plan
        self._state = state
        self._now = now
        self.dead = False
        """The engine is gone without having said so."""
        self._opened: set[str] = set()
        self._shown = nodes(plan, self._opened)
        self._said: dict[int, TreeRow] = {}
        """What rows said when they were drawn, by their place."""

    @property
    def node(self) -> Node | None:
        return self._shown[self.cursor] if self._shown else None

    def use(self, plan: Plan) -> None:
        """Show another plan; the cursor stays on what it was on, if that is there."""
        was = self.node
        self._plan = plan
        self._lay_out()
        if was in self._shown:
            self.place_cursor(self._shown.index(was))

    def row_count(self) -> int:
        return len(self._shown)

    def row(self, index: int, width: int) -> Content:
        shown = self._said[index] = self._says(index)
        return paint.edges(shown.left, shown.right, width)

    def _says(self, index: int) -> TreeRow:
        node = self._shown[index]
        opened = node.item in self._opened
        return row(self._plan, self._state(), node, opened=opened, now=self._now(), dead=self.dead)

    def look_again(self) -> None:
        """Draw those of the rows in sight that say something else by now."""
        top = self.scroll_offset.y
        for index in range(top, min(self.row_count(), top + self.size.height)):
            if self._said.get(index) != self._says(index):
                self.refresh_line(index)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        del container, viewport, width
        return self.row_count()

    def on_mount(self) -> None:
        self.rows_changed()

    def select(self, node: Node) -> None:
        """Put the cursor on a node, opening its item."""
        if node.kind is not NodeKind.ITEM and node.item not in self._opened:
            self._opened.add(node.item)
            self._lay_out()
        if node in self._shown and self.node != node:
            self.place_cursor(self._shown.index(node))

    def action_unfold(self) -> None:
        self._set_open(opened=True)

    def action_fold(self) -> None:
        self._set_open(opened=False)

    def _set_open(self, *, opened: bool) -> None:
        node = self.node
        if node is None:
            return
        if opened:
            self._opened.add(node.item)
        else:
            self._opened.discard(node.item)
            node = Node(NodeKind.ITEM, node.item)
        self._lay_out()
        self._go(self._shown.index(node))

    def _lay_out(self) -> None:
        self._shown = nodes(self._plan, self._opened)
        self._said.clear()
        self.rows_changed()
        self.refresh(layout=True)

"""An item's guide, read beside the work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Markdown, Static

from runbook_app.domain.plan import Item, Plan
from runbook_app.domain.sanitise import neutralise
from runbook_app.tui import paint
from runbook_app.tui.view.words import Tone

if TYPE_CHECKING:
    from textual.app import ComposeResult


def guide_text(plan: Plan, item: Item) -> str:
    """The guide, or why it can't be read, with the plan's own troubleshooting."""
    path = Path(plan.path).parent / item.guide
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        text = f"# {item.title}\n\nThe guide `{item.guide}` can't be read: {reason}.\n"
    if plan.troubleshooting and "troubleshooting" not in text.lower():
        text += "\n## Troubleshooting\n\n" + "\n".join(f"- {row}" for row in plan.troubleshooting)
    return "\n".join(neutralise(row) for row in text.splitlines())


def troubleshooting_anchor(text: str) -> str:
    """Anchor of the heading on troubleshooting; empty when there is none."""
    for row in text.splitlines():
        heading = row.lstrip("#").strip()
        if row.startswith("#") and "troubleshoot" in heading.lower():
            words = "".join(c if c.isalnum() or c in "-_ " else "" for c in heading.lower())
            return words.replace(" ", "-")
    return ""


class GuideScreen(Screen[None]):
    DEFAULT_CSS = """
    GuideScreen {
        & > VerticalScroll { padding: 0 2; }
        & > #guide-title { height: 1; padding: 0 1; background: $surface; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,g", "close", "Close", show=False),
        Binding("j", "down", "Down", show=False),
        Binding("k", "up", "Up", show=False),
    ]

    def __init__(self, plan: Plan, item: Item, *, troubleshooting: bool = False) -> None:
        super().__init__()
        self._text = guide_text(plan, item)
        self._heading = f"Guide of {item.number} {item.title} · {item.guide}"
        self._troubleshooting = troubleshooting

    def compose(self) -> ComposeResult:
        yield Static(id="guide-title")
        with VerticalScroll(id="guide"):
            yield Markdown(self._text, open_links=False)

    def on_mount(self) -> None:
        self.query_one("#guide").focus()
        self._title()
        if self._troubleshooting:
            self.call_after_refresh(self._to_troubleshooting)

    def on_resize(self) -> None:
        self._title()

    def _title(self) -> None:
        width = max(10, self.app.size.width - 2)
        left, right = ((self._heading, Tone.STRONG),), (("escape closes", Tone.DIM),)
        self.query_one("#guide-title", Static).update(paint.edges(left, right, width))

    def _to_troubleshooting(self) -> None:
        anchor = troubleshooting_anchor(self._text)
        if anchor:
            self.query_one(Markdown).goto_anchor(anchor)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_down(self) -> None:
        self.query_one("#guide").scroll_down()

    def action_up(self) -> None:
        self.query_one("#guide").scroll_up()

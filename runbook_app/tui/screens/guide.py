"""An item's guide, read beside the work."""

from __future__ import annotations

from pathlib import Path

from runbook_app.domain.plan import Item, Plan
from runbook_app.domain.sanitise import neutralise
from runbook_app.tui.screens.page import Page
from runbook_app.tui.view.words import Line


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


class GuideScreen(Page):
    def __init__(
        self, marker: Line, plan: Plan, item: Item, *, troubleshooting: bool = False
    ) -> None:
        text = guide_text(plan, item)
        super().__init__(
            marker,
            f"Guide of {item.number} {item.title} · {item.guide}",
            text,
            anchor=troubleshooting_anchor(text) if troubleshooting else "",
        )

"""One line on what stands in the way or comes next."""

from __future__ import annotations

from textual.widgets import Static

from runbook_app.tui import paint
from runbook_app.tui.view.banner import Banner


class BannerLine(Static):
    DEFAULT_CSS = """
    BannerLine {
        height: auto;
        max-height: 2;
        padding: 0 1;
        background: $surface;
        &.urgent { background: $alarm; color: $foreground; text-style: bold; }
    }
    """

    def show(self, banner: Banner) -> None:
        self.set_class(banner.urgent, "urgent")
        content = paint.line(banner.line)
        if paint.differs(content, self.content):
            self.update(content)

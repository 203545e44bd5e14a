"""The header: title line and clocks."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from runbook_app.domain.plan import Plan
from runbook_app.domain.state import SessionState
from runbook_app.ports.session import Replay
from runbook_app.tui import paint
from runbook_app.tui.view.clocks import Title, fitted, slid_to, slider, title


class SessionHeader(Static):
    DEFAULT_CSS = """
    SessionHeader { height: auto; padding: 0 1; background: $surface; }
    """

    class Slid(Message):
        """The slider of a replay was clicked."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    _replay: Replay | None = None
    _told: object = None
    """What the rows were made of that stand here."""

    def on_click(self, event: events.Click) -> None:
        replay, place = self._replay, event.get_content_offset(self)
        if replay is not None and place is not None and place.y == self.content_size.height - 1:
            width = max(20, self.app.size.width - 2)
            self.post_message(self.Slid(slid_to(place.x, replay.position, replay.last, width)))

    def show(
        self,
        plan: Plan,
        state: SessionState,
        *,
        alive: bool,
        read_only: bool,
        now: str,
        replay: Replay | None = None,
    ) -> None:
        self._replay = replay
        width = max(20, self.app.size.width - 2)
        at = replay.position if replay is not None else None
        told = (plan.sha256, state.seq, _second(now), alive, read_only, width, at)
        if told == self._told:
            return
        self._told = told
        parts = title(
            plan, state, alive=alive, read_only=read_only, now=now, replaying=replay is not None
        )
        top = _title_row(parts, width)
        times, separator = fitted(plan, state, now, width, alive=alive)
        rows = [top, paint.joined(times, width, separator)]
        if replay is not None:
            rows.append(paint.line(slider(replay.position, replay.last, width)))
        content = Content("\n").join(rows)
        if paint.differs(content, self.content):
            self.update(content)


def _second(time: str) -> str:
    """A time without its fraction: no clock here shows one."""
    return time.partition(".")[0]


def _title_row(parts: Title, width: int) -> Content:
    """The plan's title gives way first; LIVE and the target's name stay."""
    right = (
        *parts.status,
        ("  ", parts.time[0][1]),
        *parts.engine,
        ("  ", parts.time[0][1]),
        *parts.time,
    )
    left = (*parts.target, ("  ", parts.time[0][1]), *parts.plan)
    return paint.edges(left, right, width)

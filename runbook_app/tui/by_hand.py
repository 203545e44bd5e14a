"""Gives the terminal away to somebody who works on the target by hand, and takes it back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runbook_app.domain import commands as cmd
from runbook_app.domain.errors import RunbookError
from runbook_app.domain.hands import within
from runbook_app.domain.state import SessionState
from runbook_app.tui.styled import StyledApp
from runbook_app.tui.view.by_hand import before
from runbook_app.tui.view.node import Node

if TYPE_CHECKING:
    from runbook_app.ports.hands import WayIn
    from runbook_app.tui.screens.session import SessionScreen

PATIENCE = 10.0
"""Seconds in which the engine has to put it on record."""
_LOOK = 0.05
_AGAIN = 1.0
NO_TERMINAL = (
    "This screen has no terminal of its own to give away (runbook serve, or output that is no"
    " terminal). At a terminal: runbook attach {session}"
)


async def go_in(screen: SessionScreen, node: Node) -> None:
    """Choose a way in, have the engine record it, and only then give the terminal away."""
    app = screen.app
    if not (isinstance(app, StyledApp) and app.has_terminal):
        screen.tell(NO_TERMINAL.format(session=screen.session.id), severity="warning")
        return
    way = await _chosen(screen, node)
    if way is None:
        return
    pid, pid_started = screen.session.by_hand.process()
    hands = await screen.send(
        cmd.GoInByHand,
        way=way.name,
        what=way.what,
        item=node.item,
        pid=pid,
        pid_started=pid_started,
    )
    if await _refused(screen, hands):
        return
    with app.suspend():
        code, reason = _away(screen, way.name, hands)
    if reason:
        screen.tell(reason, severity="error")
    await _come_out(screen, hands, code, reason)


def _away(screen: SessionScreen, way: str, hands: str) -> tuple[int | None, str]:
    """Exit code, or None and why it did not begin."""
    try:
        return screen.session.by_hand.go_in(way, hands), ""
    except RunbookError as error:
        return None, str(error)


async def _chosen(screen: SessionScreen, node: Node) -> WayIn | None:
    screen.tell("Looking for the ways in …")
    found = await asyncio.to_thread(screen.session.by_hand.ways)
    text = before(screen.session.plan, screen.session.state, node)
    number = await screen.choose("By hand", [(way.what, way.remark) for way in found], text)
    return None if number is None else found[number]


async def _refused(screen: SessionScreen, command: str) -> bool:
    """Whether the engine did not take a command; a refusal is told as any other."""
    for _ in range(int(PATIENCE / _LOOK)):
        if command in _state(screen).answered:
            return bool(_state(screen).answered[command])
        await asyncio.sleep(_LOOK)
    screen.tell("The engine did not answer.", severity="error")
    return True


async def _come_out(screen: SessionScreen, hands: str, code: int | None, reason: str) -> None:
    """Say that it is over, to the next engine too where this one has ended meanwhile."""
    screen.session.refresh()
    screen.look_at_engine()
    screen.state_changed()
    sent = False
    while not sent or hands in [one.went_in.id for one in within(_state(screen))]:
        if screen.alive:
            sent = True
            command = await screen.send(cmd.ComeOut, hands=hands, exit_code=code, reason=reason)
            await _refused(screen, command)
        await asyncio.sleep(_AGAIN)


def _state(screen: SessionScreen) -> SessionState:
    return screen.session.state

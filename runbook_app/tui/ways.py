"""Carries out what was chosen in the menu of a failure or an unknown outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_app.domain import commands as cmd
from runbook_app.domain.decisions import dependents
from runbook_app.tui import by_hand
from runbook_app.tui.view.by_hand import warning_lines
from runbook_app.tui.view.menu import Choice, Way
from runbook_app.tui.view.node import Node

if TYPE_CHECKING:
    from runbook_app.tui.screens.session import SessionScreen


async def take(screen: SessionScreen, node: Node, choice: Choice) -> None:
    match choice.way:
        case Way.RETRY:
            await screen.send(cmd.RetryStep, step=node.step)
        case Way.EDIT:
            await edit(screen, node)
        case Way.SKIP:
            await skip(screen, node.step)
        case Way.WAIVE:
            await waive(screen, node.item, choice)
        case Way.ROLL_BACK:
            await roll_back(screen, node.item)
        case Way.BY_HAND:
            await by_hand.go_in(screen, node)
        case Way.GUIDE:
            screen.show_guide(screen.session.plan.item(node.item), troubleshooting=True)
        case Way.STOP:
            await screen.send(cmd.Stop, reason="stopped from the failure menu")
        case Way.AGAIN:
            await screen.send(cmd.Run, auto=False)
        case Way.DONE | Way.NOT_DONE | Way.PARTLY:
            await screen.send(cmd.ResolveUnknown, step=node.step, answer=choice.way.value)


async def roll_back(screen: SessionScreen, item: str, *, with_dependents: bool = False) -> None:
    """Roll an item back; one that was touched by hand only after a warning."""
    state = screen.session.state
    wanted = [*(dependents(state, item) if with_dependents else ()), item]
    warnings = [line for one in wanted for line in warning_lines(state.items[one])]
    if warnings:
        options = (("Roll back", "restores what was captured"), ("Leave it as it is", ""))
        if await screen.choose("Touched by hand", options, warnings) != 0:
            return
    await screen.send(cmd.RollBackItem, item=item, with_dependents=with_dependents)


async def edit(screen: SessionScreen, node: Node) -> None:
    from runbook_app.tui.screens.parameters import ParametersDialog

    step = screen.session.plan.step(node.step)[1]
    known = screen.session.state.step(node.step)
    current = known.parameters if known.parameters is not None else step.call.parameters
    edited = await screen.app.push_screen_wait(ParametersDialog(step.title, current))
    if edited is not None:
        await screen.send(cmd.RetryStep, step=node.step, parameters=edited)


async def skip(screen: SessionScreen, step_id: str) -> None:
    from runbook_app.tui.screens.waiver import WaiverDialog

    title = screen.session.plan.step(step_id)[1].title
    waiver = await screen.app.push_screen_wait(WaiverDialog(f"Skip: {title}", screen.now()))
    if waiver is not None:
        await screen.send(
            cmd.SkipStep,
            step=step_id,
            reason=waiver.reason,
            owner=waiver.owner,
            expires_on=waiver.expires,
        )


async def waive(screen: SessionScreen, item: str, choice: Choice) -> None:
    from runbook_app.tui.screens.waiver import WaiverDialog

    waiver = await screen.app.push_screen_wait(WaiverDialog(choice.label, screen.now()))
    if waiver is not None:
        await screen.send(
            cmd.WaiveCriterion,
            item=item,
            line=choice.subject,
            reason=waiver.reason,
            owner=waiver.owner,
            expires_on=waiver.expires,
        )


async def leave(screen: SessionScreen) -> None:
    """Detach, or ask the engine to stop; never ends work by closing the screen."""
    state = screen.session.state
    if screen.session.read_only or not screen.alive or state.stop_requested:
        screen.app.exit(0)
        return
    from runbook_app.tui.screens.choose import ChooseDialog
    from runbook_app.tui.view.leaving import OPTIONS, words

    dialog = ChooseDialog("Leave", words(screen.session.plan, state), OPTIONS)
    match await screen.app.push_screen_wait(dialog):
        case 0:
            screen.app.exit(0)
        case 1:
            await screen.stop_and_leave()
        case _:
            pass

"""Commands that drive the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_app.domain import commands as cmd
from runbook_app.domain.decisions import asked_for, dependents, runs_not
from runbook_app.domain.state import ItemStatus, SessionState, StepStatus
from runbook_app.tui import by_hand, ways
from runbook_app.tui.commands.base import UserCommand
from runbook_app.tui.situation import Situation
from runbook_app.tui.view.node import nothing_left, trouble

if TYPE_CHECKING:
    from runbook_app.tui.screens.session import SessionScreen

_WORK = "Work"
_NOTHING_LEFT = "Nothing is left that can be done here."
_FAILED = "Something has failed: choose a way out of it first, with enter."


def _busy(state: SessionState) -> bool:
    return state.running_step is not None or state.rolling_back


def _stands(situation: Situation) -> bool:
    """Whether the work stands still over something that failed or is unknown."""
    node = trouble(situation.state)
    if node is None:
        return False
    return situation.state.items[node.item].status is not ItemStatus.ROLLBACK_FAILED


def _nothing_to_run(situation: Situation) -> str:
    """Why nothing can be run on, though nothing is under way; empty when something can."""
    if _stands(situation):
        return _FAILED
    return _NOTHING_LEFT if nothing_left(situation.state) else ""


class Answer(UserCommand):
    key = "enter"
    label = "answer"
    help = "Open the question or the checkpoint that waits for you."
    group = _WORK
    footer = 1
    drives = True

    def refusal(self, situation: Situation) -> str:
        return "" if situation.state.question else "Nothing waits for an answer."

    async def run(self, screen: SessionScreen) -> None:
        screen.questions.attend(asked=True)


class ChooseWay(UserCommand):
    key = "enter"
    label = "ways out"
    help = "Go to the menu of a failed or unknown step, criterion or checkpoint."
    group = _WORK
    footer = 1
    drives = True

    def refusal(self, situation: Situation) -> str:
        if situation.menu or (trouble(situation.state) and not _busy(situation.state)):
            return ""
        return "Nothing has failed here."

    async def run(self, screen: SessionScreen) -> None:
        screen.go_to_menu()


class RunNext(UserCommand):
    key = "enter"
    label = "run next"
    help = "Run the next unit: a checkpoint, a step, or the measuring of success criteria."
    group = _WORK
    footer = 1
    drives = True

    def refusal(self, situation: Situation) -> str:
        if situation.state.intent.active or _busy(situation.state):
            return "Work is under way."
        return _nothing_to_run(situation)

    async def run(self, screen: SessionScreen) -> None:
        await screen.send(cmd.Run, auto=False)


class RunAuto(UserCommand):
    key = "a"
    label = "auto"
    help = "Run on by itself until something fails or a person is needed."
    group = _WORK
    footer = 2
    drives = True

    def refusal(self, situation: Situation) -> str:
        if situation.state.intent.auto:
            return "It runs by itself already; space pauses."
        if situation.state.rolling_back:
            return "An item is being rolled back; wait for its end."
        return _nothing_to_run(situation)

    async def run(self, screen: SessionScreen) -> None:
        await screen.send(cmd.Run, auto=True)


class Pause(UserCommand):
    key = "space"
    label = "pause"
    help = "Stop going on by itself after the unit that runs now."
    group = _WORK
    footer = 3
    drives = True

    def refusal(self, situation: Situation) -> str:
        if not situation.state.intent.active:
            return "Nothing goes on by itself: there is nothing to pause."
        return ""

    async def run(self, screen: SessionScreen) -> None:
        await screen.send(cmd.Pause)


class RollBack(UserCommand):
    key = "r"
    label = "ROLL BACK item"
    help = "Restore what the selected item captured, newest first, and prove it. Acts at once."
    group = _WORK
    footer = 4
    drives = True

    def refusal(self, situation: Situation) -> str:
        item = situation.item_state
        if item is None:
            return "No item is selected."
        if item.status in (ItemStatus.ROLLING_BACK, ItemStatus.ROLLED_BACK):
            return f"Item {item.id} is {item.status.value.replace('_', ' ')}."
        if not item.captures and item.fingerprint is None:
            return f"Item {item.id} has captured nothing: there is nothing to roll back."
        return ""

    def label_in(self, situation: Situation) -> str:
        return f"ROLL BACK {situation.item.number}" if situation.item else self.label

    async def run(self, screen: SessionScreen) -> None:
        node = screen.situation().node
        if node is not None:
            await ways.roll_back(screen, node.item)


class RollBackWithDependents(RollBack):
    key = "R"
    label = "ROLL BACK with later"
    help = "Roll back the items that changed the same things later, then the selected one."
    footer = 5

    def refusal(self, situation: Situation) -> str:
        item = situation.item_state
        if item is None or not dependents(situation.state, item.id):
            return "No later item changed the same things."
        return super().refusal(situation)

    def label_in(self, situation: Situation) -> str:
        del situation
        return self.label

    async def run(self, screen: SessionScreen) -> None:
        node = screen.situation().node
        if node is not None:
            await ways.roll_back(screen, node.item, with_dependents=True)


class RunItem(UserCommand):
    key = "A"
    label = "run item"
    help = (
        "Run the selected item and no other, also where the session's scope leaves it out; one that"
        " is rolled back is taken up again, from a new checkpoint."
    )
    group = _WORK
    footer = 4
    drives = True

    def refusal(self, situation: Situation) -> str:
        item = situation.item_state
        if item is None:
            return "No item is selected."
        return _FAILED if _stands(situation) else runs_not(situation.state, item)

    def in_footer(self, situation: Situation) -> bool:
        item = situation.item_state
        if item is None:
            return False
        return item.status is ItemStatus.ROLLED_BACK or not asked_for(situation.state, item)

    def label_in(self, situation: Situation) -> str:
        item = situation.item_state
        if item is None:
            return self.label
        again = " again" if item.status is ItemStatus.ROLLED_BACK else ""
        return f"run {item.outline.number}{again}"

    async def run(self, screen: SessionScreen) -> None:
        node = screen.situation().node
        if node is not None:
            await screen.send(cmd.RunItem, item=node.item)


class CancelStep(UserCommand):
    key = "c"
    label = "cancel step"
    help = (
        "End the running step, or the measuring of the score or the criteria. A step stays"
        " `running` until its thread or child has ended."
    )
    group = _WORK
    footer = 6
    drives = True

    def refusal(self, situation: Situation) -> str:
        step = situation.state.running_step
        if step is None:
            return "" if situation.state.measuring else "No step is running."
        if step.stopping:
            return f"Step {step.id} is stopping already: {step.stopping}."
        return ""

    async def run(self, screen: SessionScreen) -> None:
        await screen.send(cmd.CancelStep)


class GoInByHand(UserCommand):
    key = "!"
    label = "by hand"
    help = (
        "psql, a container's shell or one in the target's folder, on record; the step is marked"
        " `touched by hand`."
    )
    group = _WORK
    footer = 13
    drives = True

    async def run(self, screen: SessionScreen) -> None:
        node = screen.situation().node
        if node is not None:
            await by_hand.go_in(screen, node)


class MeasureScore(UserCommand):
    key = "m"
    label = "measure score"
    help = "Measure the security score of the target now, with every check of the plan."
    group = _WORK
    drives = True

    def refusal(self, situation: Situation) -> str:
        if not situation.plan.score.measurable:
            return "The plan has no checks for a score."
        if situation.state.scoring is not None:
            return "The score is being measured already."
        state = situation.state
        if state.intent.active or state.measuring or _busy(state) or state.question:
            return "Work is under way."
        return ""

    async def run(self, screen: SessionScreen) -> None:
        await screen.send(cmd.MeasureScore)


class StartEngine(UserCommand):
    key = "e"
    label = "start engine"
    help = "Start a new engine for a session whose engine died or stopped."
    group = _WORK
    footer = 1
    drives = True
    needs_engine = False

    def refusal(self, situation: Situation) -> str:
        return "An engine runs already." if situation.alive else ""

    async def run(self, screen: SessionScreen) -> None:
        await screen.start_engine()


class SkipPending(UserCommand):
    key = "s"
    label = "skip step"
    help = "Leave the selected step out: a waiver with reason, owner and expiry."
    group = _WORK
    drives = True

    def refusal(self, situation: Situation) -> str:
        step, it = situation.step, situation.step_state
        if step is None or it is None:
            return "No step is selected."
        if step.required:
            return f"Step {step.id} is required by the plan and can't be skipped."
        if it.status not in (StepStatus.PENDING, StepStatus.FAILED):
            return f"Step {step.id} is {it.status.value}."
        return ""

    async def run(self, screen: SessionScreen) -> None:
        step = screen.situation().step
        if step is not None:
            await ways.skip(screen, step.id)

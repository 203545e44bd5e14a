"""What the home screen asks of the machine; all of it blocks, and none of it paints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runbook_app.domain.variables import Question
from runbook_app.ports.dry_run import DryRun
from runbook_app.tui.view.home import HomePlan, HomeSession, Start


class Desk(Protocol):
    def sessions(self) -> Sequence[HomeSession]:
        """Sessions, newest first, without reading their records."""

    def look(self, session: HomeSession) -> HomeSession:
        """Read what is new in a session's record; one that can't be read says so."""

    def plans(self) -> Sequence[HomePlan]:
        """Plans that can be started."""

    def plan(self, given: str) -> HomePlan:
        """A plan by its file, or by the name of a shipped one.

        Raises:
            UsageError: there is none.
        """

    def questions(self, start: Start) -> Sequence[Question]:
        """What the plan asks for that a start's settings leave open.

        Raises:
            RunbookError: settings or plan can't be read.
        """

    def dry_run(self, start: Start) -> DryRun:
        """A dry run of a plan on a target; nothing is begun by it.

        Raises:
            UsageError: the variables can't be read.
        """

    def begin(self, start: Start) -> str:
        """Check everything and begin a session; its id. Its engine is not started yet.

        Raises:
            Unanswered: the plan asks for variables; they go into the start's answers.
            RunbookError: what is missing or wrong; nothing was begun.
        """

    def resume(self, session: str, accepted: str = "") -> None:
        """Start a new engine for a session.

        `accepted` are the lines of its plan that were edited meanwhile and are to be gone on with.

        Raises:
            PlanEdited: its plan was edited meanwhile, and not in these lines alone.
            RunbookError: the edited plan is wrong, or another driver holds the target.
        """

    def close(self) -> None: ...

"""Every place that the program can show, and how one comes there: the table of the snapshots."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from textual.app import App
from textual.command import CommandPalette
from textual.pilot import Pilot

from runbook_app.domain import events as ev
from runbook_app.engine.replay import ReplayedSession
from runbook_app.ports.session import Change, Replay
from runbook_app.testing.session import FakeSession
from runbook_app.tui.app import RunbookApp
from runbook_app.tui.remembered import Remembered
from runbook_app.tui.screens.checkpoint import CheckpointDialog
from runbook_app.tui.screens.choose import ChooseDialog
from runbook_app.tui.screens.dry_run import DryRunScreen
from runbook_app.tui.screens.dry_run_start import DryRunDialog
from runbook_app.tui.screens.guide import GuideScreen
from runbook_app.tui.screens.help import HelpScreen
from runbook_app.tui.screens.home import HomeApp
from runbook_app.tui.screens.live import LivePage
from runbook_app.tui.screens.message import MessageDialog
from runbook_app.tui.screens.parameters import ParametersDialog
from runbook_app.tui.screens.question import QuestionDialog
from runbook_app.tui.screens.questions import QuestionsDialog
from runbook_app.tui.screens.session import SessionScreen
from runbook_app.tui.screens.start import StartDialog
from runbook_app.tui.screens.text import TextDialog
from runbook_app.tui.screens.waiver import WaiverDialog
from tests.tui import stage
from tests.tui.desk import SESSION, FakeDesk
from tests.tui.foreseen import AHEAD, FORESEEN
from tests.tui.screen import press, until, until_shown
from tests.tui.told import told_in

Arrange = Callable[[Path], FakeSession]
Make = Callable[[FakeSession], Any]
"""Makes another session of an arranged one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    screen: type
    """What is on top there; an app where that has no screen of its own."""
    words: str
    """Shown when it is there."""
    arrange: Arrange | None = None
    """None: the home screen, where there is no session yet."""
    keys: tuple[str, ...] = ()
    in_replay: bool = False
    """A replay has it too."""
    dry: bool = False
    """It is marked as a dry run, whatever the session is."""

    def begins(self, marker: str) -> str:
        """The words of its first line, in a session with that marker."""
        return "  DRY RUN  of " if self.dry else marker


def _logged(bring: Callable[[FakeSession], FakeSession], count: int = 40) -> Arrange:
    return lambda folder: stage.fill_log(bring(stage.session_in(folder)), count)


def _checkpoint(session: FakeSession) -> FakeSession:
    stage.checkpoint_open(stage.headers_done(stage.started(session)))
    return stage.asked(session, "q1", "TLS guide reviewed")


def _asked(text: str, **fields: object) -> Callable[[FakeSession], FakeSession]:
    return lambda session: stage.asked(stage.tls_running(session), "q1", text, **fields)


def _going_live(session: FakeSession) -> FakeSession:
    text = (
        "Type the target's name to go live: staging\nFrom here on /srv/staging itself is changed."
    )
    return stage.asked(stage.started(session), "q1", text, item="", kind="target")


def _to_foresee(folder: Path) -> FakeSession:
    session = stage.headers_done(stage.started(stage.session_in(folder)))
    session.foreseen.found = FORESEEN
    return session


def _foreseeing(folder: Path) -> FakeSession:
    session = _to_foresee(folder)
    session.foreseen.ahead = (AHEAD,)
    session.foreseen.may_end.clear()
    return session


def _dead(session: FakeSession) -> FakeSession:
    stage.tls_running(session)
    session.alive = False
    return session


def _changed(folder: Path) -> FakeSession:
    session = told_in(folder)
    text = "--- nginx.conf before\n+++ nginx.conf now\n@@ -1 +1,2 @@\n worker 1;\n+tls on;"
    accounts = "-setting:ssl = off\n+setting:ssl = on"
    session.changed = [
        Change(kind="file", name="nginx.conf", text=text),
        Change(kind="database", name="accounts", text=accounts),
    ]
    return session


_RUNNING, _FAILED = _logged(stage.tls_running), _logged(stage.tls_failed)
_LOG_KEYS = ("l", "l", "slash", *"GET", "enter", "N", "&", "v", "up", "up")

PLACES: dict[str, Place] = {
    "home": Place(screen=HomeApp, words="INTERRUPTED"),
    "home, a session to start": Place(
        screen=StartDialog, words="the folder of the project", keys=("end", "enter")
    ),
    "home, what a plan asks": Place(
        screen=QuestionsDialog, words="How deep?", keys=("o", *"asking.yaml", "enter", "enter")
    ),
    "home, what went wrong": Place(
        screen=MessageDialog,
        words="There is no plan file none.yaml.",
        keys=("o", *"none.yaml", "enter"),
    ),
    "home, a dry run of what": Place(
        screen=DryRunDialog, words="the folder of the project", keys=("end", "D")
    ),
    "session, started": Place(
        screen=SessionScreen, words="? help", arrange=_logged(stage.started), in_replay=True
    ),
    "session, running": Place(
        screen=SessionScreen, words="? help", arrange=_RUNNING, in_replay=True
    ),
    "session, failed": Place(screen=SessionScreen, words="? help", arrange=_FAILED, in_replay=True),
    "session, unknown": Place(
        screen=SessionScreen, words="? help", arrange=_logged(stage.tls_unknown), in_replay=True
    ),
    "session, scored": Place(screen=SessionScreen, words="? help", arrange=told_in, in_replay=True),
    "session, engine dead": Place(
        screen=SessionScreen, words="ENGINE DEAD", arrange=_logged(_dead)
    ),
    "step panel": Place(
        screen=SessionScreen,
        words="A redirect that loses the method",
        arrange=_RUNNING,
        keys=("2",),
        in_replay=True,
    ),
    "failure menu": Place(screen=SessionScreen, words="▌1 Retry", arrange=_FAILED, keys=("enter",)),
    "crash triage": Place(
        screen=SessionScreen,
        words="▌1 It is partly done",
        arrange=_logged(stage.tls_unknown),
        keys=("enter",),
    ),
    "log": Place(
        screen=SessionScreen,
        words="3 marked, y copies · only GET, 131 of 134",
        arrange=_logged(stage.tls_running, 400),
        keys=_LOG_KEYS,
    ),
    "checkpoint": Place(screen=CheckpointDialog, words="confirm?", arrange=_logged(_checkpoint)),
    "going live": Place(
        screen=QuestionDialog,
        words="Go live",
        arrange=_logged(_going_live),
        keys=(*"stage", "enter"),
    ),
    "question to confirm": Place(
        screen=QuestionDialog,
        words="Only a person may answer this.",
        arrange=_logged(
            _asked(
                "The old certificate is revoked.\nIs it?", kind="statement", person_required=True
            )
        ),
    ),
    "question with choices": Place(
        screen=QuestionDialog,
        words="Changed since the item finished",
        arrange=_logged(
            _asked("nginx/nginx.conf was changed.", kind="changed", choices=("restore", "keep"))
        ),
    ),
    "question, blast radius": Place(
        screen=QuestionDialog,
        words="Blast radius",
        arrange=_logged(
            _asked(
                "Confirm what step tls.test touches, as of now:\n"
                "  container staging-api-1 is made anew\n"
                "Since it was confirmed:\n"
                "  new: container staging-api-1 is made anew",
                step="tls.test",
                kind="blast_radius",
                choices=("yes", "no"),
            )
        ),
    ),
    "question for a text": Place(
        screen=QuestionDialog,
        words="Which name",
        arrange=_logged(_asked("Which name is on the certificate?", kind="text")),
    ),
    "parameters": Place(
        screen=ParametersDialog,
        words="YAML or JSON",
        arrange=_FAILED,
        keys=("enter", "2"),
    ),
    "waiver": Place(
        screen=WaiverDialog,
        words="who answers for it",
        arrange=_FAILED,
        keys=("enter", "3"),
    ),
    "note": Place(screen=TextDialog, words="enter accept", arrange=_RUNNING, keys=("n",)),
    "leave": Place(screen=ChooseDialog, words="Detach", arrange=_RUNNING, keys=("q",)),
    "help": Place(
        screen=HelpScreen,
        words="escape close",
        arrange=_RUNNING,
        keys=("question_mark",),
        in_replay=True,
    ),
    "palette": Place(
        screen=CommandPalette,
        words="blocker (b)",
        arrange=_RUNNING,
        keys=("ctrl+p",),
    ),
    "guide": Place(
        screen=GuideScreen, words="Why it matters.", arrange=_RUNNING, keys=("g",), in_replay=True
    ),
    "page S": Place(
        screen=LivePage, words="Security score", arrange=told_in, keys=("S",), in_replay=True
    ),
    "page v": Place(
        screen=LivePage, words="Evidence", arrange=told_in, keys=("v",), in_replay=True
    ),
    "page p": Place(screen=LivePage, words="Reports", arrange=told_in, keys=("p",), in_replay=True),
    "page t": Place(
        screen=LivePage, words="Timeline", arrange=told_in, keys=("t",), in_replay=True
    ),
    "page d": Place(screen=LivePage, words="tls on;", arrange=_changed, keys=("d",)),
    "dry run": Place(
        screen=DryRunScreen,
        words="listen 8443 ssl;",
        arrange=_to_foresee,
        keys=("D",),
        dry=True,
    ),
    "dry run, under way": Place(
        screen=DryRunScreen,
        words="step 2 of 5",
        arrange=_foreseeing,
        keys=("D",),
        dry=True,
    ),
    "help of a page": Place(
        screen=HelpScreen,
        words="Each category before",
        arrange=told_in,
        keys=("S", "question_mark"),
    ),
}


def as_copy(session: FakeSession) -> FakeSession:
    """The same session, on a rehearsal's copy of its target."""
    copied = FakeSession(session.plan, folder=session.folder)
    copied.alive, copied.changed, copied.logs = session.alive, session.changed, session.logs
    copied.foreseen = session.foreseen
    for entry in session._entries:
        body = entry.body
        if isinstance(body, ev.SessionStarted):
            target = "/rehearsals/r1/work/copy"
            body = msgspec.structs.replace(body, target=target, copy_of=body.target)
        copied.emit(body, at=entry.at)
    return copied


def as_replay(session: FakeSession) -> ReplayedSession:
    """What is on record of it, told up to its end."""
    replayed = ReplayedSession(
        session.id, session.folder, session.plan, session._entries, session.logs
    )
    replayed.go(replayed.last)
    return replayed


def home(folder: Path) -> HomeApp:
    return HomeApp(FakeDesk([SESSION]), remembered=Remembered(folder / "theme"))


def app_of(place: Place, folder: Path, change: Make) -> App[Any]:
    if place.arrange is None:
        return home(folder)
    session = change(place.arrange(folder))
    session.refresh()
    now = session.now if isinstance(session, Replay) else lambda: stage.NOW
    return RunbookApp(session, now, Remembered(folder / "theme"))


@asynccontextmanager
async def at(
    place: Place,
    folder: Path,
    size: tuple[int, int],
    change: Make = lambda session: session,
) -> AsyncIterator[Pilot[Any]]:
    """Go to a place."""
    app = app_of(place, folder, change)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        for key in place.keys:
            await press(pilot, key)
        shown = place.screen
        if not issubclass(shown, App):
            await until(pilot, lambda: isinstance(app.screen, shown))
        await until_shown(pilot, place.words)
        yield pilot

"""`python -m pictures`: record the tour's session, and draw its screens into docs/images/."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

import msgspec

from pictures.record import PLAN, Recorded, record, record_restart
from runbook_app import bootstrap
from runbook_app.adapters.logs import SqliteLogReader
from runbook_app.domain import events as ev
from runbook_app.domain.clock import to_text
from runbook_app.domain.entry import Body, Entry, chain, decode, encode
from runbook_app.domain.errors import UsageError
from runbook_app.domain.forecast import Forecast
from runbook_app.domain.plan import Plan
from runbook_app.domain.variables import Question
from runbook_app.engine.replay import ReplayedSession
from runbook_app.ports.dry_run import DryRun
from runbook_app.ports.journal import LogLine
from runbook_app.ports.session import Session
from runbook_app.testing.session import FakeLogs, FakeSession
from runbook_app.tui.screens.home import HomeApp
from runbook_app.tui.screenshot import draw, screenshot
from runbook_app.tui.view.home import HomePlan, HomeSession, Start
from runbook_app.tui.view.words import sign

IMAGES = Path(__file__).parents[1] / "docs" / "images"
BEGIN = datetime.fromisoformat("2025-10-24T08:00:00+00:00")
SHOP = "http://127.0.0.1:8001"

SIZE = (110, 34)

Moment = Callable[[Body], bool]


@dataclass(frozen=True)
class Picture:
    name: str
    moment: Moment
    """The entry that it shows the session after."""
    keys: Sequence[str] = ()
    replayed: bool = False


def _asked(event: Body) -> bool:
    return isinstance(event, ev.QuestionAsked) and event.kind == "confirm"


def _touches(event: Body) -> bool:
    return isinstance(event, ev.QuestionAsked) and event.kind == "blast_radius"


def _begun(event: Body) -> bool:
    return isinstance(event, ev.EngineStarted)


def _failed(event: Body) -> bool:
    return isinstance(event, ev.StepFailed)


def _at_work(event: Body) -> bool:
    return isinstance(event, ev.StepStarted) and event.step == "secrets.slow"


def _done(event: Body) -> bool:
    return isinstance(event, ev.EngineStopped)


PICTURES = (
    Picture("tour-checkpoint", _asked, ("enter",)),
    Picture("tour-failure", _failed, ("enter",)),
    Picture("tour-session", _at_work),
    Picture("tour-log", _at_work, ("l", "l")),
    Picture("tour-dry-run", _begun, ("D",)),
    Picture("tour-diff", _done, ("1", "end", "up", "d")),
    Picture("tour-score", _done, ("S",)),
    Picture("tour-timeline", _done, ("t",)),
    Picture("tour-evidence", _done, ("home", "v")),
    Picture("tour-reports", _done, ("p",)),
    Picture("tour-replay", _failed, replayed=True),
)


BLAST_RADIUS = Picture("tour-blast-radius", _touches)


class Told:
    """A recorded session, as if it had been recorded on a machine with no name of its own."""

    def __init__(self, recorded: Recorded) -> None:
        opened = bootstrap.open_session(recorded.session, Path(), read_only=True)
        self._plan: Plan = bootstrap.load_plan(
            recorded.plan, None, {"shop": SHOP} if recorded.shop else {}
        )
        self._changed = recorded.changed
        self.folder = opened.folder
        target = opened.started.target
        words = {target: "/srv/shop", str(Path.home()): "/home/operator"}
        words |= {recorded.shop: SHOP} if recorded.shop else {}
        words |= {socket.gethostname(): "bastion"}
        opened.close()
        foreseen = _replaced(msgspec.json.encode(recorded.foreseen).decode(), words)
        self._foreseen = msgspec.json.decode(foreseen, type=Forecast | None)
        journal = bootstrap.read_journal(self.folder)
        found = list(_all(journal.read))
        journal.close()
        self._offset = datetime.fromisoformat(found[0].at) - BEGIN
        self.entries: list[Entry] = []
        for entry in found:
            text = _replaced(encode(entry.body).decode(), words)
            last = self.entries[-1].hash if self.entries else entry.previous
            at, body = self._moved(entry.at), text.encode()
            digest = chain(last, entry.seq, at, body)
            self.entries.append(
                Entry(seq=entry.seq, at=at, body=decode(body), previous=last, hash=digest)
            )

        reader = SqliteLogReader(self.folder / "logs.db")
        self._lines = [
            LogLine(
                line.number,
                self._moved(line.at),
                line.source,
                line.step,
                _replaced(line.text, words),
            )
            for line in reader.lines(0, reader.count())
        ]
        reader.close()

    def _moved(self, at: str) -> str:
        return to_text(datetime.fromisoformat(at) - self._offset)

    def draw(self, picture: Picture) -> None:
        places = [n for n, entry in enumerate(self.entries, 1) if picture.moment(entry.body)]
        place = places[-1] if picture.moment is _done else places[0]
        now = self.entries[place - 1].at
        logs = FakeLogs()
        logs.stored = self._lines
        session: Session
        if picture.replayed:
            session = replay = ReplayedSession("tour", self.folder, self._plan, self.entries, logs)
            replay.go(place)
        else:
            session = cast(
                "Session", self._live(place, now, over=picture.moment is _done)
            )  # its log is a narrower type
        out = IMAGES / f"{picture.name}.svg"
        screenshot(session, out, size=SIZE, keys=picture.keys, now=lambda: now)

    def _live(self, place: int, now: str, *, over: bool) -> FakeSession:
        session = FakeSession(self._plan, folder=self.folder)
        for entry in self.entries[:place]:
            session.emit(entry.body, at=entry.at)
        session.refresh()
        session.logs.stored = [line for line in self._lines if line.at <= now]
        session.alive = not over
        session.changed = [*self._changed]
        session.foreseen.found = self._foreseen
        return session

    def draw_home(self) -> None:
        row = HomeSession(
            id="tour",
            plan=self._plan.title,
            target="/srv/shop",
            begun=self.entries[0].at,
            shown=sign("finished"),
            done=3,
            total=3,
            last=self.entries[-1].at,
        )
        app = HomeApp(_Desk([row], [HomePlan(path=PLAN, title=self._plan.title)]))
        image = asyncio.run(draw(app, "runbook", SIZE))
        (IMAGES / "tour-home.svg").write_text(image, encoding="utf-8")


@dataclass
class _Desk:
    """Implements `tui.desk.Desk` for a picture, in which nothing is begun."""

    _sessions: Sequence[HomeSession]
    _plans: Sequence[HomePlan]

    def sessions(self) -> Sequence[HomeSession]:
        return self._sessions

    def look(self, session: HomeSession) -> HomeSession:
        return session

    def plans(self) -> Sequence[HomePlan]:
        return self._plans

    def plan(self, given: str) -> HomePlan:
        raise UsageError(f"There is no plan {given} here.")

    def questions(self, start: Start) -> Sequence[Question]:  # noqa: ARG002
        return ()

    def dry_run(self, start: Start) -> DryRun:
        raise UsageError(f"{start.plan} has no dry run in a picture.")

    def begin(self, start: Start) -> str:
        raise UsageError(f"{start.plan} can't be started in a picture.")

    def resume(self, session: str, accepted: str = "") -> None:  # noqa: ARG002
        raise UsageError(f"{session} can't be resumed in a picture.")

    def close(self) -> None: ...


def _replaced(text: str, words: dict[str, str]) -> str:
    for word, instead in words.items():
        text = text.replace(word, instead)
    return text


def _all(read: Callable[[int], Sequence[Entry]]) -> Iterator[Entry]:
    seq = 0
    while found := read(seq):
        yield from found
        seq = found[-1].seq


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="runbook-tour-") as made:
        os.environ["RUNBOOK_HOME"] = f"{made}/home"
        told = Told(record(Path(made)))
        told.draw_home()
        for picture in PICTURES:
            told.draw(picture)
        Told(record_restart(Path(made))).draw(BLAST_RADIUS)


if __name__ == "__main__":
    main()

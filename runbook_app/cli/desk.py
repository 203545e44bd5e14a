"""What the home screen asks: the sessions and plans of this machine, and new ones."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app import bootstrap
from runbook_app.cli import options
from runbook_app.cli.sealing import PASSPHRASE
from runbook_app.domain.errors import RunbookError, UsageError
from runbook_app.domain.outcome import damage
from runbook_app.resources import shipped_plans
from runbook_app.tui.view.banner import Outside, banner
from runbook_app.tui.view.clocks import status_sign
from runbook_app.tui.view.home import DAMAGED, HomePlan, HomeSession, Start
from runbook_app.tui.view.words import Tone

if TYPE_CHECKING:
    from runbook_app.adapters.recipient import Recipient
    from runbook_app.domain.variables import Question
    from runbook_app.engine.client import SessionClient
    from runbook_app.ports.dry_run import DryRun
    from runbook_app.ports.sessions import SessionSummary

SESSIONS = 50
"""The newest, of which the home screen tells."""
_PLAN = re.compile(r"^plan:\s*\S", re.MULTILINE)
_TITLE = re.compile(r"^title:\s*(?P<title>.+?)\s*$", re.MULTILINE)
_HEAD = 65_536
"""Characters of a file that are looked at for a plan's first keys."""


class MachineDesk:
    """Implements `tui.desk.Desk`. Records that were read once are only read on."""

    def __init__(self) -> None:
        self._open: dict[str, SessionClient] = {}

    def sessions(self) -> Sequence[HomeSession]:
        return [_unread(summary) for summary in bootstrap.list_sessions()[:SESSIONS]]

    def look(self, session: HomeSession) -> HomeSession:
        try:
            opened = self._open.get(session.id)
            if opened is None:
                opened = bootstrap.open_session(session.id, Path(), read_only=True)
                self._open[session.id] = opened
            else:
                opened.refresh()
            return _told(session, opened)
        except RunbookError as error:
            return replace(session, shown=DAMAGED, words=((error.message, Tone.BAD),))

    def plans(self) -> Sequence[HomePlan]:
        targets = {
            summary.title: str(summary.target)
            for summary in reversed(bootstrap.list_sessions())
            if summary.target
        }
        found = [plan for path in _plan_files() if (plan := _plan(path))]
        return [replace(plan, target=targets.get(plan.title, plan.target)) for plan in found]

    def plan(self, given: str) -> HomePlan:
        path = options.plan_path(given)
        return _plan(path) or HomePlan(path=path, title=path.stem)

    def questions(self, start: Start) -> Sequence[Question]:
        return bootstrap.open_questions(start.plan, *_given(start))

    def dry_run(self, start: Start) -> DryRun:
        return bootstrap.dry_run(start.plan, *_given(start))

    def begin(self, start: Start) -> str:
        from runbook_app.cli.drive import require_environment

        recipient = _recipient(start)
        target, values = _given(start)
        require_environment(target)
        session = bootstrap.create_session(
            start.plan,
            target,
            values,
            window_from_now=start.window_from_now,
            seal_to=recipient,
            on_screen=True,
        )
        session.close()
        return session.id

    def resume(self, session: str, accepted: str = "") -> None:
        opened = bootstrap.open_session(session, Path())
        try:
            opened = bootstrap.hold_pin(opened, accepted=accepted)
            opened.ensure_engine()
        finally:
            opened.close()

    def close(self) -> None:
        for session in self._open.values():
            session.close()
        self._open.clear()


def _unread(summary: SessionSummary) -> HomeSession:
    return HomeSession(
        id=summary.id,
        plan=summary.title or summary.id,
        target=str(summary.target or ""),
        begun=summary.created,
    )


def _told(session: HomeSession, opened: SessionClient) -> HomeSession:
    state, alive = opened.state, opened.engine_alive()
    outside = Outside(alive=alive, damage=damage(state, opened.folder), words=opened.last_words())
    items = state.items.values()
    return replace(
        session,
        shown=status_sign(state, alive=alive),
        resumable=not alive and state.epoch > 0 and state.status != "finished",
        done=sum(item.status.done for item in items),
        total=len(items),
        last=state.at,
        words=banner(opened.plan, state, outside).line,
    )


def _plan_files() -> Iterator[Path]:
    """Of the program, and of this folder and its `plans/`; each once."""
    here = Path()
    known: set[Path] = set()
    for path in (
        *sorted(shipped_plans().glob("*.yaml")),
        *sorted(here.glob("*.y*ml")),
        *sorted(here.glob("plans/*.y*ml")),
    ):
        if path.resolve() not in known:
            known.add(path.resolve())
            yield path


def _plan(path: Path) -> HomePlan | None:
    """A file whose keys are those of a plan; whether it is a good one is found when it starts."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_HEAD)
    except OSError:
        return None
    if not _PLAN.search(text):
        return None
    title = _TITLE.search(text)
    return HomePlan(path=path, title=title["title"].strip("\"'") if title else path.stem)


def _given(start: Start) -> tuple[Path, dict[str, str]]:
    """Target and variables of a start."""
    values = {**_settings(start.settings), **start.answers}
    return Path(start.target).expanduser(), values


def _settings(text: str) -> Mapping[str, str]:
    """Read `name=value` pairs as a shell would part them."""
    values = {}
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"The variables can't be read: {error}.") from error
    for part in parts:
        name, equals, value = part.partition("=")
        if not (equals and name):
            raise UsageError(f"{part!r} is not written name=value.")
        values[name] = value
    return values


def _recipient(start: Start) -> Recipient | None:
    from runbook_app.adapters.passphrase import new
    from runbook_app.adapters.recipient import from_passphrase, recipient

    if start.seal_to == PASSPHRASE:
        return from_passphrase(new(start.passphrase))
    return recipient(Path(start.seal_to).expanduser()) if start.seal_to else None

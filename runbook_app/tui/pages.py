"""The pages beside the session screen: what each shows, and its commands.

A page's view is imported when the page is opened: the first paint waits for none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.tui.commands.base import UserCommand
from runbook_app.tui.commands.pages import (
    CLOSE_AND_HELP,
    OPEN_PAGES,
    CompareAgain,
    CopyPage,
    NextItem,
    PreviousItem,
    WriteBrief,
)
from runbook_app.tui.commands.work import CancelStep, MeasureScore
from runbook_app.tui.view.words import Line

if TYPE_CHECKING:
    from runbook_app.tui.screens.session import SessionScreen


@dataclass(frozen=True, slots=True)
class PageKind:
    key: str
    """Of the command that opens it."""
    title: str
    about: str
    """What it shows, for its help."""
    rows: Callable[[SessionScreen, int], list[Line]]
    """Of the session's state now, for so many columns."""
    own: tuple[UserCommand, ...] = ()
    """Commands of this page alone."""

    @property
    def commands(self) -> tuple[UserCommand, ...]:
        return (*self.own, CopyPage(), *OPEN_PAGES, *CLOSE_AND_HELP)


def _score(screen: SessionScreen, width: int) -> list[Line]:
    from runbook_app.tui.view.score import score_page

    return score_page(screen.session.plan, screen.session.state, width)


def _timeline(screen: SessionScreen, width: int) -> list[Line]:
    from runbook_app.tui.view.timeline import timeline_page

    return timeline_page(screen.session.plan, screen.session.state, screen.now(), width)


def _reports(screen: SessionScreen, width: int) -> list[Line]:
    from runbook_app.tui.view.reports import reports_page

    return reports_page(screen.session.plan, screen.session.state, screen.now(), width)


def _evidence(screen: SessionScreen, width: int) -> list[Line]:
    from runbook_app.tui.view.evidence import evidence_page

    session = screen.session
    item = screen.situation().item or session.plan.items[0]

    def size(path: str) -> int | None:
        return bytes_of(session.folder / path)

    return evidence_page(session.plan, session.state, item, size, width)


def _diff(screen: SessionScreen, width: int) -> list[Line]:  # noqa: ARG001 - lines are kept whole
    from runbook_app.tui.view.diff import diff_page

    item = screen.situation().item or screen.session.plan.items[0]
    return diff_page(item, *screen.diffs.of(item.id))


def bytes_of(path: Path) -> int | None:
    """Of a file, or of all files below a folder."""
    try:
        if path.is_dir():
            return sum(found.stat().st_size for found in path.rglob("*") if found.is_file())
        return path.stat().st_size
    except OSError:
        return None


SCORE = PageKind(
    "S",
    "Security score",
    "Each category before → now, then its checks: the state in words, points, what was seen,"
    " and where it is asked for. What is not measured or waived has no points; what is not"
    " applicable is not counted.",
    _score,
    (MeasureScore(), CancelStep()),
)
EVIDENCE = PageKind(
    "v",
    "Evidence",
    "What stands on record for one item: measured values and when, who confirmed what and when,"
    " captures with size and place below the session's folder, waivers, commit, fingerprint.",
    _evidence,
    (NextItem(), PreviousItem()),
)
REPORTS = PageKind(
    "p",
    "Reports",
    "Where we are at this moment, for whoever takes over; below it what is on record, newest"
    " first. Writing it puts it on record with your name.",
    _reports,
    (WriteBrief(),),
)
TIMELINE = PageKind(
    "t",
    "Timeline",
    "Two rows an item: planned one after the other at the plan's longest times, and actual."
    " OVER is longer than planned at most; FAST is less than a tenth of the plan's shortest"
    " time, so that it may not have done what it should.",
    _timeline,
)
DIFF = PageKind(
    "d",
    "Diff",
    "What one item changed in the target since its checkpoint, and is still so: files line by line"
    " (- before, + now), containers, settings, roles and schema field by field. A private file is"
    " told by its size and hash, secrets are masked.",
    _diff,
    (CompareAgain(), NextItem(), PreviousItem()),
)
PAGES = (SCORE, EVIDENCE, REPORTS, TIMELINE, DIFF)

"""The reports page: where we are now, then every status report and brief, newest first."""

from __future__ import annotations

from runbook_app.domain.brief import handover_brief
from runbook_app.domain.events import BriefWritten, StatusReported
from runbook_app.domain.plan import Plan
from runbook_app.domain.report import report_lines
from runbook_app.domain.state import SessionState
from runbook_app.domain.times import at_second
from runbook_app.tui.view.words import BLANK, Line, Tone, folded, plural


def reports_page(plan: Plan, state: SessionState, now: str, width: int) -> list[Line]:
    rows: list[Line] = [(("where we are, now (not on record)", Tone.ACCENT),)]
    rows += _fields(handover_brief(state, plan, now), width)
    kept = plural(len(state.reports), "report")
    rows += [BLANK, ((f"{kept} on record, newest first", Tone.ACCENT),)]
    for report, at in reversed(state.reports):
        rows += [BLANK, *_report(report, at, width)]
    return rows


def _report(report: StatusReported | BriefWritten, at: str, width: int) -> list[Line]:
    if isinstance(report, BriefWritten):
        head = f"{at_second(at)}  where we are, written by {report.by}"
        return [((head, Tone.STRONG),), *_fields(report.lines, width)]
    return [
        ((f"{at_second(at)}  status report", Tone.STRONG),),
        *_fields(report_lines(report), width),
    ]


def _fields(texts: list[str] | tuple[str, ...], width: int) -> list[Line]:
    return [row for text in texts for row in folded(text, width, Tone.PLAIN, "  ")]

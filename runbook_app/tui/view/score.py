"""The score page: every category and check, before and now, with its evidence."""

from __future__ import annotations

from runbook_app.domain.completion import ScoreClaim, ScoreFigures, ScoreLine
from runbook_app.domain.plan import Plan, Score, ScoreCategory, ScoreCheck
from runbook_app.domain.score import Result, told
from runbook_app.domain.score_page import score_result, score_words
from runbook_app.domain.state import SessionState
from runbook_app.domain.times import at_second
from runbook_app.tui.view.waivers import waiver_lines
from runbook_app.tui.view.words import BLANK, Line, Tone, folded, sign

_VERDICTS = {
    Result.PASSED: sign("passed"),
    Result.FAILED: sign("failed"),
    Result.NOT_MEASURED: sign("not_measured"),
    Result.NOT_APPLICABLE: sign("not_applicable"),
}


def score_page(plan: Plan, state: SessionState, width: int) -> list[Line]:
    found = score_result(plan.score, state)
    rows = [*_head(found, state, plan.score, width)]
    for category in plan.score.categories:
        rows += [BLANK, *_category(category, found, width)]
    waivers = waiver_lines(plan, state.items.values(), width)
    if waivers:
        rows += [BLANK, (("waived in this session; a waiver gives no points", Tone.ACCENT),)]
        rows += waivers
    return rows


def _head(found: ScoreClaim, state: SessionState, score: Score, width: int) -> list[Line]:
    words = score_words(found)
    rows = folded(f"{words[:1].upper()}{words[1:]}.", width, Tone.STRONG)
    if state.scoring is not None:
        whole = len(score.checks())
        done = f"● being measured: {len(state.scoring.checks)} of {whole} checks so far"
        rows.append(((done, Tone.ACCENT),))
    for name, taken in (("before", found.before), ("now", found.after)):
        if taken:
            text = f"{name}: {at_second(taken.at)}, {taken.moment}, by {taken.by}"
            rows.append(((text, Tone.DIM),))
    if found.outdated:
        undone = ", ".join(found.outdated)
        text = f"! Rolled back since, so that it may not hold any more: {undone}"
        rows += folded(text, width, Tone.WARN)
    return rows


def _category(category: ScoreCategory, found: ScoreClaim, width: int) -> list[Line]:
    shares = f"{_share(found.before, category)} → {_share(found.after, category)}"
    claim = f"{category.declared_current} → {category.declared_target}"
    head: Line = (
        (category.name, Tone.STRONG),
        (f"  {shares}", Tone.STRONG),
        (f"  weight {category.weight:g}, the plan claims {claim}", Tone.DIM),
    )
    if not category.checks:
        return [head, (("  no check of the plan measures it", Tone.WARN),)]
    before, now = _lines(found.before), _lines(found.after or found.before)
    rows: list[Line] = [head]
    for check in category.checks:
        earlier = before.get(check.id) if found.after else None
        rows += _check(check, earlier, now.get(check.id), width)
    return rows


def _share(taken: ScoreFigures | None, category: ScoreCategory) -> str:
    if taken is None:
        return "not measured"
    share = next((c.score for c in taken.categories if c.name == category.name), None)
    return "not applicable" if share is None else told(share)


def _lines(taken: ScoreFigures | None) -> dict[str, ScoreLine]:
    return {line.id: line for c in taken.categories for line in c.checks} if taken else {}


def _check(
    check: ScoreCheck, before: ScoreLine | None, now: ScoreLine | None, width: int
) -> list[Line]:
    if now is None:
        unmeasured = sign("not_applicable" if check.excluded else "not_measured")
        head: Line = ((f"  {unmeasured.glyph} {unmeasured.word}  ", unmeasured.tone),)
        rows: list[Line] = [(*head, (check.title, Tone.PLAIN))]
        return rows + folded(check.excluded or "not looked at yet", width, Tone.DIM, "      ")
    shown = _VERDICTS[Result(now.verdict)]
    rows = [
        (
            (f"  {shown.glyph} {shown.word}  ", shown.tone),
            (now.title, Tone.PLAIN),
            (f"  {_points(now)}", Tone.STRONG),
            (f"  before: {_told(before)}" if before else "", Tone.DIM),
        )
    ]
    rows += folded(now.evidence, width, Tone.PLAIN, "      ")
    return rows + folded(f"asked for by {now.source}", width, Tone.DIM, "      ")


def _points(line: ScoreLine) -> str:
    return f"{line.points:g}/{line.of:g}" if line.of else "not counted"


def _told(line: ScoreLine) -> str:
    word = _VERDICTS[Result(line.verdict)].word
    return f"{word} {_points(line)}" if line.of else word

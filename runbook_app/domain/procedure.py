"""A plan as a procedure in Markdown: what a person reads before, or instead of, running it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator

from runbook_app.domain.clock import format_duration, to_text
from runbook_app.domain.markdown import escape, plain, table
from runbook_app.domain.plan import (
    Call,
    CaptureLine,
    CheckLine,
    CheckpointLine,
    ConfirmLine,
    Item,
    Plan,
    Section,
    Step,
)
from runbook_app.domain.variables import Question, expected

_FENCE = re.compile(r"\s*(`{3,})[A-Za-z0-9_+.-]{0,30}")


def procedure(plan: Plan) -> str:
    """Write the whole plan, its variables resolved, to be ticked off by hand."""
    return "\n".join(_lines(plan)).rstrip() + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    yield from (f"# {escape(plan.title)} {escape(plan.version)}", "")
    yield from _bullets(
        ("Plan", f"{escape(plan.id)}, SHA-256 `{plan.sha256}`"),
        ("Approval", escape(plan.approval)),
        ("Target", ", ".join(_target(plan))),
        ("Window", ", ".join(_window(plan))),
        ("Next action", escape(plan.next_action)),
    )
    yield from _texts("Principles", plan.principles)
    yield from _sections("Baseline", plan.baseline)
    yield from _overview(plan)
    yield from _sections("Timetable", plan.blocks)
    for item in plan.items:
        yield from _item(item, plan)
    yield from _risks(plan)
    yield from _texts("Troubleshooting", plan.troubleshooting)
    yield from _score(plan)
    yield from _claims(plan)
    yield from _sections("Documents", plan.documents)
    yield from _sections("Links", plan.links)
    yield from _sections("Next phases", plan.next_phases)
    yield from _sections("Further text", plan.sections)
    yield from _questions(plan.questions)
    yield from _variables(plan)


def _target(plan: Plan) -> Iterator[str]:
    yield f"Compose file {escape(plan.target.compose)}"
    if plan.target.api_service:
        yield f"API in service {escape(plan.target.api_service)}"
    if plan.target.database.service:
        yield f"database in service {escape(plan.target.database.service)}"
    if plan.target.suite:
        yield f"tests by {escape(shlex.join(plan.target.suite))}"


def _window(plan: Plan) -> Iterator[str]:
    window = plan.window
    yield f"from {to_text(window.starts)}" if window.starts else "from the session's start"
    yield f"budget {format_duration(window.budget)}"
    declared = {
        "start": window.declared_start,
        "target": window.declared_target,
        "deadline": window.declared_deadline,
    }
    for name, time in declared.items():
        if time:
            yield f"declared {name} {to_text(time)}"


def _overview(plan: Plan) -> list[str]:
    rows = (
        (
            str(item.number),
            escape(item.title),
            escape(item.priority),
            escape(str(item.estimate or "")),
            str(len(item.steps)),
            escape(", ".join(item.needs)),
        )
        for item in plan.items
    )
    header = ("item", "title", "priority", "estimate", "steps", "needs")
    return ["## Overview", "", *table(header, rows)]


def _item(item: Item, plan: Plan) -> Iterator[str]:
    yield from (f"## Item {item.number}: {escape(item.title)}", "")
    titles = {risk.id: risk.title for risk in plan.risks}
    yield from _bullets(
        ("What", escape(item.what)),
        ("Why", escape(item.why)),
        ("Priority", escape(item.priority)),
        ("Estimate", escape(str(item.estimate or ""))),
        ("Needs", escape(", ".join(item.needs))),
        ("Guide", escape(item.guide)),
        ("The source says", escape(item.declared_status)),
        ("Risks", "; ".join(escape(titles.get(risk, risk)) for risk in item.risks)),
        ("Rehearsal", "required" if item.rehearsal_required else ""),
        ("Only when", escape(item.when.text if item.when else "")),
        ("Not required", escape(item.not_required)),
        ("Source", escape(item.source)),
    )
    if item.checkpoint:
        yield from ("### Checkpoint", "")
        for line in item.checkpoint:
            yield from _checkpoint_line(line)
        yield ""
    for number, step in enumerate(item.steps, 1):
        yield from _step(f"{item.number}.{number}", step)
    if item.success:
        yield from ("### Success", "")
        for criterion in item.success:
            yield from _check(criterion)
        yield ""
    yield from _rollback(item)
    files = [("creates", path) for path in item.creates]
    files += [("modifies", path) for path in item.modifies]
    rows = ((how, escape(path), escape(item.file_notes.get(path, ""))) for how, path in files)
    yield from table(("", "file", "note"), rows)
    if item.commit:
        yield from (f"Commit: {escape(item.commit)}", "")


def _checkpoint_line(line: CheckpointLine) -> Iterator[str]:
    match line:
        case ConfirmLine():
            person = " (a person has to say so)" if line.person_required else ""
            yield f"- [ ] {escape(line.title)}{person}"
        case CheckLine():
            yield from _check(line)
        case CaptureLine():
            what = [*line.files]
            what += ["the Compose project"] if line.project else []
            what += ["the database"] if line.database else []
            what += ["a copy of its volume"] if line.volume else []
            yield f"- [ ] {escape(line.title)}: capture {escape(', '.join(what))}"


def _check(line: CheckLine) -> Iterator[str]:
    yield f"- [ ] {escape(line.title)}"
    yield from (f"  {text}".rstrip() for text in ["", *_call(line.call, "check"), ""])


def _step(number: str, step: Step) -> Iterator[str]:
    yield from (f"### Step {number}: {escape(step.title)}", "")
    yield from _bullets(
        ("Why", escape(step.why)),
        ("Estimate", escape(str(step.estimate or ""))),
        ("Block", escape(step.block)),
        ("Only when", escape(step.when.text if step.when else "")),
        ("Required", "never skipped" if step.required else ""),
        ("Reverts unless confirmed within", _duration(step)),
        ("Not installed", "" if step.available else "its action is not installed here"),
        ("Source", escape(step.source)),
    )
    if step.instructions:
        yield from (*_prose(step.instructions), "")
    yield from (*_call(step.call), "")


def _duration(step: Step) -> str:
    return format_duration(step.confirm_within) if step.confirm_within else ""


def _prose(text: str) -> list[str]:
    """Text of the source: its lines stay lines, its list items items, and its code code."""
    lines: list[str] = []
    rows = text.splitlines()
    while rows:
        if code := _code(rows):
            lines += ["", *code, ""] if lines and lines[-1] else [*code, ""]
            del rows[: len(code)]
            continue
        line = rows.pop(0)
        item = line.lstrip().startswith("- ")
        shown = f"- {escape(line.lstrip()[2:])}" if item else escape(line)
        if shown and lines and lines[-1]:
            if item != lines[-1].startswith("- "):
                lines.append("")
            elif not item:
                lines[-1] += "\\"
        lines.append(shown)
    return lines


def _code(rows: list[str]) -> list[str]:
    """The fenced code that these lines begin with; none where its end is missing."""
    opened = _FENCE.fullmatch(rows[0])
    if opened is None:
        return []
    fence = opened[1]
    end = next((at for at, row in enumerate(rows) if at and row.strip() == fence), 0)
    inner = [_visible(row) for row in rows[1:end]]
    if not end or any(row.lstrip().startswith(fence) for row in inner):
        return []
    return [rows[0].strip(), *inner, fence]


def _visible(row: str) -> str:
    """A line of code as it is, but for characters that a terminal or a reader may obey."""
    return "".join(c if c.isprintable() else " " for c in row)


def _rollback(item: Item) -> Iterator[str]:
    if not any(step.effect for step in item.steps):
        return
    budget = (
        f" The source allows {escape(str(item.rollback_budget))}." if item.rollback_budget else ""
    )
    yield from ("### Rollback", "")
    own = [f"{item.number}.{n}" for n, step in enumerate(item.steps, 1) if step.undoes]
    if own:
        yield from (f"Run the rollback of steps {', '.join(reversed(own))} that were begun.", "")
    for call in item.rollback:
        yield from (*_call(call), "")
    yield from (f"Then restore what was captured, newest first.{budget}", "")


def _call(call: Call, key: str = "action") -> list[str]:
    """The action and its parameters; each line has a name or a dash, or is indented like code in
    code, so that none closes the fence."""
    lines = [f"{key}: {plain(call.action)}"]
    for name, value in call.parameters.items():
        if isinstance(value, str) and (rows := _as_typed(value)):
            end = "|" if value.endswith("\n") else "|-"
            lines += [f"{plain(name)}: {end}", *(f"    {row}".rstrip() for row in rows)]
        elif isinstance(value, list) and any(isinstance(each, list | dict) for each in value):
            lines += [plain(f"{name}:"), *(plain(f"- {_json(each)}") for each in value)]
        else:
            lines.append(plain(f"{name}: {_json(value)}"))
    return ["```yaml", *lines, "```"]


def _as_typed(text: str) -> list[str]:
    """The rows of a text that is to be typed as it stands; none where YAML can't hold it so."""
    rows = text.removesuffix("\n").split("\n")
    if len(rows) == 1 and not set(text) & {'"', "\\"}:
        return []
    whole = all(row.isprintable() and row == row.rstrip() for row in rows)
    return rows if whole and rows[0][:1].strip() and rows[-1] else []


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _risks(plan: Plan) -> Iterator[str]:
    if plan.risks:
        yield from ("## Risks", "")
    for risk in plan.risks:
        yield from (f"### {escape(risk.title)}", "")
        yield from (*(f"- {escape(text)}" for text in risk.mitigation), "")
        yield from _bullets(
            ("Rollback", escape(risk.rollback)), ("Budget", escape(str(risk.budget or "")))
        )


def _score(plan: Plan) -> Iterator[str]:
    if plan.score.categories:
        yield from ("## Score", "")
    for category in plan.score.categories:
        yield from (f"### {escape(category.name)}", "")
        rows = (
            (escape(c.title), f"{c.weight:g}", escape(c.source), escape(c.call.action))
            for c in category.checks
        )
        yield from table(("check", "points", "source", "action"), rows)


def _claims(plan: Plan) -> list[str]:
    rows = (
        (escape(claim.text), escape(claim.measured_by or claim.unproven or "nothing"))
        for claim in plan.claims
    )
    shown = table(("the source says", "measured by"), rows)
    return ["## Claims", "", *shown] if shown else []


def _questions(questions: Iterable[Question]) -> list[str]:
    rows = ((escape(q.name), escape(q.text), escape(expected(q))) for q in questions)
    shown = table(("variable", "asked when a session begins", "an answer is"), rows)
    return ["## Questions", "", *shown] if shown else []


def _variables(plan: Plan) -> list[str]:
    unknown = {question.name for question in plan.unanswered if question.default is None}
    rows = (
        (escape(name), "not answered yet" if name in unknown else escape(_json(value)))
        for name, value in plan.variables.items()
    )
    shown = table(("variable", "value"), rows)
    return ["## Variables", "", *shown] if shown else []


def _sections(title: str, sections: Iterable[Section]) -> Iterator[str]:
    for index, section in enumerate(sections):
        if not index:
            yield from (f"## {title}", "")
        yield from (f"### {escape(section.title)}", "")
        yield from (*(f"- {escape(line)}" for line in section.lines), "")


def _texts(title: str, texts: Iterable[str]) -> list[str]:
    lines = [f"- {escape(text)}" for text in texts]
    return [f"## {title}", "", *lines, ""] if lines else []


def _bullets(*pairs: tuple[str, str]) -> list[str]:
    """A list of those that have a value, which is escaped already."""
    lines = [f"- {name}: {value}" for name, value in pairs if value]
    return [*lines, ""] if lines else []

"""A plan as a procedure: everything of it is there, and its text stays text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from markdown_it import MarkdownIt

from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.cli import commands
from runbook_app.domain.markdown import plain
from runbook_app.domain.plan import CheckLine, ConfirmLine, Plan
from runbook_app.domain.procedure import procedure
from runbook_app.resources import shipped_plans
from tests.plans.conftest import HEAD, ITEM

SHIPPED = shipped_plans() / "phase1_security_hardening.yaml"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return read_plan(SHIPPED, InstalledActions(), {}, None)


class Page:
    """What a reader of Markdown sees."""

    def __init__(self, text: str) -> None:
        tokens = MarkdownIt("commonmark").enable("table").parse(text)
        inline = [token for token in tokens if token.type == "inline"]
        self.kinds = {token.type for token in tokens}
        self.kinds |= {child.type for token in inline for child in token.children or ()}
        self.headings = [
            (tokens[at].tag, _seen(tokens[at + 1]))
            for at in range(len(tokens))
            if tokens[at].type == "heading_open"
        ]
        self.texts = [line for token in inline for line in _seen(token).split("\n")]
        self.calls = [yaml.safe_load(token.content) for token in tokens if token.type == "fence"]

    def under(self, tag: str, start: str) -> list[str]:
        return [
            text.removeprefix(start)
            for level, text in self.headings
            if level == tag and text.startswith(start)
        ]


def _seen(token: Any) -> str:
    breaks = ("softbreak", "hardbreak")
    return "".join("\n" if c.type in breaks else c.content for c in token.children or ())


def calls(plan: Plan) -> Iterator[dict[str, object]]:
    for item in plan.items:
        for line in item.checkpoint:
            if isinstance(line, CheckLine):
                yield {"check": line.call.action, **line.call.parameters}
        for step in item.steps:
            yield {"action": step.call.action, **step.call.parameters}
        for criterion in item.success:
            yield {"check": criterion.call.action, **criterion.call.parameters}
        for call in item.rollback:
            yield {"action": call.action, **call.parameters}


def test_every_item_step_and_call_of_the_shipped_plan_is_there(plan):
    page = Page(procedure(plan))
    assert page.under("h2", "Item ") == [f"{item.number}: {item.title}" for item in plan.items]
    assert page.under("h3", "Step ") == [
        f"{item.number}.{number}: {step.title}"
        for item in plan.items
        for number, step in enumerate(item.steps, 1)
    ]
    assert len(page.under("h3", "Step ")) == 49
    assert page.calls == list(calls(plan))
    for title, there in (
        ("Checkpoint", lambda item: item.checkpoint),
        ("Success", lambda item: item.success),
        ("Rollback", lambda item: any(step.effect for step in item.steps)),
    ):
        assert page.headings.count(("h3", title)) == sum(bool(there(i)) for i in plan.items) > 2


def test_every_line_risk_claim_and_section_of_the_shipped_plan_is_there(plan):
    page = Page(procedure(plan))
    ticked = [text for text in page.texts if text.startswith("[ ] ")]
    lines = [line for item in plan.items for line in (*item.checkpoint, *item.success)]
    assert len(ticked) == len(lines)
    for line in lines:
        assert any(text.startswith(f"[ ] {plain(line.title)}") for text in ticked)
    people = [line for line in lines if isinstance(line, ConfirmLine) and line.person_required]
    assert sum("a person has to say so" in text for text in ticked) == len(people)
    kept = (plan.baseline, plan.blocks, plan.documents, plan.links, plan.next_phases, plan.sections)
    sections = [section for group in kept for section in group]
    titles = [text for level, text in page.headings if level == "h3"]
    for title in (
        *(section.title for section in sections),
        *(risk.title for risk in plan.risks),
        *(category.name for category in plan.score.categories),
    ):
        assert plain(title) in titles
    for text in (
        *(line for section in sections for line in section.lines),
        *(text for risk in plan.risks for text in risk.mitigation),
        *(claim.text for claim in plan.claims),
        *(check.title for category in plan.score.categories for check in category.checks),
        *(path for item in plan.items for path in (*item.creates, *item.modifies)),
        *(f"Commit: {item.commit}" for item in plan.items if item.commit),
        *plan.principles,
        *plan.troubleshooting,
        *plan.variables,
    ):
        assert plain(text) in page.texts
    instructions = "\n".join(step.instructions for _, step in plan.steps())
    for line in instructions.splitlines():
        assert plain(line.lstrip().removeprefix("- ")) in ["", *page.texts]


def test_a_plans_text_makes_no_markdown(load):
    item = ITEM.replace("title: Write", 'title: "# *W* [a](b) <i>x</i> `c`"').replace(
        "{path: a.txt}", '{path: "a\\n```\\n# b", text: "\\u202e````", tags: ["- x", "~~~"]}'
    )
    text = "        instructions: |\n          # big\n          - one\n          1. two | <b>\n"
    text += "          ---\n          <script>\n"
    plan = load(HEAD + item + text)
    page = Page(procedure(plan))
    assert page.under("h3", "Step ") == ["1.1: # *W* [a](b) <i>x</i> `c`"]
    assert {"# big", "one", "1. two | <b>", "---", "<script>"} <= set(page.texts)
    assert len(page.headings) == 6
    assert not page.kinds & {"html_block", "html_inline", "link_open", "em_open", "hr", "s_open"}
    (call,) = page.calls
    assert call == {
        "action": "sample.write",
        **plan.items[0].steps[0].call.parameters,
        "text": " ````",
    }


def test_it_is_printed_with_the_targets_variables(tmp_path):
    path = tmp_path / "plan.yaml"
    item = ITEM.replace("sample.write", "files.present").replace("a.txt", '"${name}"')
    item = item.replace("    rollback: captures\n", "")
    path.write_text(f"{HEAD}variables: {{name: a.txt}}\n{item}", encoding="utf-8")
    target = tmp_path / "target"
    target.mkdir()
    (target / "runbook.vars.yaml").write_text("name: b.txt\n", encoding="utf-8")
    run = CliRunner()
    assert 'path: "a.txt"' in run.invoke(commands, ["render", str(path)]).stdout
    found = run.invoke(commands, ["render", str(path), "--target", str(target)])
    assert 'path: "b.txt"' in found.stdout
    path.write_text("plan: p\n", encoding="utf-8")
    broken = run.invoke(commands, ["render", str(path)])
    assert broken.exit_code == 2
    assert "needs the key 'title'" in broken.stderr
    assert broken.stdout == ""

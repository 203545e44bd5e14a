"""What a plan is does not depend on whether its items are read while it is parsed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_app.adapters.plan_file import nodes
from runbook_app.adapters.plan_file.nodes import compose
from runbook_app.adapters.plan_file.source import read_source
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.errors import PlanError
from runbook_app.resources import shipped_plans
from tests.plans.both_ways import read_both_ways
from tests.plans.conftest import HEAD, ITEM
from tests.plans.test_plan_fuzz import BOUNDED, REGISTRY

SHIPPED = sorted(shipped_plans().glob("*.yaml"))
ENTRIES = {
    "plan": "p",
    "title": "Of ${env.HOME}",
    "version": '"1"',
    "target": "{compose: &c compose.yml}",
    "variables": "{a: x, port: 80, list: [a, b], on: 'on ${port}', env: {env: HOME, default: x}}",
    "risks": "[{id: r, title: R, budget: 5m}]",
    "rehearsal": "optional",
    "window": "{budget: 2h}",
    "principles": "[one, &p 'two ${a}', *p]",
    "sections": "[{id: s, title: &c S, lines: [a]}]",
    "claims": "[{id: c, text: T, measured_by: one.look}]",
    "approval": "${env.PATH}",
}
NEEDED = ("plan", "title", "version", "target", "variables", "risks")
LOOK = "{id: look, title: Look, action: &l sample.look, with: &w {path: '${a}.txt'}}"
STEPS = (
    "{id: home, title: Look, action: sample.look, with: {path: '${env.SHELL}'}, planned: true}",
    "{id: more, title: 3-way, each: [a, b], action: sample.look, with: {path: '${each}'}}",
    "{id: all, title: 3-way, each: '${list}', action: sample.look, with: {path: '${on}'}}",
    "{id: after, title: T, action: sample.look, with: {path: '${steps.look.outputs.x}'}}",
    "{id: over, title: T, action: sample.look, with: *w, when: '${port} == 80'}",
    "{id: cond, title: &t 8 of them, why: *t, action: *l, with: &w {path: b}, timeout: 5m}",
    "{id: given, title: T, action: *l, with: *w, when: '${steps.look.outputs.x} == 1'}",
    "{id: run, title: T, shell: 'true', changes: nothing, planned: true}",
)
SPOILT = (
    "{id: spoilt, title: T, action: sample.lok}",
    "{id: spoilt, title: 8, action: sample.look, with: {path: no}}",
    "{id: look, title: T, action: sample.look, with: {path: '${b}'}}",
    "{include: parts/more.yaml}",
    "*l",
)
HEADS = (
    "id: one, number: 1, title: One, risks: [r]",
    "id: two, number: 2, title: &t Two, why: *t, needs: [one]",
    "id: three, number: 3, title: Three, checkpoint: [{confirm: 'On ${a}'}]",
    "id: four, number: 4, title: Four, when: '${port} == 1'",
)


@st.composite
def items(draw: st.DrawFn) -> str:
    listed = []
    for head in HEADS[: draw(st.integers(1, len(HEADS)))]:
        steps = [LOOK, *draw(st.lists(st.sampled_from(STEPS), max_size=4, unique=True))]
        if draw(st.integers(0, 19)) == 19:
            steps.append(draw(st.sampled_from(SPOILT)))
        listed.append(f"  - {{{head}, steps: [{', '.join(steps)}]}}\n")
    anchor = draw(st.sampled_from(["", "", "", " &all"]))
    return f"items:{anchor}\n{''.join(listed)}"


@st.composite
def plans(draw: st.DrawFn) -> str:
    """Plans with most of what binds their parts together; some in any order, some spoilt."""
    others = [key for key in ENTRIES if key not in NEEDED]
    keys = [*NEEDED, *draw(st.lists(st.sampled_from(others), unique=True))]
    parts = [f"{key}: {ENTRIES[key]}\n" for key in keys]
    parts.insert(draw(st.integers(5, len(parts))), draw(items()))
    return "".join(draw(st.one_of(st.just(parts), st.permutations(parts))))


@given(text=plans())
@BOUNDED
def test_a_plan_is_the_same_both_ways(tmp_path, text):
    (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
    read_both_ways(tmp_path / "plan.yaml", REGISTRY)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_plan_is_read_item_by_item_unless_it_includes_another_file(path):
    alone = "include:" not in path.read_text(encoding="utf-8")
    assert read_both_ways(path, InstalledActions()) is alone


def read_item_by_item(tmp_path, text: str) -> bool:
    (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
    return read_both_ways(tmp_path / "plan.yaml", REGISTRY)


def test_what_stands_after_the_items_is_no_hindrance(tmp_path):
    assert read_item_by_item(tmp_path, f"{HEAD}{ITEM}principles: [a]\n")


@pytest.mark.parametrize("key", ["plan", "title", "version", "variables", "rehearsal"])
def test_items_that_come_before_what_they_rest_on_are_read_at_once(load, tmp_path, key):
    lines = {"variables": "variables: {file: a.txt}\n", "rehearsal": "rehearsal: required\n"}
    line = lines.get(key) or next(line for line in HEAD.splitlines(True) if line.startswith(key))
    text = HEAD.replace(line, "") + ITEM + line
    assert not read_item_by_item(tmp_path, text)
    assert load(text).items


def test_a_variable_that_is_declared_after_the_items_is_known_in_them(load):
    item = ITEM.replace("a.txt", "'${file}'")
    text = f"{HEAD}{item}variables: {{file: b.txt}}\n"
    assert load(text).items[0].steps[0].call.parameters == {"path": "b.txt"}


def test_a_list_of_items_that_is_repeated_elsewhere_is_not_empty_there(load):
    text = HEAD + ITEM.replace("items:", "items: &all") + "principles: *all\n"
    with pytest.raises(PlanError, match="'principles' has to be text"):
        load(text)


def dropped(root: nodes.Mapping, item: nodes.Node) -> None:
    pass


def fewest_values(text: str, monkeypatch: pytest.MonkeyPatch, take: nodes.Take | None) -> int:
    """The lowest limit under which a text can be read."""
    low, high = 0, 10_000
    while low < high:
        monkeypatch.setattr(nodes, "MAX_NODES", (low + high) // 2)
        if compose(read_source("f", text.encode()), take=take) is None:
            low = (low + high) // 2 + 1
        else:
            high = (low + high) // 2
    return low


def test_values_count_the_same_when_their_nodes_are_dropped(monkeypatch):
    items = [
        f"  - {{a: &a [{', '.join('x' * size)}], b: [*a, *a]}}\n" for size in (1, 50, 2, 90) * 10
    ]
    text = f"items:\n{''.join(items)}"
    whole = fewest_values(text, monkeypatch, None)
    assert whole == fewest_values(text, monkeypatch, dropped) > 40 * 3


def test_the_items_list_is_given_away_entry_by_entry():
    given: list[tuple[list[str], str]] = []
    root = compose(
        read_source("f", b"a: 1\nitems: [x, {items: [y]}]\nb: {items: [z]}\n"),
        take=lambda root, item: given.append((list(root.entries), type(item).__name__)),
    )
    assert given == [(["a"], "Scalar"), (["a"], "Mapping")]
    assert isinstance(root, nodes.Mapping)
    assert root.entries["items"].items == []
    assert len(root.entries["b"].entries["items"].items) == 1

"""References to what steps give: where they may stand, and what the loaded plan knows of them."""

from __future__ import annotations

from runbook_app.domain.plan import Reference
from tests.plans.conftest import HEAD, ITEM

SECOND = """\
      - id: again
        title: Again
        action: sample.write
        with: {with}
"""


def later(load, text: str, head: str = HEAD):
    plan = load(head + ITEM + SECOND.replace("{with}", text))
    return plan.items[0].steps[1].call


def test_a_reference_stays_as_written_and_knows_what_its_parameter_takes(load):
    call = later(
        load,
        '{path: "${steps.write.outputs.p}", count: "${steps.one.write.measured.rows}",'
        ' kind: "${steps.write.outputs.k}"}',
    )
    assert call.parameters["count"] == "${steps.one.write.measured.rows}"
    assert [(one.path, one.takes) for one in call.later] == [
        (("path",), "text"),
        (("count",), "plain"),
        (("kind",), "text"),
    ]
    (rows,) = call.later[1].parts
    assert isinstance(rows, Reference)
    assert (rows.step, rows.kind, rows.name) == ("one.write", "measured", "rows")
    assert (rows.position.line, rows.position.column) == (20, 58)


def test_variables_beside_a_reference_are_in_place(load):
    head = HEAD + "variables: {port: 8001}\n"
    text = '{path: a, text: "$${x}:${port} ${steps.write.outputs.the name}!"}'
    (one,) = later(load, text, head).later
    assert [str(part) for part in one.parts] == [
        "${x}",
        ":",
        "8001",
        " ",
        "${steps.write.outputs.the name}",
        "!",
    ]


def test_an_escaped_reference_is_text(load):
    call = later(load, '{path: "$${steps.write.outputs.p}"}')
    assert call.parameters == {"path": "${steps.write.outputs.p}"}
    assert call.later == ()


def test_a_reference_within_a_list_leaves_its_neighbours_checked(load, mistakes):
    call = later(load, '{path: a, tags: [x, "${steps.write.outputs.p}"]}')
    assert [one.path for one in call.later] == [("tags", 1)]
    text = (
        HEAD + ITEM + SECOND.replace("{with}", '{path: a, tags: [7, "${steps.write.outputs.p}"]}')
    )
    (told,) = mistakes(text)
    assert told.startswith("20:32 sample.write: parameter 'tags[0]': expected text, got a whole")


def test_an_item_that_is_needed_is_before_wherever_it_stands(load, mistakes):
    first = ITEM.replace("path: a.txt", 'path: "${steps.two.other.outputs.p}"')
    second = """\
  - id: two
    number: 2
    title: Two
    steps: [{id: other, title: Other, action: sample.look, with: {path: a}}]
"""
    assert mistakes(HEAD + first + second) == [
        "16:23 item 'two' is not before 'one'; have 'one' come after it, or need it"
    ]
    needing = first.replace("title: One\n", "title: One\n    needs: [two]\n")
    assert load(HEAD + needing + second).items[0].steps[0].call.later
    back = second.replace("{path: a}", '{path: "${steps.one.write.outputs.p}"}')
    assert len(mistakes(HEAD + needing + back)) == 1


def test_success_may_use_what_all_steps_of_its_item_gave(load):
    text = ITEM.replace(
        "    rollback:",
        "    success:\n"
        '      - {id: s, check: sample.look, with: {path: "${steps.write.outputs.p}"}}\n'
        "    rollback:",
    )
    assert load(HEAD + text).items[0].success[0].call.later

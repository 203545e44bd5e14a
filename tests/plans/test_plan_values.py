"""What a good plan becomes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from runbook_app.domain.clock import Estimate
from runbook_app.domain.plan import CaptureLine, CheckLine, ConfirmLine
from tests.plans.conftest import HEAD, ITEM, Load

STEP = "        with: {path: a.txt}\n"


def parameters(load, text: str, action: str = "sample.write") -> object:
    """The parameters of the only step, with this below `with:`."""
    item = ITEM.replace("sample.write", action).replace("{path: a.txt}", text)
    return load(HEAD + item).items[0].steps[0].call.parameters


def test_a_plan_is_read_whole(load):
    plan = load(
        HEAD
        + """\
approval: Approved
window: {starts: now, budget: 12h, declared: {deadline: 2025-10-24T20:00Z}}
score:
  declared: {current: 70, target: 95}
  categories: [{name: A, weight: 2, declared: {current: 1, target: 2}}]
risks: [{id: r, title: R, mitigation: [one, two], rollback: undo it, budget: 5m-10m}]
claims: [{id: fast, text: It is fast, measured_by: one.write}]
principles: [One at a time]
links: [{id: l, title: Links, lines: ["https://example.com/"]}]
audit: {document: AUDIT.md, items: [one]}
"""
        + ITEM
        + """\
        why: It has to be
        instructions: |
          First this,
          then that.
        estimate: 5m
        block: "8:00-8:05 UTC: Write"
        timeout: 1h30m
        retries: 2
        required: true
        blast_radius: ignore
        confirm_within: 10m
    success:
      - {id: look, title: It is there, check: sample.look, with: {path: a.txt}}
    creates: [{path: a.txt, note: new}, b.txt]
    risks: [r]
    commit: "feat: one"
"""
    )
    item = plan.items[0]
    step = item.steps[0]
    assert step.id == "one.write"
    assert step.instructions == "First this,\nthen that."
    assert step.estimate == Estimate(timedelta(minutes=5), timedelta(minutes=5))
    assert (step.timeout, step.retries, step.required) == (timedelta(minutes=90), 2, True)
    assert step.confirm_within == timedelta(minutes=10)
    assert not step.blast_radius
    assert step.position.line == 23
    assert item.success[0].call.action == "sample.look"
    assert (item.creates, item.file_notes) == (("a.txt", "b.txt"), {"a.txt": "new"})
    assert plan.window.declared_deadline == datetime(2025, 10, 24, 20, tzinfo=UTC)
    assert plan.score.categories[0].weight == 2
    assert plan.risks[0].budget == Estimate(timedelta(minutes=5), timedelta(minutes=10))
    assert plan.audit_items == ("one",)
    assert plan.claims[0].measured_by == "one.write"


def test_the_hash_is_of_the_files_bytes(load):
    text = f"{HEAD}{ITEM}# Grüße\r\n"
    assert load(text).sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_checkpoint_lines_get_ids_of_their_words(load):
    plan = load(
        HEAD
        + ITEM.replace(
            "      - confirm: Ready\n",
            """\
      - confirm: Guide (TLS) reviewed!
      - {confirm: Really, id: sure, person: required}
      - {check: sample.look, with: {path: a}}
      - {check: sample.poke, title: Poke it}
      - capture: {files: [a.txt]}
      - {capture: {files: [b.txt], project: false}, id: b}
""",
        )
    )
    lines = plan.items[0].checkpoint
    assert [line.id for line in lines] == [
        "guide-tls-reviewed",
        "sure",
        "sample-look",
        "poke-it",
        "capture-a-txt-the-compose-project",
        "b",
    ]
    confirm, sure, look, _, capture, other = lines
    assert isinstance(confirm, ConfirmLine)
    assert not confirm.person_required
    assert isinstance(sure, ConfirmLine)
    assert sure.person_required
    assert isinstance(look, CheckLine)
    assert isinstance(capture, CaptureLine)
    assert capture.project
    assert isinstance(other, CaptureLine)
    assert (other.files, other.project) == (("b.txt",), False)


def test_explicit_rollback_steps_are_calls(load):
    text = ITEM.replace("captures", "[{action: sample.write, with: {path: b}}]")
    assert load(HEAD + text).items[0].rollback[0].parameters == {"path": "b"}


def test_an_item_of_checks_needs_neither_checkpoint_nor_rollback(load):
    text = ITEM.replace("sample.write", "sample.look")
    text = text.replace("    checkpoint:\n      - confirm: Ready\n    rollback: captures\n", "")
    assert load(HEAD + text).items[0].checkpoint == ()


@pytest.mark.parametrize("word", ["no", "on", "010", "1_000", "12:30", "2025-10-24", "0o17"])
def test_text_keeps_its_letters_where_text_is_wanted(load, word):
    assert parameters(load, f"{{path: {word}}}") == {"path": word}
    assert load(HEAD.replace("title: T", f"title: {word}") + ITEM).title == word


def test_parameters_are_typed_by_the_signature(load):
    text = "{path: a, count: 3, wait: 100ms, kind: fancy, force: true, tags: [no, b]}"
    assert parameters(load, text) == {
        "path": "a",
        "count": 3,
        "wait": "100ms",
        "kind": "fancy",
        "force": True,
        "tags": ["no", "b"],
    }


def test_nested_types_reach_their_scalars(load):
    text = "{path: a, limits: [{path: off, limit: 3, window: 20s}], ratio: 2}"
    assert parameters(load, text, "sample.look") == {
        "path": "a",
        "limits": [{"path": "off", "limit": 3, "window": "20s"}],
        "ratio": 2,
    }
    text = "{size: {width: 3, unit: y}, waits: {a: 1m}, folder: on, mixed: 5, anything: [1, x]}"
    assert parameters(load, text, "sample.measure") == {
        "size": {"width": 3, "unit": "y"},
        "waits": {"a": "1m"},
        "folder": "on",
        "mixed": 5,
        "anything": [1, "x"],
    }


def test_an_alias_repeats_a_value(load):
    text = HEAD + ITEM.replace("{path: a.txt}", "&where {path: a.txt}")
    text += "      - {id: again, title: Again, action: sample.write, with: *where}\n"
    steps = load(text).items[0].steps
    assert steps[0].call.parameters == steps[1].call.parameters


def test_a_planned_step_is_unavailable_and_keeps_its_text(load):
    later = ITEM + "        planned: true\n"
    item = load(HEAD + later.replace("sample.write", "later.write")).items[0]
    assert (item.available, item.steps[0].available) == (False, False)
    assert item.steps[0].call.action == "later.write"
    assert item.steps[0].call.parameters == {"path": "a.txt"}


def test_a_planned_item_covers_all_its_actions(load):
    text = ITEM.replace("    title: One\n", "    title: One\n    planned: true\n")
    text = text.replace("sample.write", "later.write")
    text = text.replace("- confirm: Ready", "- {check: later.look, id: l}")
    text += "    success:\n      - {id: s, check: later.ok}\n"
    assert not load(HEAD + text).items[0].available


def test_what_is_planned_and_installed_is_available(load):
    assert load(HEAD + ITEM + "        planned: true\n").items[0].available


def test_a_typo_is_an_error_unless_it_is_planned(load, mistakes):
    (mistake,) = mistakes(HEAD + ITEM.replace("sample.write", "sample.wriet"))
    assert mistake.startswith("15:17 no action 'sample.wriet' is installed")


def test_an_absolute_window_that_is_over_is_an_error(load, mistakes):
    window = "window: {starts: 2025-12-31T00:00Z, budget: 12h}\n"
    inside = datetime(2025, 12, 31, 11, tzinfo=UTC)
    assert load(HEAD + window + ITEM, now=inside).window.starts is not None
    after = datetime(2025, 12, 31, 12, tzinfo=UTC)
    (mistake,) = mistakes(HEAD + window + ITEM, now=after)
    assert mistake.startswith("5:18 the window has been over")


def test_a_window_from_now_is_never_over(tmp_path, registry):
    from runbook_app.adapters.plans import read_plan
    from tests.plans.conftest import NOW

    path = tmp_path / "plan.yaml"
    window = "window: {starts: 2025-10-24T08:00Z, budget: 12h}\n"
    path.write_text(HEAD + window + ITEM, encoding="utf-8")
    read_plan(path, registry, {}, None, window_from_now=True, now=NOW)


def test_a_guide_is_looked_for_beside_the_plan(load, mistakes, tmp_path):
    text = HEAD + ITEM.replace("    title: One\n", "    title: One\n    guide: guides/one.md\n")
    assert mistakes(text) == ["9:12 there is no guide 'guides/one.md' beside the plan"]
    (tmp_path / "guides").mkdir()
    (tmp_path / "guides" / "one.md").write_text("One", encoding="utf-8")
    assert load(text).items[0].guide == "guides/one.md"


def test_a_guide_that_leads_out_by_a_link_is_refused(mistakes, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}.md"
    outside.write_text("Secret", encoding="utf-8")
    (tmp_path / "one.md").symlink_to(outside)
    text = HEAD + ITEM.replace("    title: One\n", "    title: One\n    guide: one.md\n")
    assert mistakes(text) == ["9:12 the guide 'one.md' leads out of the plan's folder by a link"]


def test_all_mistakes_come_at_once_in_order(mistakes):
    text = HEAD + "oops: 1\n" + ITEM.replace("{path: a.txt}", "{pth: a}") + "        retries: x\n"
    assert [m.partition(" ")[0] for m in mistakes(text)] == ["5:1", "17:15", "17:16", "18:18"]


def test_the_database_s_superuser_and_kept_credentials_are_read(load):
    credentials = "[{role: app}, {role: old, on_rollback: keep}]"
    target = f"{{database: {{service: db, superuser: postgres, credentials: {credentials}}}, "
    database = load(HEAD.replace("target: {", f"target: {target}") + ITEM).target.database
    assert database.superuser == "postgres"
    assert database.keep_credentials == ("old",)


def test_a_capture_may_hold_the_database_and_its_volume(load):
    capture = "capture: {project: false, database: true, volume: true}"
    (line,) = load(HEAD + ITEM.replace("confirm: Ready", capture)).items[0].checkpoint
    assert isinstance(line, CaptureLine)
    assert (line.project, line.database, line.volume) == (False, True, True)
    assert line.title == "Capture the database, a copy of its volume"


def test_each_place_of_a_password_is_held_to_be_one(load, mistakes):
    target = "target: {compose: c.yml, database: {service: db, password_from: %s}}\n"
    head = HEAD.replace("target: {compose: compose.yml}\n", "")
    given = "file:a or environment:B or command:api:tell it"
    assert load(head + target % f'"{given}"' + ITEM).target.database.password_from == given
    for wrong in ("file:a or hunter2", "command:tell", 'command:api:tell \\"it'):
        assert "never the password" in "".join(mistakes(head + target % f'"{wrong}"' + ITEM))


@pytest.mark.parametrize(
    ("of_plan", "of_item", "required"),
    [
        ("", "", False),
        ("", "    rehearsal: required\n", True),
        ("rehearsal: required\n", "", True),
        ("rehearsal: required\n", "    rehearsal: optional\n", False),
    ],
)
def test_a_rehearsal_is_required_by_the_item_or_for_all(
    load: Load, of_plan: str, of_item: str, required: bool
) -> None:
    text = HEAD + of_plan + ITEM.replace("    title: One\n", f"    title: One\n{of_item}")
    assert load(text).items[0].rehearsal_required is required


def test_an_item_that_changes_nothing_is_never_required_by_the_plan(load: Load) -> None:
    looks = ITEM.replace("sample.write", "sample.look").replace("    rollback: captures\n", "")
    assert not load(f"{HEAD}rehearsal: required\n{looks}").items[0].rehearsal_required


def test_a_blast_radius_is_confirmed_where_the_action_tells_one(load):
    assert load(HEAD + ITEM).items[0].steps[0].blast_radius
    untold = ITEM.replace("sample.write", "sample.migrate").replace(STEP, "")
    assert not load(HEAD + untold).items[0].steps[0].blast_radius

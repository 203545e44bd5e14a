"""Items and steps from other files: read as if they stood there, their places kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from runbook_app.adapters.plan_file.includes import MOST, digest
from runbook_app.adapters.plan_pin import changed_lines, lost_beginning, pin, pinned_plan
from runbook_app.adapters.plans import lint, read_plan
from tests.plans.conftest import HEAD, NOW, told

MORE = """\
items:
  - include: parts/first.yaml
  - id: second
    number: 2
    title: Second
    steps:
      - include: parts/look.yaml
      - {id: own, title: Own, action: sample.look, with: {path: "${steps.look.outputs.x}"}}
"""
FIRST = """\
# The first item
items:
  - id: first
    number: 1
    title: First
    steps:
      - include: parts/look.yaml
"""
LOOK = "steps:\n  - {id: look, title: Look, action: sample.look, with: {path: '${path}'}}\n"


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "first.yaml").write_text(FIRST)
    (tmp_path / "parts" / "look.yaml").write_text(LOOK)
    return tmp_path / "parts"


def text_of(more: str = MORE) -> str:
    return f"{HEAD}variables: {{path: a.txt}}\n{more}"


def test_items_and_steps_stand_where_they_are_included(load, parts):
    plan = load(text_of())
    assert [step.id for _, step in plan.steps()] == ["first.look", "second.look", "second.own"]
    assert plan.includes == ("parts/first.yaml", "parts/look.yaml")
    places = [(Path(s.position.file).name, s.position.line) for _, s in plan.steps()]
    assert places == [("look.yaml", 2), ("look.yaml", 2), ("plan.yaml", 13)]
    assert plan.items[0].position.line == 3
    assert plan.items[0].steps[0].call.parameters == {"path": "a.txt"}


def test_a_mistake_in_an_included_file_shows_its_line(mistakes, load, parts):
    (parts / "look.yaml").write_text(LOOK.replace("sample.look", "sample.lok"))
    (one,) = mistakes(text_of())
    assert one.startswith("2:37 no action 'sample.lok' is installed")


def test_a_warning_in_an_included_file_has_its_place(load, parts, tmp_path):
    (parts / "look.yaml").write_text(
        LOOK.replace("{path:", "{path: a}, when: 'true', why: {").replace(
            "why: { '${path}'}", "why: '${path}'"
        )
    )
    found = lint(tmp_path / "plan.yaml", load(text_of()))
    assert [(Path(m.position.file).name, told(m)[:4]) for m in found] == [("look.yaml", "2:73")]


def test_the_digest_covers_what_is_included(load, parts):
    before = load(text_of()).sha256
    (parts / "look.yaml").write_text(LOOK + "# more\n")
    assert load(text_of()).sha256 != before
    assert digest(b"x", []) == hashlib.sha256(b"x").hexdigest()
    whole = hashlib.sha256(b"x").hexdigest()
    listed = f"{whole}\n{hashlib.sha256(b'y').hexdigest()}  a.yaml\n"
    assert digest(b"x", [("a.yaml", b"y")]) == hashlib.sha256(listed.encode()).hexdigest()


def test_a_link_does_not_lead_out_of_the_plans_folder(mistakes, parts, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "look.yaml"
    outside.write_text(LOOK)
    (parts / "look.yaml").unlink()
    (parts / "look.yaml").symlink_to(outside)
    found = mistakes(text_of())
    assert "7:18 'parts/look.yaml' leads out of the plan's folder by a link" in found
    assert not any("sample" in one for one in found)


def test_files_that_multiply_are_refused(mistakes, parts):
    names = ["a", "b", "c", "d", "e"]
    for name, inner in zip(names, [*names[1:], ""], strict=True):
        line = f"  - include: parts/{inner}.yaml\n" if inner else "  - {id: x}\n"
        (parts / f"{name}.yaml").write_text("items:\n" + line * 30)
    found = mistakes(text_of("items:\n  - include: parts/a.yaml\n"))
    assert any(f"more than {MOST:,} items and steps" in one for one in found)


def test_aliases_in_included_files_multiply_no_further(mistakes, parts):
    bomb = "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n" + "".join(
        f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 6)
    )
    for name in ("a", "b"):
        (parts / f"{name}.yaml").write_text(f"{bomb}items: []\n")
    found = mistakes(text_of("items:\n  - include: parts/a.yaml\n  - include: parts/b.yaml\n"))
    assert any("values in included files" in one for one in found)


def test_the_pinned_copy_holds_them_and_needs_no_original(
    load, parts, registry, tmp_path, monkeypatch
):
    monkeypatch.setattr("runbook_app.adapters.plan_pin.InstalledActions", lambda: registry)
    plan = load(text_of())
    folder = tmp_path / "session"
    folder.mkdir()
    pin(folder, plan)
    for file in ("first.yaml", "look.yaml"):
        (parts / file).unlink()
    kept = pinned_plan(folder, plan.path, {"path": "a.txt"}, created="2026-01-01T00:00:00Z")
    assert (kept.sha256, [s.id for _, s in kept.steps()]) == (
        plan.sha256,
        [s.id for _, s in plan.steps()],
    )
    assert changed_lines(kept, Path(plan.path)) == ""


def test_a_change_is_named_in_its_own_file(load, parts, registry, tmp_path, monkeypatch):
    monkeypatch.setattr("runbook_app.adapters.plan_pin.InstalledActions", lambda: registry)
    plan = load(text_of())
    folder = tmp_path / "session"
    folder.mkdir()
    pin(folder, plan)
    kept = pinned_plan(folder, plan.path, {"path": "a.txt"}, created="2026-01-01T00:00:00Z")
    assert changed_lines(kept, Path(plan.path)) == ""
    (parts / "first.yaml").write_text(FIRST.replace("title: First", "title: Changed"))
    found = changed_lines(kept, Path(plan.path)).splitlines()
    assert found == [
        "--- pinned",
        f"+++ {parts / 'first.yaml'}",
        "@@ -5 +5 @@",
        "-    title: First",
        "+    title: Changed",
    ]
    Path(plan.path).write_text(text_of().replace("title: Second", "title: Other"))
    assert "+    title: Other" in changed_lines(kept, Path(plan.path))
    assert "+    title: Changed" in changed_lines(kept, Path(plan.path))


def test_a_plan_that_changed_while_it_was_read_is_not_pinned(load, parts, tmp_path):
    plan = load(text_of())
    (parts / "look.yaml").write_text(LOOK + "# more\n")
    (tmp_path / "session").mkdir()
    with pytest.raises(Exception, match="changed while it was being read"):
        pin(tmp_path / "session", plan)


def test_a_file_with_neither_key_is_named(registry, parts, tmp_path):
    (parts / "first.yaml").write_text("items:\n  - {include: parts/look.yaml}\n")
    (tmp_path / "plan.yaml").write_text(text_of())
    with pytest.raises(Exception, match="needs the key 'items'"):
        read_plan(tmp_path / "plan.yaml", registry, {}, None, now=NOW)


def test_of_several_pinned_files_the_plan_is_found(load, registry, tmp_path, monkeypatch):
    monkeypatch.setattr("runbook_app.adapters.plan_pin.InstalledActions", lambda: registry)
    (tmp_path / "a.yaml").write_text(FIRST.replace("parts/look.yaml", "b.yaml"))
    (tmp_path / "b.yaml").write_text(LOOK.replace("${path}", "a.txt"))
    plan = load(HEAD + "items:\n  - include: a.yaml\n")
    (tmp_path / "session").mkdir()
    pin(tmp_path / "session", plan)
    assert lost_beginning(tmp_path / "session", "2026-01-01T00:00:00Z").plan_sha256 == plan.sha256

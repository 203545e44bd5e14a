"""A written plan comes to a plan that loads; nothing is lost, and each part says where from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_app.adapters.plan_import.importing import MAX_BYTES, Imported, import_plan
from runbook_app.adapters.plan_import.words import duration, timed
from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.cli import commands
from runbook_app.domain.clock import Estimate
from runbook_app.domain.errors import PlanError
from runbook_app.domain.plan import ConfirmLine, Plan
from runbook_app.domain.procedure import procedure
from tests.cli.terminal import Terminal
from tests.fuzzing import corpus, kept
from tests.plans.test_seed_lines import texts, words

SEED = Path(__file__).parent / "seed.md"
LINES = SEED.read_text(encoding="utf-8").splitlines()
REGISTRY = InstalledActions()
STEPS = re.compile(r"\d+\. \*\*(.+)\*\* \(\d+ min\)")


def load(folder: Path, text: str | bytes, name: str = "PLAN.md") -> tuple[Plan, Imported]:
    document = folder / name
    document.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = import_plan(document)
    path = folder / "plan.yaml"
    path.write_text(found.text, encoding="utf-8", newline="")
    return read_plan(path, REGISTRY, {}, None), found


def under(heading: str) -> list[tuple[int, str]]:
    """Lines of the seed below a heading, to the next of its level, numbered from 1."""
    start = LINES.index(heading)
    level = heading.split(" ", maxsplit=1)[0] + " "
    end = next(
        (at for at in range(start + 1, len(LINES)) if LINES[at].startswith((level, "## "))),
        len(LINES),
    )
    return [(at + 1, LINES[at]) for at in range(start + 1, end)]


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Imported]:
    return load(tmp_path_factory.mktemp("seed"), SEED.read_bytes(), "seed.md")


HEADED = {
    2: "### Item 2: TLS/HTTPS Enforcement ⏳ READY",
    3: "### Item 3: Database Hardening ⏳ READY",
    4: "### Item 4: Secrets Management ⏳ READY",
}
CHECKPOINTS = {
    2: "### Checkpoint 1: Before Item 2",
    3: "### Checkpoint 2: Before Item 3",
    4: "### Checkpoint 3: Before Item 4",
    7: "### Checkpoint 4: Before Sign-off",
}


def test_every_item_of_the_seed_is_there(seed):
    plan, _ = seed
    assert {item.number: item.title for item in plan.items} == {
        1: "API Security Headers",
        2: "TLS/HTTPS Enforcement",
        3: "Database Hardening",
        4: "Secrets Management",
        5: "Rate Limiting",
        6: "Input Validation Enhancement",
        7: "Final Verification & Sign-off",
    }
    assert plan.items[-1].sign_off
    assert {i.number: i.declared_status for i in plan.items if i.declared_status} == {
        1: "COMPLETE",
        2: "READY",
        3: "READY",
        4: "READY",
        5: "COMPLETE",
        6: "NOT REQUIRED (Item 1 covers)",
    }
    assert [item.number for item in plan.items if item.not_required] == [6]
    estimates = {item.number: str(item.estimate) for item in plan.items if item.estimate}
    assert estimates == {2: "2h-3h", 3: "3h-4h", 4: "4h-6h"}


@pytest.mark.parametrize("number", HEADED)
def test_every_step_of_the_seed_is_there_with_its_time_and_place(seed, number):
    plan, _ = seed
    wanted = [(at, found[1]) for at, text in under(HEADED[number]) if (found := STEPS.match(text))]
    assert len(wanted) in (5, 7)
    (item,) = (item for item in plan.items if item.number == number)
    assert [(step.source, step.title) for step in item.steps] == [
        (f"seed.md:{at}", title) for at, title in wanted
    ]
    assert all(step.estimate for step in item.steps)
    assert all(step.call.action == "manual.instruct" for step in item.steps)


@pytest.mark.parametrize("number", CHECKPOINTS)
def test_every_checkpoint_line_of_the_seed_is_there(seed, number):
    plan, _ = seed
    wanted = [
        (f"seed.md:{at}", words(text))
        for at, text in under(CHECKPOINTS[number])
        if text.startswith("- [ ]")
    ]
    assert len(wanted) == (6 if number == 7 else 4)
    (item,) = (item for item in plan.items if item.number == number)
    lines = [line for line in item.checkpoint if isinstance(line, ConfirmLine)]
    assert [(line.source, words(line.title)) for line in lines] == wanted


@pytest.mark.parametrize(("number", "count"), [(2, 10), (3, 11), (4, 13), (7, 10)])
def test_every_success_criterion_of_the_seed_is_there(seed, number, count):
    plan, _ = seed
    if number == 7:
        own = under("### Overall Phase 1 Sign-off")
    else:
        section = under(HEADED[number])
        start = next(i for i, (_, text) in enumerate(section) if "Success Criteria" in text)
        verified = under("### Per-Item Verification")
        first = next(i for i, (_, text) in enumerate(verified) if f"**Item {number}:" in text)
        rest = [text.startswith("**Item") for _, text in verified[first + 1 :]]
        end = first + 1 + (rest.index(True) if True in rest else len(rest))
        own = section[start:] + verified[first:end]
    wanted = {(f"seed.md:{at}", words(text)) for at, text in own if text.startswith("- ")}
    assert len(wanted) == count
    (item,) = (item for item in plan.items if item.number == number)
    found = {
        (place, words(line.title)) for line in item.success for place in line.source.split(", ")
    }
    assert found == wanted


def test_every_risk_of_the_seed_is_there(seed):
    plan, _ = seed
    heads = [(at, text) for at, text in under("## Risk Mitigation") if text.startswith("### ")]
    assert [(risk.source, risk.title) for risk in plan.risks] == [
        (f"seed.md:{at}", text.removeprefix("### ")) for at, text in heads
    ]
    assert [risk.rollback for risk in plan.risks[:3]] == [
        "git checkout docker-compose.staging.yml",
        "alembic downgrade base",
        "git checkout src/core/",
    ]
    assert all(str(risk.budget) == "5m" for risk in plan.risks[:3])


MARKUP = re.compile(r"[|\s-]*|\s*```\w*\s*")
KEYS = re.compile(
    r"^(?:- )?(?:\*\*)?(?:What|Why|Duration|Mitigation|Success Criteria|Rollback|"
    r"Files to (?:Create|Modify)):(?:\*\*)?"
    r"|^### Item \d:|^### Checkpoint \d: Before .*|\*\*Item \d:.*✓\*\*$"
)
"""What a key of the plan says in the document's stead."""


def timed_out(text: str) -> str:
    """A line without the time or the note at its end, and without a status."""
    return re.sub(r"\s+\([^()]*\)$|\s+⏳ READY$|⏳|✅", "", text.replace("hours", "h"))


def test_no_line_of_the_seed_is_lost(seed):
    plan, found = seed
    everything = f" {' '.join(words(text) for text in texts(plan))} "
    lost = []
    for number, text in enumerate(LINES, 1):
        cells = text.split("|") if text.startswith("|") else [KEYS.sub("", text)]
        lost += [
            (number, cell)
            for cell in cells
            if not MARKUP.fullmatch(cell)
            and not any(f" {word} " in everything for word in (words(cell), words(timed_out(cell))))
        ]
    assert lost == []
    assert found.left == ()


def test_the_score_the_source_claims_is_there_and_its_words_are_not_taken_on_trust(seed):
    plan, _ = seed
    score = plan.score
    assert (score.declared_current, score.declared_target) == (70, 95)
    assert [(c.name, c.declared_current) for c in score.categories] == [
        ("API Security", 100),
        ("Transport Security", 40),
        ("Data Security", 50),
        ("Secrets Management", 60),
        ("Audit Logging", 50),
    ]
    assert plan.version == "1.0"
    assert plan.approval == "APPROVED FOR EXECUTION"
    assert plan.target.compose == "docker-compose.staging.yml"


def test_code_stays_in_the_instructions(seed):
    plan, _ = seed
    _, step = plan.step("tls-https-enforcement.generate-ssl-certificates")
    assert step.instructions.splitlines()[0] == "```bash"
    assert '  -out certs/cert.pem -days 365 -nodes -subj "/CN=localhost"' in step.instructions


def test_import_then_render_then_import_keeps_items_steps_and_lines(seed, tmp_path):
    plan, _ = seed
    again, _ = load(tmp_path, procedure(plan))
    assert outline(again) == outline(plan)
    assert [risk.title for risk in again.risks] == [risk.title for risk in plan.risks]


def outline(plan: Plan) -> list[object]:
    return [
        (
            item.number,
            item.title,
            item.declared_status,
            str(item.estimate),
            [(step.title, str(step.estimate), step.block) for step in item.steps],
            [line.title for line in item.checkpoint],
            [line.title for line in item.success],
        )
        for item in plan.items
    ]


def test_rendered_code_is_code_and_an_open_fence_is_text(seed):
    plan, _ = seed
    page = procedure(plan)
    assert "\n```bash\nmkdir -p certs\n" in page
    assert '\n  -out certs/cert.pem -days 365 -nodes -subj "/CN=localhost"\n```\n' in page


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("~1.5h", "1.5h"),
        ("30-45 min", "30m-45m"),
        ("1h 30m", "1h30m"),
        ("1 hour 30 minutes", "1h30m"),
        ("2–3 hours", "2h-3h"),
        ("10 min to 1 hour", "10m-1h"),
        ("45+ min", "45m"),
        ("1,5 h", "1.5h"),
        ("90s", "90s"),
        ("about 2 days", "2d"),
        ("soon", None),
        ("half an hour", None),
        ("3-2 hours", None),
        ("100ms", None),
        ("99999999999 hours", None),
        ("", None),
    ],
)
def test_durations_as_people_write_them(text, wanted):
    assert duration(text) == wanted
    if wanted:
        Estimate.parse(wanted)


def test_what_only_looks_like_a_duration_stays_in_the_title_and_is_named():
    assert timed("Wait (about half an hour)") == (
        "Wait (about half an hour)",
        "",
        "about half an hour",
    )
    assert timed("Run the suite (all 4 items together)")[2] == ""
    assert timed("Copy it - 5 min") == ("Copy it", "5m", "")


SMALL = "# P\n\nuses compose.yaml\n\n## Item 1: One\n\n1. First (5 min)\n"

DOUBTFUL = [
    (SMALL + "2. Second (few min)\n", 8, "'few min' is no duration that is understood"),
    (SMALL + "\n**Duration:** soonish\n", 9, "'soonish' is no duration that is understood"),
    (SMALL + "\n## Item 1: Two\n\n1. A\n", 9, "there is an item 1 already"),
    (SMALL + "\n## Item 9999: Two\n\n1. A\n", 9, "none can have that number"),
    (SMALL + "\n```sh\nls\n", 9, "the code block that begins here is never closed"),
    (SMALL + "\n## Item 2: Two\n\nWords.\n", 9, "item 2 has no numbered steps"),
    (SMALL + "\n## Deploy\n\n1. A\n", 11, "its heading names no item"),
    (SMALL + "\n## Checkpoint 1: Before Item 7\n\n- [ ] A\n", 9, "belongs to no item"),
    (SMALL + "\n**Files to Create:**\n\n- /etc/x\n", 11, "'/etc/x' is no file in the target"),
    (SMALL.replace("compose.yaml", "x"), 1, "the document names no Compose file"),
]


@pytest.mark.parametrize(("text", "line", "message"), DOUBTFUL)
def test_what_is_doubtful_is_said_with_its_line_and_what_to_do(tmp_path, text, line, message):
    _, found = load(tmp_path, text)
    (note,) = found.notes
    assert note.position.line == line
    assert message in note.message
    assert note.warning
    assert len(note.message) > len(message) + 10


LEFT = [
    ("<div>\nmarker\n</div>\n", 9, 11, "HTML"),
    ("[marker]: http://a.example\n", 9, 9, "a link's definition"),
    ("| a |\n| - |\n| b | marker |\n", 11, 11, "more cells"),
    ("> " * 80 + "marker\n", 9, 9, "nested too deep"),
]


@pytest.mark.parametrize(("text", "first", "last", "why"), LEFT)
def test_what_could_not_be_placed_is_listed_and_kept_in_comments(tmp_path, text, first, last, why):
    _, found = load(tmp_path, f"{SMALL}\n{text}")
    (left,) = found.left
    assert left.position.line == first
    assert f"to line {last}" in left.message
    assert why in left.message
    end = found.text.partition("# Not placed: 1\n")[2]
    assert f"# PLAN.md:{first}-{last}: " in end
    assert "marker" in end


REFUSED = [
    (b"", "1:1", "no steps were found"),
    (b"Only words.\n\n- a list\n", "1:1", "no steps were found"),
    (b"# A\n\n## B\n\ntext\n", "1:1", "no steps were found"),
    ("# Überblick\n".encode("latin-1"), "1:3", "byte 0xdc is not UTF-8"),
    (SMALL.encode("utf-16"), "1:1", "the file is UTF-16"),
    (b"a" * (MAX_BYTES + 1), "1:1", "split it, and import each part"),
]


@pytest.mark.parametrize(("data", "place", "message"), REFUSED)
def test_a_document_that_gives_no_plan_is_refused_with_its_reason(tmp_path, data, place, message):
    path = tmp_path / "PLAN.md"
    path.write_bytes(data)
    found = CliRunner().invoke(commands, ["import", str(path)])
    assert found.exit_code == 2
    assert f"PLAN.md:{place}: error: " in found.stderr
    assert message in found.stderr
    assert found.stdout == ""


def test_a_document_without_headings_is_one_item(tmp_path):
    plan, _ = load(tmp_path, "Words before.\n\n1. Stop it (1h 30m)\n2. Start it\n", "by-hand.md")
    (item,) = plan.items
    assert (plan.id, item.title, item.what) == ("by-hand", "by-hand", "Words before.")
    assert [(s.title, str(s.estimate or "")) for s in item.steps] == [
        ("Stop it", "1h30m"),
        ("Start it", ""),
    ]


def test_headings_without_numbers_are_items_where_they_have_numbered_steps(tmp_path):
    text = "# Move\n\n## Overview\n\nWords.\n\n## Prepare\n\n1. A\n\n## Go\n\n### Step 1: B\n\nD.\n"
    plan, _ = load(tmp_path, text + "\n## Risks\n\n- It breaks\n")
    assert [(item.title, [s.title for s in item.steps]) for item in plan.items] == [
        ("Prepare", ["A"]),
        ("Go", ["B"]),
    ]
    assert plan.items[1].steps[0].instructions == "D."
    assert [risk.title for risk in plan.risks] == ["It breaks"]
    assert [section.title for section in plan.baseline] == ["Move", "Overview"]


def test_equal_names_get_ids_of_their_own(tmp_path):
    plan, _ = load(tmp_path, "## Item 1: A\n\n1. B\n2. B\n\n## Item 2: A\n\n1. 数\n2. 数\n")
    assert [item.id for item in plan.items] == ["a", "a-2"]
    assert [step.id for _, step in plan.steps()] == ["a.b", "a.b-2", "a-2.step-8", "a-2.step-9"]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends_give_the_same_plan(tmp_path, seed, end):
    plan, _ = seed
    text = SEED.read_text(encoding="utf-8").replace("\n", end)
    again, _ = load(tmp_path, text, "seed.md")
    assert outline(again) == outline(plan)
    assert [s.source for _, s in again.steps()] == [s.source for _, s in plan.steps()]


def test_a_documents_words_stay_words(tmp_path):
    plan, _ = load(
        tmp_path,
        "## Item 1: no\n\n**What:** 10:30\n\n"
        "1. on (5 min)\n   - 1_000 ${HOME} $${x} 'q' \"q\" \x1b[31m\n2. 010\n",
    )
    (item,) = plan.items
    assert (item.title, item.what) == ("no", "10:30")
    assert [step.title for step in item.steps] == ["on", "010"]
    assert item.steps[0].instructions == "- 1_000 ${HOME} $${x} 'q' \"q\" \x1b[31m"


def test_it_is_printed_or_written_and_never_over_a_file_that_is_there(tmp_path):
    run, output = CliRunner(), tmp_path / "plan.yaml"
    printed = run.invoke(commands, ["import", str(SEED)])
    assert printed.exit_code == 0
    assert printed.stdout.startswith("# yaml-language-server: $schema=runbook.schema.json\nplan: ")
    counts = "Imported: 7 items, 27 steps, 18 checkpoint lines, 43 success criteria, 5 risks"
    assert counts in printed.stderr
    assert "Not placed: 0." in printed.stderr
    written = run.invoke(commands, ["import", str(SEED), "--output", str(output)])
    assert written.exit_code == 0
    assert written.stdout == ""
    assert output.read_text(encoding="utf-8") == printed.stdout
    output.write_text("mine", encoding="utf-8")
    again = run.invoke(commands, ["import", str(SEED), "--output", str(output)])
    assert again.exit_code == 2
    assert "is there already, and was left as it is" in again.stderr
    assert output.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 2, "mine"), ("y", 0, "# yaml-lang")])
def test_on_a_terminal_a_file_is_replaced_when_a_person_says_so(tmp_path, answer, code, left):
    output = tmp_path / "plan.yaml"
    output.write_text("mine", encoding="utf-8")
    arguments = ["runbook", "import", str(SEED), "--output", str(output)]
    run = f"import sys; sys.argv = {arguments}; from runbook_app.cli import main; main()"
    terminal = Terminal(run, output=tmp_path / "out")
    terminal.answer("[y/N]:", answer)
    assert terminal.end() == code
    assert output.read_text(encoding="utf-8").startswith(left)


def test_the_imported_seed_passes_check_with_the_contradictions_of_the_seed_itself(tmp_path):
    output = tmp_path / "plan.yaml"
    run = CliRunner()
    run.invoke(commands, ["import", str(SEED), "--output", str(output)])
    checked = run.invoke(commands, ["check", str(output)])
    assert checked.exit_code == 0
    assert "7 items, 27 steps, no errors" in checked.stdout
    for contradiction in (
        "the declared current score is 70, but its categories come to 60",
        "the block's lines add up to 3h30m, not to 3h",
        "the items' own estimates add up to 9h-13h, not to 4h-6h",
        "'alembic downgrade base' would take the whole schema away",
    ):
        assert contradiction in checked.stderr


# Whatever stands in the document

BOUNDED = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PIECES = st.sampled_from(
    [
        *("# ", "## ", "### ", "## Item 1: ", "### Item 2: ", "## Risks", "### Risk 1: "),
        *("## Checkpoint 1: Before Item 1", "### Before Sign-off", "## Timeline", "## Schedule"),
        *("1. ", "2) ", "- ", "* ", "- [ ] ", "   ", "    ", "> ", "```", "~~~sh", "***", "---"),
        *("**Steps:**", "**Success Criteria:**", "**Files to Create:**", "**Duration:** ", "**"),
        *("| a | b |", "|---|---|", "<b>", "<!-- ", "-->", "[x]: ", "[a](b)", "![i](u)", "`"),
        *("(5 min)", "(~1.5h)", "(30-45 min)", "✅ ", "⏳ ", "Item 3: ", "(Item 4) - ", "${", "&"),
        *("**Block 1: Item 1 (8:00-9:00 UTC)**", "8:00-8:05 UTC: ", "Version: ", "\\", ": ", "no"),
        *("\n", "\n\n", "\n", "\n\n", "\t", "\r\n", "\0", "\x1b[2J", "\u2028", "é", "数"),
    ]
)


def survive(folder: Path, data: bytes) -> Imported | None:
    """The document gives a plan that loads, or an error with a place."""
    try:
        _, found = load(folder, data)
    except PlanError as error:
        (mistake, *_) = error.mistakes
        assert mistake.position.file.endswith("PLAN.md")
        assert "\x1b" not in mistake.render()
        return None
    for note in (*found.notes, *found.left):
        assert "\x1b" not in note.render()
        assert 1 <= note.position.line <= len(re.split("\r\n|\r|\n", data.decode("utf-8-sig"))) + 1
    return found


@corpus("documents")
def test_the_corpus_of_documents(tmp_path, data):
    found = survive(tmp_path, data)
    if found is not None:
        said = data.decode("utf-8-sig")
        assert [w for w in re.findall(r"w\d+w", said) if w not in found.text] == []


@given(data=st.binary(max_size=300))
@BOUNDED
def test_any_bytes_as_a_document(tmp_path, data):
    with kept("documents", data):
        survive(tmp_path, data)


@given(pieces=st.lists(st.one_of(PIECES, st.just(None)), max_size=40))
@BOUNDED
def test_no_word_of_a_document_is_lost(tmp_path, pieces):
    numbered = (f"w{at}w " if piece is None else piece for at, piece in enumerate(pieces))
    text = "".join(numbered) + "\n\n## Item 1: End\n\n1. Go\n"
    with kept("documents", text.encode()):
        found = survive(tmp_path, text.encode())
        if found is not None:
            lost = [w for w in re.findall(r"w\d+w", text) if w not in found.text]
            assert lost == []

"""Every line of the master plan is in the shipped plan.

`seed_map.tsv` names, for each line of `seed.md`, the part of the plan that carries it and the words
that must stand there: `=` for the line's own words, `+` for a heading whose part it is, `-` for
lines that are markup alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.plan import Call, Plan
from runbook_app.resources import shipped_plans

HERE = Path(__file__).parent
SEED = (HERE / "seed.md").read_text(encoding="utf-8").splitlines()
NUMBERED = {number: line for number, line in enumerate(SEED, 1) if line.strip()}
MAPPED = {
    int(number): (path, wanted)
    for number, path, wanted in (
        row.split("\t") for row in (HERE / "seed_map.tsv").read_text(encoding="utf-8").splitlines()
    )
}
HEADING = re.compile(r"#+ |\*\*.+\*\*$")
MARKUP = re.compile(r"[|\s-]+|\s*```\w*\s*|#+ *")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return read_plan(
        shipped_plans() / "phase1_security_hardening.yaml", InstalledActions(), {}, None
    )


def test_every_line_of_the_seed_is_mapped():
    assert NUMBERED.keys() == MAPPED.keys()


def test_only_markup_is_left_out():
    left_out = [NUMBERED[number] for number, (path, _) in MAPPED.items() if path == "-"]
    assert [line for line in left_out if not MARKUP.fullmatch(line)] == []


def test_only_headings_are_mapped_without_their_words():
    bare = [NUMBERED[number] for number, (_, wanted) in MAPPED.items() if wanted == "+"]
    assert [line for line in bare if not HEADING.match(line.strip())] == []


def test_the_words_of_each_line_stand_where_the_map_says(plan):
    lost = [
        f"{number}: {NUMBERED[number]!r} at {path}"
        for number, (path, wanted) in MAPPED.items()
        if path != "-" and not carried(plan, path, NUMBERED[number], wanted)
    ]
    assert lost == []


def test_a_mapped_line_that_the_plan_loses_is_noticed(plan):
    assert carried(plan, "principles", "1. **One Item at a Time:** Complete each item", "=")
    assert not carried(plan, "principles", "1. **One Item at a Time:** Complete every item", "=")
    assert not carried(plan, "items/tls/steps/nothing", "anything", "+")


def carried(plan: Plan, path: str, line: str, wanted: str) -> bool:
    part = find(plan, path)
    if part is None:
        return False
    if wanted == "+":
        return bool(part)
    there = [words(text) for text in texts(part)]
    there.append(" ".join(there))
    needed = [line] if wanted == "=" else wanted.split("|")
    return all(any(words(text) in have for have in there) for text in needed)


def find(part: object, path: str) -> object | None:
    """Follow a path of attributes and ids: `items/tls/steps/certificates`."""
    for name in path.split("/"):
        if isinstance(part, tuple):
            part = next((entry for entry in part if identity(entry) == name), None)
        else:
            part = getattr(part, name, None)
        if part is None:
            return None
    return part


def identity(entry: object) -> str:
    return str(getattr(entry, "id", getattr(entry, "name", ""))).rpartition(".")[2]


def texts(part: object) -> Iterator[str]:
    """All text of a part of the plan, line by line."""
    if isinstance(part, str):
        yield from part.splitlines()
    elif isinstance(part, Call):
        yield f"{part.action} {part.parameters}"
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield f"{key} {value}"
    elif isinstance(part, tuple):
        for entry in part:
            yield from texts(entry)
    elif isinstance(part, msgspec.Struct):
        for field in msgspec.structs.fields(part):
            yield from texts(getattr(part, field.name))
    else:
        yield str(part)


def words(text: str) -> str:
    """A line without Markdown, symbols and case."""
    text = re.sub(r"\[([^\]]*)\]\(([^)]*)\)", r"\1 \2", text.replace("->", "→"))
    text = re.sub(r"^\s*([-*]|\d+\.)\s+(\[ \]\s+)?", "", text).lower()
    return re.sub(r"[^a-z0-9%<>&+/@$._=→-]+", " ", text).strip(" .-")

"""A draft as a plan's file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from runbook_app.adapters.plan_import.document import Document
from runbook_app.adapters.plan_import.draft import (
    GROUPS,
    Draft,
    ItemDraft,
    Names,
    SectionDraft,
    StepDraft,
)
from runbook_app.adapters.plan_import.words import title_of

SCHEMA = "# yaml-language-server: $schema=runbook.schema.json"


class _Dumper(yaml.SafeDumper):
    """PyYAML's own in Python, for libyaml's writes pictures and rarer letters as escapes."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text(dumper: Any, text: str) -> Any:
    readable = all(line.isprintable() and not line.endswith(" ") for line in text.split("\n"))
    style = "|" if "\n" in text and readable and not text[:1].isspace() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def write(draft: Draft, document: Document, file: str) -> str:
    """The plan as YAML; what could not be placed stands in comments at its end.

    Args:
        file: the document's name, for the plan's `source` keys.
    """
    body = yaml.dump(
        _escaped(_Writer(draft, file).plan()),
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        width=100,
    )
    return "\n".join([SCHEMA, body, *_remains(document, file)]).rstrip() + "\n"


def _remains(document: Document, file: str) -> Iterator[str]:
    if document.remains:
        yield f"# Not placed: {len(document.remains)}"
    for found in document.remains:
        yield f"# {file}:{found.first}-{found.last}: {found.why}"
        for line in document.lines[found.first - 1 : found.last]:
            yield f"#   {''.join(c if c.isprintable() else ' ' for c in line)}".rstrip()


def _escaped(value: Any) -> Any:
    """The document's `${` is no variable of the plan."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _escaped(inner) for key, inner in value.items()}
    return value


class _Writer:
    def __init__(self, draft: Draft, file: str) -> None:
        self._draft = draft
        self._file = file

    def plan(self) -> dict[str, Any]:
        draft = self._draft
        items, risks = Names(), Names()
        return _given(
            plan=Names().of(draft.title, "imported"),
            title=draft.title,
            version=draft.version,
            approval=draft.approval,
            next_action=draft.next_action,
            target={"compose": draft.compose},
            score=self._score(),
            items=[self._item(item, items) for item in draft.items],
            risks=[
                _given(
                    id=risks.of(risk.title, f"risk-{risk.number}"),
                    title=risk.title,
                    mitigation=risk.mitigation,
                    rollback=risk.rollback,
                    budget=risk.budget,
                    source=self._source(risk.number),
                )
                for risk in draft.risks
            ],
            **{name: list(self._sections(draft.groups[name])) for name in GROUPS},
            principles=draft.principles,
            troubleshooting=draft.troubleshooting,
        )

    def _source(self, *numbers: int) -> str:
        return ", ".join(f"{self._file}:{number}" for number in numbers)

    def _score(self) -> dict[str, Any]:
        draft = self._draft
        if not draft.categories:
            return {}
        current, target = draft.declared or (None, None)
        return _given(
            declared={} if draft.declared is None else {"current": current, "target": target},
            categories=[
                {"name": c.name, "declared": {"current": c.current, "target": c.target}}
                for c in draft.categories
            ],
        )

    def _sections(self, sections: Iterable[SectionDraft]) -> Iterator[dict[str, Any]]:
        names = Names()
        for section in sections:
            yield _given(
                id=names.of(section.title, f"section-{section.number}"),
                title=section.title,
                lines=section.lines,
                source=self._source(section.number),
            )

    def _item(self, item: ItemDraft, items: Names) -> dict[str, Any]:
        lines, steps = Names(), Names()
        told = item.told
        return _given(
            id=items.of(item.title, f"item-{item.place}"),
            number=item.place,
            title=item.title,
            what=told.get("what", ""),
            why=told.get("why", ""),
            priority=told.get("priority", ""),
            estimate=told.get("estimate", ""),
            declared_status=told.get("declared_status", ""),
            not_required=told.get("not_required", ""),
            source=self._source(item.number),
            checkpoint=[
                {
                    "confirm": text,
                    "id": lines.of(text, f"line-{at[0]}"),
                    "source": self._source(*at),
                }
                for text, at in item.checkpoint.items()
            ],
            steps=[self._step(step, steps) for step in item.steps],
            success=[
                {
                    "id": lines.of(text, f"line-{at[0]}"),
                    "title": title_of(text)[0],
                    "check": "manual.confirm",
                    "with": {"text": text},
                    "source": self._source(*at),
                }
                for text, at in item.success.items()
            ],
            creates=_files(item.creates),
            modifies=_files(item.modifies),
            sign_off=item.sign_off,
        )

    def _step(self, step: StepDraft, steps: Names) -> dict[str, Any]:
        return _given(
            id=steps.of(step.title, f"step-{step.number}"),
            title=step.title,
            instructions="\n".join(step.instructions),
            estimate=step.estimate,
            block=step.block,
            action="manual.instruct",
            source=self._source(step.number),
        )


def _files(files: list[tuple[str, str]]) -> list[Any]:
    return [{"path": path, "note": note} if note else path for path, note in files]


def _given(**values: Any) -> dict[str, Any]:
    """Only the keys that have a value."""
    return {key: value for key, value in values.items() if value not in ("", [], {}, False, None)}

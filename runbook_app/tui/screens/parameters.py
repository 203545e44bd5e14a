"""Edits a step's parameters as YAML before it is retried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.widgets import Static, TextArea

from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import DialogHelp, LeaveIt, Retry
from runbook_app.tui.screens.dialog import Dialog, label
from runbook_app.tui.view.words import Tone

if TYPE_CHECKING:
    from textual.app import ComposeResult


class NotParameters(Exception):
    """The text is no mapping of parameters; says why."""


def as_text(parameters: Mapping[str, object]) -> str:
    import msgspec
    import yaml

    plain = msgspec.to_builtins(dict(parameters))
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)) if plain else ""


def from_text(text: str) -> dict[str, object]:
    """Read parameters; JSON is YAML too.

    Raises:
        NotParameters: it is neither, or no mapping with names as keys.
    """
    import yaml

    try:
        found = yaml.safe_load(text) if text.strip() else {}
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        raise NotParameters(
            f"That is not YAML{line}: {getattr(error, 'problem', error)}"
        ) from error
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise NotParameters("Parameters are lines of `name: value`.")
    return found


class ParametersDialog(Dialog[dict[str, object]]):
    DEFAULT_CSS = """
    ParametersDialog TextArea { height: 14; max-height: 1fr; }
    """
    KEYS = (Retry(), LeaveIt(), DialogHelp())

    def __init__(self, step: str, parameters: Mapping[str, object]) -> None:
        super().__init__()
        self._step = step
        self._text = as_text(parameters)

    def compose(self) -> ComposeResult:
        with self.framed(f"Parameters of {self._step}"):
            yield Static(
                paint.line(label("YAML or JSON. The plan's version is kept beside yours."))
            )
            yield TextArea(self._text, id="parameters", tab_behavior="focus")
            yield Static(id="mistake", classes="error")

    def action_retry(self) -> None:
        try:
            found = from_text(self.query_one(TextArea).text)
        except NotParameters as error:
            self.query_one("#mistake", Static).update(paint.line(label(str(error), Tone.BAD)))
        else:
            self.dismiss(found)

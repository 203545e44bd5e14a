"""Steps that give a command in place of an action: `shell`, `sql`, `python` and their siblings.

Each is read as a call of an action of `actions.command`, whose parameters are the step's own keys.
"""

from __future__ import annotations

from runbook_app.adapters.plan_file import keys
from runbook_app.adapters.plan_file.kinds import NAME_PATTERN
from runbook_app.adapters.plan_file.nodes import Mapping, Node, Scalar, Sequence, key_mark
from runbook_app.adapters.plan_file.reading import Fields, Reading
from runbook_app.adapters.plan_file.scalars import shorten
from runbook_app.domain.plan import Call

LANGUAGES = ("shell", "sql", "python")
_NAMED_BY = ("action", *LANGUAGES)
_ACTIONS = frozenset(f"command.{language}" for language in LANGUAGES)
_STANDS_BESIDE = {
    "with": ("action", "sql"),
    "env": ("shell", "python"),
    "check": LANGUAGES,
    "changes": LANGUAGES,
    "capture": ("shell", "python"),
    "rollback": LANGUAGES,
}
_NOT_BESIDE_AN_ACTION = frozenset(LANGUAGES) | {
    key for key, languages in _STANDS_BESIDE.items() if "action" not in languages
}
_OF_AN_EFFECT = ("check", "capture", "rollback")
_WHY = {
    ("check", "action"): "an action has a check of its own",
    ("changes", "action"): "an action says itself whether it changes anything",
    ("capture", "action"): "an action captures what it changes",
    ("rollback", "action"): "an action's item has a 'rollback'",
    ("capture", "sql"): "the database is captured by itself",
    ("env", "sql"): "values are bound to a query",
    ("with", "shell"): "a command has values in its environment",
    ("with", "python"): "a command has values in its environment",
}
_MEANT = {("env", "sql"): "with", ("with", "shell"): "env", ("with", "python"): "env"}


def call_of(reading: Reading, fields: Fields) -> tuple[Fields, dict[str, str]]:
    """A step's fields as those of a call, `action` and `with`, and how parameters are written in
    the plan; what is wrong with them is noted."""
    if "action" in fields.entries and _NOT_BESIDE_AN_ACTION.isdisjoint(fields.entries):
        return fields, {}
    given = [key for key in _NAMED_BY if key in fields.entries]
    for key in given[1:]:
        mark = key_mark(reading.source, fields.node, key)
        message = f"a step has one of 'action', 'shell', 'sql' and 'python'; this has {given[0]!r}"
        reading.source.wrong(mark, message)
    language = given[0] if given else ""
    if language:
        _check_siblings(reading, fields, language)
    elif not fields.broken:
        message = f"{fields.what} needs the key 'action', or one of 'shell', 'sql' and 'python'"
        reading.wrong(fields.node, message)
        return Fields(reading, Mapping({}, fields.node.mark), {}, fields.what, broken=True), {}
    if language not in LANGUAGES:
        return fields, {}
    return _Command(reading, fields, language).call(), {"command": language, "values": "with"}


def language_of(step: Mapping) -> str:
    """Which of its keys a step has its command under; empty where it calls an action."""
    return next((key for key in LANGUAGES if key in step.entries), "")


def is_command(call: Call) -> bool:
    """Whether a call is a command that changes something."""
    return call.action in _ACTIONS


def has_no_rollback(call: Call) -> bool:
    """Whether it is a command with nothing that takes it back."""
    return is_command(call) and not call.parameters.get("rollback")


def is_taken_care_of(call: Call) -> bool:
    """Whether it is a command that says how what it changes is taken back."""
    return is_command(call) and any(call.parameters.get(key) for key in ("rollback", "capture"))


def _check_siblings(reading: Reading, fields: Fields, language: str) -> None:
    for key in fields.entries:
        languages = _STANDS_BESIDE.get(key)
        if languages is None or language in languages:
            continue
        *others, last = (repr(name) for name in languages)
        named = f"{', '.join(others)} or {last}"
        why = _WHY.get((key, language), "")
        mark = key_mark(reading.source, fields.node, key)
        reading.source.wrong(
            mark,
            f"{key!r} stands beside {named}" + (f"; {why}" if why else ""),
            suggestion=_MEANT.get((key, language), ""),
        )


class _Command:
    """One step's command."""

    def __init__(self, reading: Reading, fields: Fields, language: str) -> None:
        self._reading = reading
        self._fields = fields
        self._language = language
        self._nothing = "changes" in fields
        if self._nothing:
            fields.choice("changes", ("nothing",), "nothing")

    def call(self) -> Fields:
        fields, language = self._fields, self._language
        given: dict[str, Node] = {"command": fields.entries[language]}
        if "env" in fields and language != "sql":
            given["env"] = self._named("env")
        if "with" in fields and language == "sql":
            given["values"] = self._named("with")
        if self._nothing:
            self._nothing_else()
        else:
            given |= self._effect()
        mark = fields.node.mark
        action = f"command.{language}_holds" if self._nothing else f"command.{language}"
        entries: dict[str, Node] = {
            "action": Scalar(action, False, given["command"].mark),
            "with": Mapping(given, mark),
        }
        return Fields(self._reading, Mapping(entries, mark), entries, fields.what)

    def _effect(self) -> dict[str, Node]:
        """The parameters of a command that changes something."""
        fields = self._fields
        given = {key: fields.entries[key] for key in ("check", "rollback") if key in fields}
        if "check" not in fields:
            message = f"a {self._language} step needs the key 'check', or 'changes: nothing'"
            self._reading.wrong(fields.node, message)
        given.setdefault("check", Scalar("true", False, fields.node.mark))
        if "capture" in fields and self._language != "sql":
            given["capture"] = self._capture()
        return given

    def _nothing_else(self) -> None:
        for key in _OF_AN_EFFECT:
            if key in self._fields:
                mark = key_mark(self._reading.source, self._fields.node, key)
                self._reading.source.wrong(mark, f"a step that changes nothing has no {key!r}")

    def _capture(self) -> Node:
        """What is captured; a list of paths is short for `{files: …}`."""
        node = self._fields.entries["capture"]
        if isinstance(node, Sequence):
            node = Mapping({"files": node}, node.mark)
        if not isinstance(node, Mapping):
            message = "'capture' has to be a list of files, or {files, project, database}"
            self._fields.wrong("capture", message)
            return Mapping({}, node.mark)
        fields = self._reading.fields(node, "'capture'", keys.COMMAND_CAPTURED)
        wanted = [fields.paths("files"), fields.flag("project"), fields.flag("database")]
        if not any(wanted):
            self._fields.wrong("capture", "this captures nothing; name files, or the project")
        known = {k: v for k, v in fields.entries.items() if k in keys.COMMAND_CAPTURED}
        return Mapping(known, node.mark)

    def _named(self, key: str) -> Node:
        """A mapping whose names have to be plain ones."""
        node = self._fields.entries[key]
        if not isinstance(node, Mapping):
            return node
        for name in node.entries:
            if not NAME_PATTERN.fullmatch(name):
                mark = key_mark(self._reading.source, node, name)
                message = f"{shorten(name)} is no name; use letters, digits and _"
                self._reading.source.wrong(mark, message)
        return node

"""The `variables` of a plan as they are declared, and the values that are given for them.

A declaration is a value, a list, or a mapping that says where the value comes from: the environment
(`env`), or the operator (`prompt`). What it declares gives the variable its type.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from runbook_app.adapters.plan_file import keys
from runbook_app.adapters.plan_file.kinds import NAME_PATTERN
from runbook_app.adapters.plan_file.nodes import Mapping as MappingNode
from runbook_app.adapters.plan_file.nodes import Node, Scalar, Sequence, compose, key_mark
from runbook_app.adapters.plan_file.scalars import (
    UNCLEAR,
    Unclear,
    describe,
    resolve,
    resolve_plain,
    shorten,
)
from runbook_app.adapters.plan_file.source import Source
from runbook_app.adapters.plan_file.variables import (
    ENVIRONMENT,
    REFERENCE,
    Environment,
    closest,
)
from runbook_app.domain.answers import TAKES
from runbook_app.domain.variables import Entries, Given, Question, Value, as_option, expected

_TYPES: Mapping[str, Value] = {"text": "", "integer": 1, "number": 1.0, "boolean": False}
"""A value of each type that an answer can have."""


@dataclass(slots=True)
class Declared:
    """What a plan declares."""

    values: dict[str, Given] = field(default_factory=dict)
    """Not expanded yet; of a question its default, or a stand-in of its type."""
    questions: dict[str, Question] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    """Questions that the environment has answered."""


def read_declared(
    source: Source,
    root: MappingNode,
    environment: Environment | None = None,
    given: Container[str] = (),
) -> Declared:
    """The plan's own values, and those of the environment where it says so.

    For the names in `given`, which have a value already, the environment is not asked.
    """
    declared = Declared()
    environment = environment or Environment({})
    node = root.entries.get("variables")
    if node is None:
        return declared
    if not isinstance(node, MappingNode):
        source.wrong(node.mark, "'variables' has to be a mapping of names to values")
        return declared
    for name, value in node.entries.items():
        if not NAME_PATTERN.fullmatch(name):
            mark = key_mark(source, node, name)
            source.wrong(mark, f"{shorten(name)} is no name; use letters, digits and _")
        elif isinstance(value, MappingNode):
            asked = None if name in given else environment
            _Described(source, name, value).read(declared, asked)
        elif isinstance(value, Sequence):
            declared.values[name] = _entries(source, value, name)
        elif (read := _scalar(source, value, name)) is not None:
            declared.values[name] = read
    return declared


class _Described:
    """A variable that says where its value comes from."""

    def __init__(self, source: Source, name: str, node: MappingNode) -> None:
        self._source = source
        self._name = name
        self._node = node
        self._entries = node.entries

    def read(self, declared: Declared, environment: Environment | None) -> None:
        """Take it over, with what the environment has; None: it has a value already."""
        self._check_keys()
        choices = self._choices()
        kind = choices[0] if choices else self._kind()
        default = self._default(kind, choices)
        if kind is None:
            kind = default
        found = None
        if self._asks_environment():
            found = self._found(environment, kind, choices, has_default=default is not None)
        if "prompt" in self._entries:
            question = self._question("" if kind is None else kind, choices, default)
            declared.questions[self._name] = question
            if found is not None:
                declared.answered.add(self._name)
            if default is None:
                default = choices[0] if choices else self._stand_in(kind)
        declared.values[self._name] = next((v for v in (found, default) if v is not None), "")

    def _stand_in(self, kind: Value | None) -> Value:
        """Any value of a type."""
        return f"<{self._name}>" if kind is None or isinstance(kind, str) else kind

    def _check_keys(self) -> None:
        known = tuple(keys.DESCRIBED)
        for key in self._entries.keys() - set(known):
            mark = key_mark(self._source, self._node, key)
            named = f"{', '.join(map(repr, known[:-1]))} and {known[-1]!r}"
            message = f"unknown key {shorten(key)} in the variable {self._name!r}; it has {named}"
            self._source.wrong(mark, message, suggestion=closest(key, known))
        for key in ("type", "choices"):
            if key in self._entries and "prompt" not in self._entries:
                self._wrong(key, f"{key!r} says what a question takes, and there is no 'prompt'")

    def _wrong(self, key: str, message: str, suggestion: str = "") -> None:
        node = self._entries.get(key, self._node)
        self._source.wrong(
            node.mark, f"the variable {self._name!r}: {message}", suggestion=suggestion
        )

    def _kind(self) -> Value | None:
        """A value of the type that is written; None where none is."""
        node = self._entries.get("type")
        if node is None:
            return None
        name = node.text if isinstance(node, Scalar) else ""
        if name not in _TYPES:
            message = f"'type' is one of {', '.join(_TYPES)}"
            self._wrong("type", message, closest(name, _TYPES))
        return _TYPES.get(name)

    def _choices(self) -> list[Value]:
        node = self._entries.get("choices")
        if node is None:
            return []
        if "type" in self._entries:
            self._wrong("type", "it has 'choices', which give the type")
        nodes = node.items if isinstance(node, Sequence) else []
        found = [_scalar(self._source, inner, self._name) for inner in nodes]
        values = [value for value in found if value is not None]
        if len(values) != len(found):
            return values
        if len(values) < 2 or len(set(map(as_option, values))) != len(values):
            self._wrong("choices", "'choices' is a list of two different values at least")
        for inner, value in zip(nodes, values, strict=True):
            if type(value) is not type(values[0]):
                message = f"{kind_of(values[0])} is the first of its choices, and this is not"
                self._source.wrong(inner.mark, f"the variable {self._name!r}: {message}")
        return values

    def _default(self, kind: Value | None, choices: list[Value]) -> Value | None:
        node = self._entries.get("default")
        if node is None:
            return None
        if kind is None:
            value = _scalar(self._source, node, self._name)
        else:
            value = _as_type(self._source, node, self._name, kind)
        if value is not None and choices and value not in choices:
            given = as_option(value)
            message = f"expected {_one_of(choices)}, got {shorten(given)}"
            self._wrong("default", message, closest(given, list(map(as_option, choices))))
        if "prompt" in self._entries and isinstance(value, str) and REFERENCE.search(value):
            message = "the default of a question is taken as it is written, without ${"
            self._wrong("default", message)
        return value

    def _asks_environment(self) -> bool:
        node = self._entries.get("env")
        if isinstance(node, Scalar) and NAME_PATTERN.fullmatch(node.text):
            return True
        if node is not None:
            message = f"the variable {self._name!r} needs 'env', a name of the environment"
            self._source.wrong(node.mark, message)
        elif "prompt" not in self._entries:
            message = (
                f"the variable {self._name!r} needs 'env', a name of the environment, or 'prompt',"
                " what the operator is asked"
            )
            self._source.wrong(self._node.mark, message)
        return False

    def _found(
        self,
        environment: Environment | None,
        kind: Value | None,
        choices: list[Value],
        *,
        has_default: bool,
    ) -> Value | None:
        """What the environment has, in the variable's type."""
        node = self._entries["env"]
        if environment is None or not isinstance(node, Scalar):
            return None
        text = environment.get(f"{ENVIRONMENT}{node.text}")
        if text is None:
            if not has_default and "prompt" not in self._entries:
                message = f"the environment has no {node.text}; set it, or give {self._name!r} a"
                self._source.wrong(node.mark, f"{message} 'default'")
            return None
        value = text if kind is None else _parse(text, kind)
        if value is None or isinstance(value, list) or (choices and value not in choices):
            takes = _one_of(choices) if choices else kind_of("" if kind is None else kind)
            message = f"{node.text} in the environment: expected {takes}, got {shorten(text)}"
            self._source.wrong(node.mark, message)
            return None
        return value

    def _question(self, kind: Value, choices: list[Value], default: Value | None) -> Question:
        node = self._entries["prompt"]
        text = node.text.strip() if isinstance(node, Scalar) else ""
        if not text or "${" in text:
            self._wrong("prompt", "'prompt' is the text of a question, without ${")
        return Question(
            name=self._name,
            text=text,
            takes=_type_of(kind),
            choices=tuple(map(as_option, choices)),
            default=None if default is None else as_option(default),
        )


def _type_of(value: Value) -> str:
    return next(name for name, one in _TYPES.items() if type(one) is type(value))


def _one_of(choices: list[Value]) -> str:
    return f"one of {', '.join(map(as_option, choices))}"


def read_overrides(
    source: Source, declared: Declared, overrides: Mapping[str, str]
) -> dict[str, Given]:
    """Values given by `--set`, in the types of what the plan declares."""
    values = {}
    for name, text in overrides.items():
        if name.startswith(ENVIRONMENT):
            continue
        if name not in declared.values:
            message = f"--set {name}: the plan has no variable of that name"
            source.wrong(None, message, suggestion=closest(name, declared.values))
            continue
        value = _parse(text, declared.values[name])
        if value is None or not _is_choice(declared, name, value):
            takes = _expected(declared, name)
            source.wrong(None, f"--set {name}: expected {takes}, got {shorten(text)}")
        else:
            values[name] = value
    return values


def read_target_file(source: Source, declared: Declared) -> dict[str, Given]:
    """Values of the target's own file; names that this plan doesn't have are for other plans."""
    root = compose(source)
    if root is None or (isinstance(root, Scalar) and resolve(root) is None):
        return {}
    if not isinstance(root, MappingNode):
        source.wrong(root.mark, "the file has to be a mapping of names to values")
        return {}
    values: dict[str, Given] = {}
    for name, node in root.entries.items():
        if name not in declared.values:
            continue
        kind = declared.values[name]
        value = (
            _list(source, node, name)
            if isinstance(kind, list)
            else _as_type(source, node, name, kind)
        )
        if value is not None and not _is_choice(declared, name, value):
            takes = _expected(declared, name)
            source.wrong(node.mark, f"{name!r}: expected {takes}, got {as_option(value)}")
        elif value is not None:
            values[name] = value
    return values


def unused(source: Source, root: Node, declared: Declared) -> None:
    """Warn of names in the target's file that look like a mistyped variable."""
    if isinstance(root, MappingNode):
        for name in root.entries:
            likely = closest(name, [d for d in declared.values if d not in root.entries])
            if name not in declared.values and likely:
                mark = key_mark(source, root, name)
                message = f"the plan has no variable {name!r}"
                source.wrong(mark, message, suggestion=likely, warning=True)


def _is_choice(declared: Declared, name: str, value: Given) -> bool:
    question = declared.questions.get(name)
    return question is None or not question.choices or as_option(value) in question.choices


def _expected(declared: Declared, name: str) -> str:
    question = declared.questions.get(name)
    return expected(question) if question else kind_of(declared.values[name])


def _entries(source: Source, node: Sequence, name: str) -> Entries:
    """A list's entries: single values, or mappings of names to them."""
    found: Entries = []
    for inner in node.items:
        if isinstance(inner, Sequence):
            message = f"an entry of {name!r} is one value, or a mapping of names to values"
            source.wrong(inner.mark, message)
        elif isinstance(inner, MappingNode):
            read = {key: _scalar(source, one, name) for key, one in inner.entries.items()}
            found.append({key: one for key, one in read.items() if one is not None})
        elif (value := _scalar(source, inner, name)) is not None:
            found.append(value)
    return found


def _list(source: Source, node: Node, name: str) -> Entries | None:
    if isinstance(node, Sequence):
        return _entries(source, node, name)
    source.wrong(node.mark, f"{name!r}: expected {kind_of([])}, got {_got(node)}")
    return None


def _scalar(source: Source, node: Node, name: str) -> Value | None:
    if not isinstance(node, Scalar):
        message = f"the variable {name!r} has to be text, a number, true or false"
        source.wrong(node.mark, message)
        return None
    value = resolve(node)
    if isinstance(value, Unclear):
        message = f"{name!r} is {describe(node)}; put it in quotes, or write a plain number"
        source.wrong(node.mark, message)
        return None
    if value is None:
        source.wrong(node.mark, f'the variable {name!r} has no value; write "" for an empty text')
        return None
    return value


def _as_type(source: Source, node: Node, name: str, kind: Value) -> Value | None:
    if isinstance(node, Scalar) and isinstance(kind, str) and resolve(node) is UNCLEAR:
        return node.text
    value = _scalar(source, node, name)
    if value is None:
        return None
    if type(value) is type(kind):
        return value
    if isinstance(kind, float) and type(value) is int:
        return float(value)
    source.wrong(node.mark, f"{name!r}: expected {kind_of(kind)}, got {_got(node)}")
    return None


def _got(node: Node) -> str:
    return describe(node) if isinstance(node, Scalar) else "a mapping"


def _parse(text: str, kind: Given) -> Given | None:
    """A text as a value of a type; None where it is none."""
    if isinstance(kind, str):
        return text
    if isinstance(kind, list):
        return _parsed_list(text)
    value = resolve_plain(text)
    if isinstance(kind, float) and type(value) is int:
        return float(value)
    return value if isinstance(value, int | float) and type(value) is type(kind) else None


def _parsed_list(text: str) -> Entries | None:
    source = Source("--set", text)
    node = compose(source) if text.lstrip().startswith("[") else None
    found = _entries(source, node, "--set") if isinstance(node, Sequence) else None
    return None if source.mistakes else found


def kind_of(kind: Given) -> str:
    """What a variable takes, for an error."""
    return "a list such as [a, b]" if isinstance(kind, list) else TAKES[_type_of(kind)]

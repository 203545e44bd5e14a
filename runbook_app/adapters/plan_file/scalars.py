"""What a plain scalar means, and where YAML 1.1 and YAML 1.2 disagree about it.

PyYAML reads YAML 1.1, most newer libraries 1.2. A value that the two take for different things is
never guessed: where text is wanted it keeps its text, elsewhere it has to be written clearly.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from runbook_app.adapters.plan_file.nodes import Scalar as ScalarNode


class Unclear(Enum):
    """The versions of YAML disagree."""

    UNCLEAR = "unclear"


UNCLEAR = Unclear.UNCLEAR

Value = str | int | float | bool | None

_UNCLEAR_WORDS = [
    form
    for word in ("y", "n", "yes", "no", "on", "off")
    for form in (word, word.capitalize(), word.upper())
]
_WORDS: dict[str, Value | Unclear] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((*_UNCLEAR_WORDS, "=", "<<"), UNCLEAR),
}
OPENERS = frozenset(word[0] for word in _WORDS if word) | frozenset("0123456789+-.")
"""First characters of plain scalars that may be more than text."""
_TEXT = (str, Unclear)
_DIGIT = re.compile(r"[0-9]")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,16}")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")
_NUMBER_1_1 = re.compile(
    r"""[-+]?(?: 0b[01_]+ | 0[0-7_]+ | 0x[0-9a-fA-F_]+ | [0-9][0-9_]*        # integers
          | [0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?                       # sexagesimal
          | (?:[0-9][0-9_]*)?\.[0-9_]*(?:[eE][-+][0-9]+)? )""",
    re.VERBOSE,
)
_NUMBER_1_2 = re.compile(
    r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
)


def resolve(node: ScalarNode) -> Value | Unclear:
    """The value both versions of YAML see, or UNCLEAR."""
    text = node.text
    return resolve_plain(text) if node.plain else text


def is_text(text: str) -> bool:
    """Whether a plain scalar is text where text is wanted."""
    return isinstance(resolve_plain(text), _TEXT)


def resolve_plain(text: str) -> Value | Unclear:
    if len(text) < 6 and text in _WORDS:
        return _WORDS[text]
    return _numeric(text) if text[0] in "0123456789+-." else text


@lru_cache(maxsize=4096)
def _numeric(text: str) -> Value | Unclear:
    if _INTEGER.fullmatch(text):
        return int(text)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    if _DECIMAL.fullmatch(text) and text[0] + text[-1] != "..":
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "", 1))
    if not _DIGIT.search(text):
        return text
    if _NUMBER_1_1.fullmatch(text) or _NUMBER_1_2.fullmatch(text) or _DATE.fullmatch(text):
        return UNCLEAR
    return text


def describe(node: ScalarNode) -> str:
    """Say what stands there, for an error: `the number 12`, `text 'a'`, `nothing`."""
    value = resolve(node)
    if value is UNCLEAR:
        return f"{node.text}, which YAML readers take differently"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the truth value {node.text}"
    if isinstance(value, int | float):
        return f"the number {node.text}"
    return f"the text {shorten(node.text)}"


def shorten(text: str, length: int = 60) -> str:
    """Quote a value for an error, cut to a readable length."""
    return repr(text if len(text) <= length else text[: length - 1] + "…")

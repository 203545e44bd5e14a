"""What looks like a secret, by its name and its shape. No I/O; nothing here returns a value."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence

NAMED = re.compile(
    r"(?:^|[_\-.])(?:password|passwd|pwd|passphrase|secret|token|credentials?"
    r"|(?:api|private|access|secret|signing|encryption)[_\-]?key)(?:[_\-.]?(?:value|\d+))?$",
    re.IGNORECASE,
)
"""The word at a name's end says what its value is; `password_encryption` holds no password."""
_URL = re.compile(r"[a-z][a-z0-9+.\-]*://[^/\s:@]+:(?P<password>[^/\s:@$]{3,})@", re.IGNORECASE)
_PEM = re.compile(r"-----BEGIN (?:[A-Z ]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{16}")
_ASSIGNED = re.compile(
    r"""^\s*(?:-\s+|export\s+|ENV\s+|ARG\s+)?["']?(?P<name>[A-Za-z][\w.\-]*)["']?\s*"""
    r"""(?::\s+|=\s*|\s*:\s*=?\s*)["']?(?P<value>[^\s"'#][^"'\n#]*?)["']?\s*(?:#.*)?$"""
)
_PLACE = re.compile(r"^(?:/|\./|file:|\$|<|\{\{|%|\*+$|x+$)", re.IGNORECASE)
_FILLER = re.compile(
    r"^(?:change[-_ ]?me.*|your[-_ ].*|example.*|placeholder.*|todo.*|none|null|true|false|required"
    r"|environment|file|vault|\d{1,6})$",
    re.IGNORECASE,
)
CONTROL_NAME = "PROBE_PASSWORD"


def named(name: str) -> bool:
    """Whether a name says that its value is a secret; `DB_PASSWORD_FILE` does not."""
    return bool(NAMED.search(name))


def literal(value: str) -> bool:
    """Whether a value is one, and not a place, a reference or a filler."""
    text = value.strip().strip("\"'")
    return len(text) >= 4 and not _PLACE.match(text) and not _FILLER.match(text)


def in_environment(environment: Mapping[str, str]) -> list[str]:
    """Names of the variables that hold a secret."""
    return [
        name
        for name, value in environment.items()
        if (named(name) and literal(value)) or _URL.search(value) or _PEM.search(value)
    ]


def in_text(text: str) -> list[str]:
    """Names of what a text sets to a secret, with the line's number."""
    found = [f"a private key (line {_line(text, hit.start())})" for hit in _PEM.finditer(text)]
    for number, line in enumerate(text.splitlines(), 1):
        assigned = _ASSIGNED.match(line)
        if assigned and named(assigned["name"]) and literal(assigned["value"]):
            found.append(f"{assigned['name']} (line {number})")
        elif (url := _URL.search(line)) and literal(url["password"]):
            found.append(f"a URL with a password (line {number})")
    return found


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def bits(value: str) -> float:
    """How many bits a guesser who knows the alphabet has to guess, at most; repetition counts
    once."""
    pools = (
        (re.compile(r"[a-z]"), 26),
        (re.compile(r"[A-Z]"), 26),
        (re.compile(r"[0-9]"), 10),
        (re.compile(r"[^A-Za-z0-9]"), 32),
    )
    if re.fullmatch(r"[0-9a-f]+", value) or re.fullmatch(r"[0-9A-F]+", value):
        pool = 16
    else:
        pool = sum(size for pattern, size in pools if pattern.search(value))
    return _distinct(value) * math.log2(pool) if pool else 0.0


def _distinct(value: str) -> int:
    """Letters that are no repetition or continuation of the one before."""
    steps = [ord(b) - ord(a) for a, b in itertools.pairwise(value)]
    told = 1 if value else 0
    for place, step in enumerate(steps):
        same = place > 0 and step == steps[place - 1] and step in (-1, 0, 1)
        told += 0 if step == 0 or same else 1
    return told


def weak(values: Mapping[str, str], *, words: Sequence[str], least_bits: int) -> Iterator[str]:
    """What is wrong with each secret: too easy, a word that everybody knows, or used twice."""
    seen: dict[str, str] = {}
    known = {word.lower() for word in words if word}
    for name, value in values.items():
        if value.lower() in known:
            yield f"{name} equals a name of the plan"
        elif bits(value) < least_bits:
            yield f"{name} has {bits(value):.0f} bits, fewer than {least_bits}"
        if value in seen:
            yield f"{name} is the same as {seen[value]}"
        seen.setdefault(value, name)

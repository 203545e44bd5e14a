"""Answers of a type: what a question takes, and what is wrong with one that does not fit."""

from __future__ import annotations

import math

TAKES = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "file": "the path of a file on the engine's machine",
}
"""In people's words, by the name that plans use."""

SEALED = "(secret)"
"""What stands in the record for an answer that no journal may hold."""


def misfit(takes: str, answer: str) -> str:
    """What is wrong with an answer; empty when it fits."""
    fits = bool(answer.strip())
    if fits and takes in ("integer", "number"):
        try:
            number(takes, answer)
        except (ValueError, OverflowError):
            fits = False
    if fits and takes == "boolean":
        fits = answer.strip().lower() in ("true", "false")
    return "" if fits else f"{answer!r} is not {TAKES.get(takes, 'an answer')}."


def number(takes: str, answer: str) -> int | float:
    """An answer as the number it stands for.

    Raises:
        ValueError: it is none, or none that can be compared.
    """
    text = answer.strip()
    if len(text) > 40 or not text.isascii() or "_" in text:
        raise ValueError(f"{text!r} is no number")
    if takes == "integer":
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is no number")
    return value


def wanted(takes: str, default: str, *, secret: bool) -> str:
    """What is to be said of a question beside its words; empty for plain text."""
    parts = [TAKES[takes]] if takes in TAKES and takes != "text" else []
    parts += ["kept secret"] if secret else []
    parts += [f"{default} by default"] if default else []
    return ", ".join(parts)

"""Words of a written plan: durations, marks, names of items, and what a label announces."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from runbook_app.domain.clock import Estimate

LONGEST_TITLE = 120

_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
}
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_NUMBER = r"\d{1,5}(?:[.,]\d{1,3})?"
_AMOUNT = rf"{_NUMBER}\s*(?:{_UNIT})\b(?:\s*(?:and\s+)?{_NUMBER}\s*(?:{_UNIT})\b)*"
_DURATION = re.compile(
    r"(?:(?:about|around|approx(?:imately|\.)?|ca?\.|circa|up\s+to|max(?:imum|\.)?|~|≈|<|≤)\s*)?"
    rf"(?:(?P<low>{_NUMBER}\s*(?:{_UNIT})?|{_AMOUNT})\s*(?:-|–|—|to)\s*)?(?P<high>{_AMOUNT})"
    r"\s*\+?\s*(?:each|max(?:imum)?|total)?",
    re.IGNORECASE,
)
_OPEN_ENDED = re.compile(rf"({_NUMBER})\s*\+\s*({_UNIT})\b", re.IGNORECASE)
_PART = re.compile(rf"({_NUMBER})\s*({_UNIT})?", re.IGNORECASE)
_TIMELIKE = re.compile(
    rf"(?:\d|\b(?:a|few|half|some)\b).*?(?:(?<=\d)|\b)(?:{_UNIT})\b", re.IGNORECASE
)
_IN_BRACKETS = re.compile(r"(.*\S)\s*[(\[]([^()\[\]]*)[)\]]\s*[:.]?\s*", re.DOTALL)
_AFTER_DASH = re.compile(r"(.*\S)\s+[-–—]\s+(.+)", re.DOTALL)
_TASK = re.compile(r"\[[ xX]?\]\s+")


def duration(text: str) -> str | None:
    """`2-3 hours` as a plan writes it, `2h-3h`; None where no duration is understood."""
    found = _DURATION.fullmatch(_OPEN_ENDED.sub(r"\1 \2", text.strip()))
    if found is None:
        return None
    high = _amount(found["high"], "")
    low = _amount(found["low"], high[-1]) if found["low"] else ""
    written = f"{low}-{high}" if low else high
    try:
        Estimate.parse(written)
    except (ValueError, OverflowError):
        return None
    return written


def _amount(text: str, unit: str) -> str:
    parts = (
        number.replace(",", ".") + (_UNITS[of.lower()] if of else unit)
        for number, of in _PART.findall(text)
    )
    return "".join(parts)


def timed(text: str) -> tuple[str, str, str]:
    """A title without its duration, the duration, and words that only look like one."""
    strange = ""
    for form in (_IN_BRACKETS, _AFTER_DASH):
        if found := form.fullmatch(text):
            if taken := duration(found[2]):
                return found[1].rstrip(" :"), taken, ""
            if form is _IN_BRACKETS and _TIMELIKE.search(found[2]):
                strange = found[2]
    return text, "", strange


def unmarked(text: str) -> tuple[str, str]:
    """Text without ticks, hourglasses and other pictures, and what follows such a mark.

    `TLS ⏳ READY` comes to `TLS` and `READY`; a mark in front is dropped.
    """
    text = _TASK.sub("", text, count=1) if _TASK.match(text) else text
    text = text.lstrip("".join({c for c in text if _is_mark(c)}) + " ")
    at = next((at for at, character in enumerate(text) if _is_mark(character)), len(text))
    return text[:at].rstrip(" -:"), _without_marks(text[at:])


def ticked(text: str) -> str:
    """A line of a list without its box and the marks in front; marks within it stay."""
    text = _TASK.sub("", text, count=1) if _TASK.match(text) else text
    return text.lstrip("".join({c for c in text if _is_mark(c)}) + " ").strip() or text


def _without_marks(text: str) -> str:
    return "".join(c for c in text if not _is_mark(c)).strip()


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) == "So" or character in "\ufe0f\u200d"


def title_of(text: str) -> tuple[str, bool]:
    """A title short enough to be read in a list, and whether it was cut."""
    text = " ".join(text.split())
    if len(text) <= LONGEST_TITLE:
        return text, False
    return text[: LONGEST_TITLE - 1].rsplit(" ", 1)[0].rstrip() + "…", True


_ITEM = re.compile(r"item\s*#?\s*(\d{1,4})\b\s*[:.)\-–—]*\s*(.*)", re.IGNORECASE | re.DOTALL)
_STEP = re.compile(r"step\s+(?:\d+\.)*\d+\s*[:.)\-–—]\s*(.+)", re.IGNORECASE | re.DOTALL)
_NAMED = re.compile(
    r"item\s+(\d{1,4})\s*:\s*([^:]+?)(?:\s+[-–—]\s+(.+)|\s+\((.+)\))?", re.IGNORECASE
)
_COUNTED = re.compile(r"\d+\.\s*(.+?)\s*\(item\s+(\d{1,4})\)\s*[-–—:]\s*(.+)", re.IGNORECASE)
_CHECKPOINT = re.compile(
    r"(?:checkpoint\s*#?\d*\s*[:.)\-–—]*\s*)?(?:before\s+)?(?:the\s+)?"
    r"(?:item\s+\d{1,4}|(?:final\s+)?sign-?\s?off)?",
    re.IGNORECASE,
)
_MENTIONED = re.compile(r"\bitem\s+(\d{1,4})\b", re.IGNORECASE)


def item_heading(title: str) -> tuple[int, str] | None:
    """Number and name of `Item 2: TLS`."""
    found = _ITEM.fullmatch(title)
    return (int(found[1]), found[2].strip()) if found else None


def step_heading(title: str) -> str:
    """The name in `Step 2.1: Make certificates`; empty for another heading."""
    found = _STEP.fullmatch(title)
    return found[1].strip() if found else ""


def is_checkpoint_heading(title: str) -> bool:
    """Whether a heading says no more than which checkpoint it is, `Checkpoint 1: Before Item 2`."""
    return _CHECKPOINT.fullmatch(title) is not None


def mentioned(text: str) -> int | None:
    """The first item that is named by its number."""
    found = _MENTIONED.search(text)
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Named:
    """An item of which a line says only how it stands."""

    number: int
    title: str
    told: str

    @property
    def is_status(self) -> bool:
        head = self.told.split("(")[0]
        return bool(head.strip()) and head == head.upper()


def named(text: str) -> Named | None:
    """`Item 5: Rate Limiting - 9 endpoints`, `6. Validation (Item 6) - NOT REQUIRED`."""
    text = " ".join(_without_marks(ticked(text)).split())
    if found := _COUNTED.fullmatch(text):
        return Named(int(found[2]), found[1], found[3])
    if found := _NAMED.fullmatch(text):
        return Named(int(found[1]), found[2], found[3] or found[4] or "")
    return None


LABELS = (
    ("steps", r"(?:implementation\s+)?(?:steps|procedure)\b"),
    ("creates", r"(?:new\s+files|files\s+to\s+(?:create|add)|creates)\b"),
    ("modifies", r"(?:files\s+to\s+(?:modify|change|update|edit)|modifies)\b"),
    ("success", r"(?:success|acceptance\s+criteria|definition\s+of\s+done|done\s+when)\b"),
    ("checkpoint", r"(?:checkpoint|prerequisites|pre-?checks?|before\s+you\s+begin)\b"),
    ("mitigation", r"mitigations?\b"),
    ("what", r"(?:what|goal|objective)s?$"),
    ("why", r"(?:why|reason|rationale)$"),
    ("estimate", r"(?:duration|time|estimate|estimated\s+(?:time|duration))$"),
    ("priority", r"priority$"),
    ("status", r"(?:status|the\s+source\s+says)$"),
    ("not_required", r"not\s+required$"),
    ("rollback", r"roll\s*back$"),
    ("budget", r"budget$"),
    ("block", r"block$"),
)


def meaning(label: str) -> str:
    """What a label announces, such as `success`; empty for one that means nothing to a plan."""
    label = unmarked(label)[0].strip()
    found = (name for name, form in LABELS if re.match(form, label, re.IGNORECASE))
    return next(found, "")


TOPICS = (
    ("checkpoints", r"\bcheckpoints\b"),
    ("risks", r"\brisks?\b"),
    ("blocks", r"\b(?:sequential.*timeline|timetable|schedule)\b"),
    ("success", r"\b(?:success metrics|acceptance)\b"),
    ("next_phases", r"^next (?:phases|steps)\b"),
    ("principles", r"\bprinciples\b"),
    ("troubleshooting", r"\b(?:troubleshooting|if things go wrong)\b"),
    ("links", r"\b(?:links|references)\b"),
    ("documents", r"^(?:documents|documentation)\b"),
    ("sections", r"^further text$"),
    ("baseline", r"\b(?:baseline|executive summary|introduction|background|overview)\b"),
)


def topic(title: str) -> str:
    """What a heading's section is about; empty when it says nothing that a plan has a key for."""
    found = (name for name, form in TOPICS if re.search(form, title, re.IGNORECASE))
    return next(found, "")


def is_sign_off(title: str) -> bool:
    return re.search(r"\bsign-?\s?off\b", title, re.IGNORECASE) is not None


_SCORE = re.compile(r"(\d{1,3})\s*(?:/\s*100|%)?")


def score(text: str) -> int | None:
    """`40/100` as a number up to 100."""
    found = _SCORE.fullmatch(text.strip())
    return int(found[1]) if found and int(found[1]) <= 100 else None

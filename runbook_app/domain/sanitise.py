"""Makes text from elsewhere safe to show on a terminal."""

from __future__ import annotations

import re

_COLOUR_CODE = (
    r"(?:0*|0?[1-479]|2[1-579]|3[0-79]|4[0-79]|9[0-7]|10[0-7]"
    r"|[34]8[;:]5[;:]\d{1,3}|[34]8[;:]2(?:[;:]\d{1,3}){3})"
)
_COLOUR = re.compile(rf"(\x1b\[{_COLOUR_CODE}(?:;{_COLOUR_CODE})*m)")
_RESET = "\x1b[0m"
_LINE_END = re.compile(r"\r+(?=\n|\Z)")

_DIRECTION = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_BREAKS = (0x2028, 0x2029)
_HIDDEN = (0xFEFF, *range(0x200B, 0x200D), *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080))
_VISIBLE = (
    {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"}
    | {0x7F: "\u2421"}
    | {code: f"<{code:02X}>" for code in range(0x80, 0xA0)}
    | {code: f"<U+{code:04X}>" for code in (*_DIRECTION, *_BREAKS, *_HIDDEN)}
    | {code: f"<{code:04X}>" for code in range(0xD800, 0xE000)}
)


def neutralise(text: str, *, colour: bool = False) -> str:
    """Show control characters instead of obeying them.

    Escape sequences, C0 and C1 controls, direction overrides, hidden characters and lone
    surrogates become visible text. Tabs and line feeds stay, and a line's closing carriage return
    goes. With `colour`, sequences that only set colour, weight or underline stay (never those
    that hide text or blink), and the text ends with a reset.
    """
    if text.isprintable():
        return text
    text = _LINE_END.sub("", text)
    if not colour or "\x1b" not in text:
        return text.translate(_VISIBLE)
    parts = _COLOUR.split(text)
    parts[::2] = [part.translate(_VISIBLE) for part in parts[::2]]
    shown = "".join(parts)
    return shown + _RESET if len(parts) > 1 and not shown.endswith(_RESET) else shown

"""The program's own look: quiet grounds, few colours, each with one meaning.

Text has a contrast of at least 4.5 : 1 to every ground that it stands on, in the third theme of at
least 7 : 1 (WCAG 2.2, 1.4.3 and 1.4.6).
"""

from __future__ import annotations

from textual.theme import Theme


def _variables(*, border: str, blurred: str, dim: str, alarm: str) -> dict[str, str]:
    """`dim` is for what is read last, also by Textual's own widgets; `alarm` is a ground."""
    faint = ("dim", "text-muted", "text-disabled", "foreground-muted", "foreground-disabled")
    grounds = {"border": border, "border-blurred": blurred, "alarm": alarm}
    return {**grounds, **dict.fromkeys(faint, dim)}


NIGHT = Theme(
    name="runbook-night",
    primary="#7aa2c9",
    secondary="#5c7a99",
    accent="#8fb8de",
    success="#8fbf8f",
    warning="#d9b36c",
    error="#e08080",
    foreground="#d5d9de",
    background="#14181d",
    surface="#191e24",
    panel="#222932",
    dark=True,
    variables=_variables(border="#3a4552", blurred="#2b333d", dim="#9299a1", alarm="#5e3438"),
)

DAY = Theme(
    name="runbook-day",
    primary="#2f5d8a",
    secondary="#5c7a99",
    accent="#245f94",
    success="#2e6b34",
    warning="#855600",
    error="#a62929",
    foreground="#1d2329",
    background="#f5f6f7",
    surface="#eceef0",
    panel="#dfe3e7",
    dark=False,
    variables=_variables(border="#b5bec8", blurred="#cfd6dd", dim="#59616a", alarm="#f9dcdc"),
)

CONTRAST = Theme(
    name="runbook-high-contrast",
    primary="#9ecbff",
    secondary="#9ecbff",
    accent="#7fd4ff",
    success="#7dff7d",
    warning="#ffe14d",
    error="#ffa3a3",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#262626",
    dark=True,
    variables=_variables(border="#ffffff", blurred="#a8a8a8", dim="#d4d4d4", alarm="#8b0000"),
)

THEMES = (NIGHT, DAY, CONTRAST)

"""The program's own look: quiet grounds, few colours, each with one meaning."""

from __future__ import annotations

from textual.theme import Theme

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
    variables={"border": "#3a4552", "border-blurred": "#2b333d"},
)

DAY = Theme(
    name="runbook-day",
    primary="#2f5d8a",
    secondary="#5c7a99",
    accent="#245f94",
    success="#2e6b34",
    warning="#8a5a00",
    error="#a62929",
    foreground="#1d2329",
    background="#f5f6f7",
    surface="#eceef0",
    panel="#dfe3e7",
    dark=False,
    variables={"border": "#b5bec8", "border-blurred": "#cfd6dd"},
)

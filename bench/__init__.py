"""Measures the program beside its limits and peers: `python -m bench`, see docs/performance.md."""

AREAS = (
    "plans",
    "startup",
    "steps",
    "journal",
    "logs",
    "screen",
    "limits",
    "ten_hours",
    "containers",
    "whole_plan",
    "many",
)
"""Modules that register what they measure."""

"""Measures the program beside its limits and peers: `python -m bench`, see docs/performance.md."""

AREAS = ("plans", "startup")
"""Modules that register what they measure."""

"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# Times are benchmarks, never assertions: a slow machine must not fail an example.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

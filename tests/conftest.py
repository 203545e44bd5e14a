"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

from tests.fuzzing import examples

# Times are benchmarks, never assertions: a slow machine must not fail an example.
settings.register_profile("untimed", deadline=None, max_examples=examples())
settings.load_profile("untimed")

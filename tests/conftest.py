"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

from tests.fuzzing import examples, explores

# Times are benchmarks, never assertions: a slow machine must not fail an example. The suite says
# of the code alone, the same each time; `make fuzz` looks for what nobody has thought of.
settings.register_profile(
    "untimed", deadline=None, max_examples=examples(), derandomize=not explores()
)
settings.load_profile("untimed")

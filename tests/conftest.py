"""What holds for every test."""

from __future__ import annotations

import gc

from hypothesis import settings

from tests.fuzzing import examples, explores

# Times are benchmarks, never assertions: a slow machine must not fail an example. The suite says
# of the code alone, the same each time; `make fuzz` looks for what nobody has thought of.
settings.register_profile(
    "untimed", deadline=None, max_examples=examples(), derandomize=not explores()
)
settings.load_profile("untimed")

# A screen makes and drops many objects, and Python looks through what lives for each 700 of them:
# a fifth of the time of the screens' tests.
gc.set_threshold(50_000, 20, 50)

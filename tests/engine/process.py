"""An engine in a process of its own: `python -m tests.engine.process FOLDER [CHILD...]`.

With a command, the plan is one step that runs it as a child; with the word `score` it is
`world.SCORED`; else it is `world.PLAN`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.engine.world import PLAN, SCORED, World, plan_of, step


def main(base: Path, argv: list[str]) -> None:
    plan = plan_of(step("only.a", "child", argv=argv)) if argv else PLAN
    if argv == ["score"]:
        plan = SCORED
    world = World(base, plan)
    client = world.client(read_only=True)
    epoch = client.state.epoch + 1
    client.close()
    asyncio.run(world.drive(epoch))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

"""An engine in a process of its own: `python -m tests.engine.process FOLDER COMMAND...`.

Its plan is one step that runs the command as a child.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.engine.world import World, plan_of, step


def main(base: Path, argv: list[str]) -> None:
    world = World(base, plan_of(step("only.a", "child", argv=argv)))
    client = world.client(read_only=True)
    epoch = client.state.epoch + 1
    client.close()
    asyncio.run(world.drive(epoch))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

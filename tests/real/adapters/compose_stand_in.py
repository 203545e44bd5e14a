"""A process that stands for the engine while Compose brings a project up.

Usage: compose_stand_in.py FOLDER
"""

import asyncio
import sys
from pathlib import Path

from runbook_app.adapters.children import Children
from runbook_app.adapters.compose_engine import ComposeCommand
from runbook_app.domain.events import ChildEnded, ChildStarted


async def record(_: ChildStarted | ChildEnded) -> None:
    """Record nothing."""


async def main() -> None:
    command = ComposeCommand(Path(sys.argv[1]), "compose.yml", Children(record))
    await command.run("up", "--detach", "--wait")


asyncio.run(main())

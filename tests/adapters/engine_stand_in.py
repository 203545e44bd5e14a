"""A process that stands for the engine: it runs one child and is killed by a test.

Usage: engine_stand_in.py FOLDER COMMAND...    journal in FOLDER/journal, one line an event
       HANG=1 in the environment: the journal never answers.
"""

import asyncio
import os
import sys
from pathlib import Path

from runbook_app.adapters.children import Children
from runbook_app.domain.events import ChildEnded, ChildStarted


async def main() -> None:
    folder = Path(sys.argv[1])

    async def record(event: ChildStarted | ChildEnded) -> None:
        with (folder / "journal").open("a") as journal:
            journal.write(f"{type(event).__name__} {event.pid} {event.pid_started}\n")
        if "HANG" in os.environ:
            await asyncio.Event().wait()

    await Children(record).run(sys.argv[2:], cwd=folder)


asyncio.run(main())

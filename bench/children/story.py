"""Writes journal entries at a rate, as an engine would: `python -m bench.children.story FILE RATE`.

It goes on until it is ended.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain import events as ev

ITEM, STEP = "item0", "item0.step0"


async def main() -> None:
    path, rate = Path(sys.argv[1]), int(sys.argv[2])
    journal = SqliteJournal(path, SystemClock())
    await journal.append(ev.EngineStarted(epoch=1, pid=1, pid_started="1", host="h"))
    await journal.append(ev.StepStarted(item=ITEM, step=STEP, attempt=1, parameters={}))
    for number in itertools.count(1):
        await journal.append(ev.StepProgressed(item=ITEM, step=STEP, text=f"{number} done"))
        await asyncio.sleep(1 / rate)


if __name__ == "__main__":
    asyncio.run(main())

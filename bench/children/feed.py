"""Writes log lines at a rate, as an engine would: `python -m bench.children.feed FILE RATE`.

It goes on until it is ended.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bench import samples
from runbook_app.adapters.logs import SqliteLogWriter

BLOCK = 500
"""Most lines at once; at low rates fewer, so that they come twenty times a second."""


def main() -> None:
    path, rate = Path(sys.argv[1]), int(sys.argv[2])
    writer = SqliteLogWriter(path)
    count = max(1, min(BLOCK, rate // 20))
    block = samples.log_lines(0, count)
    due = time.monotonic()
    while True:
        writer.write("api", "item0.step0", block)
        due += count / rate
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()

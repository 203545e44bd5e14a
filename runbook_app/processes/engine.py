"""The engine process: `python -m runbook_app.processes.engine FOLDER DESCRIPTOR`.

The descriptor is a pipe on which the starter hears whether the engine could begin. Standard input
holds the reason to displace another driver, or nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runbook_app.bootstrap import run_engine

if __name__ == "__main__":
    reason = sys.stdin.buffer.read().decode("utf-8", "replace")
    sys.exit(run_engine(Path(sys.argv[1]), int(sys.argv[2]), reason))

"""The engine process: `python -m runbook_app.engine_process FOLDER DESCRIPTOR`.

The descriptor is a pipe on which the starter hears whether the engine could begin.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runbook_app.bootstrap import run_engine

if __name__ == "__main__":
    sys.exit(run_engine(Path(sys.argv[1]), int(sys.argv[2])))

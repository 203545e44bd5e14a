"""The guard's process: `python -m runbook_app.processes.guard FOLDER`, started by an engine."""

from __future__ import annotations

import sys
from pathlib import Path

from runbook_app.bootstrap import stand_guard

if __name__ == "__main__":
    sys.exit(stand_guard(Path(sys.argv[1])))

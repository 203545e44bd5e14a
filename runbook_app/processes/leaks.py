"""The process that searches a session's files: `python -m runbook_app.processes.leaks FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from runbook_app.bootstrap.leaks import run_search

if __name__ == "__main__":
    run_search(Path(sys.argv[1]))

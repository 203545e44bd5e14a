"""A step's check in a process of its own: `python -m runbook_app.processes.check FOLDER STEP`.

What it finds is printed as JSON.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runbook_app.bootstrap import answer_check

if __name__ == "__main__":
    sys.exit(answer_check(Path(sys.argv[1]), sys.argv[2]))

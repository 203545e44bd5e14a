"""What an item changed, as JSON: `python -m runbook_app.processes.changes FOLDER ITEM`."""

from __future__ import annotations

import sys
from pathlib import Path

from runbook_app.bootstrap import answer_changes

if __name__ == "__main__":
    sys.exit(answer_changes(Path(sys.argv[1]), sys.argv[2]))

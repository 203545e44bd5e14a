"""The ways in as JSON, or one of them on this terminal:
`python -m runbook_app.processes.hands FOLDER [WAY HANDS]`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runbook_app.bootstrap import answer_ways, go_in

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.exit(go_in(folder, *sys.argv[2:4]) if len(sys.argv) > 2 else answer_ways(folder))

"""A dry run, asked for on standard input and told in lines of JSON:
`python -m runbook_app.processes.dry_run`.
"""

from __future__ import annotations

import sys

from runbook_app.bootstrap import answer_dry_run

if __name__ == "__main__":
    sys.exit(answer_dry_run())

"""A session's screen for a browser: `python -m runbook_app.processes.screen SESSION [write]`.

`runbook serve` starts it with Textual's web driver, which paints to standard output; the kernel
ends it with its starter.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from pathlib import Path

from runbook_app.bootstrap import open_session, screen_settings
from runbook_app.tui.app import run

_SET_DEATH_SIGNAL = 1
"""`PR_SET_PDEATHSIG` of prctl(2)."""

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, int(signal.SIGKILL))
    session = open_session(sys.argv[1], Path(), read_only=sys.argv[2:] != ["write"])
    sys.exit(run(session, screen_settings()))

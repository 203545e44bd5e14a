"""Sends one notification, read from standard input: `python -m runbook_app.processes.notify`."""

from __future__ import annotations

import sys

from runbook_app.bootstrap import send_notification

if __name__ == "__main__":
    sys.exit(send_notification(sys.stdin.buffer.read()))

"""A target whose shell and Python are real, and on which a command can be ended in its middle."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from runbook_app.ports.capabilities import ExecResult
from runbook_app.testing.run import FakeTarget
from tests.actions.database_target import database_target

HALF = "# half\n"
"""Divides a command's text: what follows is run after a point at which it can be ended."""

CAPTURE = {"files": ["proxy.conf", "made/new"], "project": True, "database": True}
SHELL: dict[str, object] = {
    "command": (
        'printf "port %s\\n" "$PORT" > proxy.conf\nmkdir -p made && echo x > made/new\n'
        f"{HALF}touch ../running\n"
    ),
    "check": (
        "if test -e ../running; then exit 0; fi\n"
        'if grep -q "port $PORT" proxy.conf; then exit 3; else exit 1; fi\n'
    ),
    "env": {"PORT": "8443"},
    "capture": CAPTURE,
    "rollback": "rm -f ../running",
}
PYTHON: dict[str, object] = {
    "command": (
        "import os\nfrom pathlib import Path\n"
        'Path("proxy.conf").write_text("port " + os.environ["PORT"])\n'
        'Path("made").mkdir(exist_ok=True)\nPath("made/new").write_text("x")\n'
        f'{HALF}from pathlib import Path\nPath("../running").touch()\n'
    ),
    "check": (
        "import os, sys\nfrom pathlib import Path\n"
        'if Path("../running").exists():\n    sys.exit(0)\n'
        'if Path("proxy.conf").read_text() == "port " + os.environ["PORT"]:\n    sys.exit(3)\n'
        'assert Path("../running").exists(), "it does not run"\n'
    ),
    "env": {"PORT": "8443"},
    "capture": CAPTURE,
    "rollback": 'from pathlib import Path\nPath("../running").unlink(missing_ok=True)\n',
}
SQL: dict[str, object] = {
    "command": "UPDATE plans SET price = %(price)s",
    "check": "SELECT price = %(price)s FROM plans",
    "values": {"price": 12},
    "rollback": "UPDATE plans SET price = 10",
}


def with_programs(folder: Path) -> FakeTarget:
    target = database_target(folder, {})
    (target.folder / "proxy.conf").write_text("port 80\n")
    running = folder / "running"

    def run(argv: Sequence[str]) -> ExecResult:
        *call, text = argv
        for part, last in ((part, part == text.split(HALF)[-1]) for part in text.split(HALF)):
            done = subprocess.run(
                [*call, part],
                cwd=target.folder,
                env={**os.environ, **target.shell.environments[-1]},
                capture_output=True,
                check=False,
            )
            if not last:
                target.history.watch("in the middle of the command")
        return ExecResult(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    for program in ("/bin/sh", sys.executable):
        target.shell.programs[program] = run
    target.outside = running.exists
    return target


def with_rows(folder: Path) -> FakeTarget:
    """A database with one row, which no capture holds."""
    target, state = database_target(folder, {}), SimpleNamespace(price=10)

    def execute(sql: str) -> list[tuple[Any, ...]]:
        state.price = 12 if "%(price)s" in sql else 10
        return []

    target.database.on_execute = execute
    target.database.on_query = lambda _: [(state.price == 12,)]
    target.outside = lambda: state.price
    return target

"""The core and the actions bring no screen library with them."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADS = """
import importlib, pkgutil, sys
package = importlib.import_module({package!r})
for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(found.name)
brought = [name for name in {screens!r} if name in sys.modules]
sys.exit(f"{{package.__name__}} brings {{brought}}" if brought else 0)
"""
SCREENS = ("textual", "rich")


@pytest.mark.parametrize(
    "package",
    [
        "runbook_app.domain",
        "runbook_app.ports",
        "runbook_app.engine",
        "runbook_app.tui.view",
        "actions",
    ],
)
def test_it_loads_no_screen_library(package: str):
    code = LOADS.format(package=package, screens=SCREENS)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_first_paint_loads_no_dialog():
    heavy = ("textual.widgets._markdown", "textual.widgets._text_area", "yaml", "docker")
    code = f"""
import sys
import runbook_app.tui.app
brought = [name for name in {heavy!r} if name in sys.modules]
sys.exit(f"brings {{brought}}" if brought else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

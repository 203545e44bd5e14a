"""Run the suite with coverage and end with one line of JSON: `python -m tests.run_suite [PYTEST ARGUMENT]…`.

Exits as pytest does. Reports are left in `REPORT_DIR` (default: the folder for temporary files).
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

COUNTED = ("tests", "failures", "errors", "skipped")


def run(directory: Path, arguments: list[str]) -> int:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--cov=src",
        "--cov-report=term-missing:skip-covered",
        f"--cov-report=json:{directory / 'coverage.json'}",
        f"--junitxml={directory / 'junit.xml'}",
        *arguments,
    ]
    return subprocess.run(command, check=False).returncode  # noqa: S603  # our own arguments


def summary(directory: Path) -> dict[str, Any]:
    suites = ElementTree.parse(directory / "junit.xml").getroot().findall("testsuite")  # noqa: S314  # written above
    counts = {
        name: sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    }
    coverage = json.loads((directory / "coverage.json").read_text())["totals"]["percent_covered"]
    return {
        **counts,
        "passed": counts["tests"] - counts["failures"] - counts["errors"] - counts["skipped"],
        "seconds": round(sum(float(suite.get("time", 0)) for suite in suites), 2),
        "coverage_percent": round(coverage, 2),
        "junit": str(directory / "junit.xml"),
        "coverage": str(directory / "coverage.json"),
    }


def main() -> int:
    directory = Path(os.environ.get("REPORT_DIR", tempfile.gettempdir()))
    for name in ("junit.xml", "coverage.json"):
        (directory / name).unlink(missing_ok=True)
    code = run(directory, sys.argv[1:])
    try:
        print(json.dumps({"exit_code": code, **summary(directory)}))
    except OSError as error:
        print(json.dumps({"exit_code": code, "error": f"no report: {error}"}))
    return code


if __name__ == "__main__":
    sys.exit(main())

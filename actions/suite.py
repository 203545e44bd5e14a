"""The target's own test suite."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run, check

COMMAND = ["python", "-m", "tests.run_suite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    tests: int
    failed: tuple[str, ...]
    skipped: int
    coverage: float

    @property
    def passed(self) -> int:
        return self.tests - len(self.failed) - self.skipped


@check
async def run(
    run: Run,
    *,
    service: str = "api",
    command: list[str] = COMMAND,
    minimum_coverage: float = 90,
    base_url: str = "",
    ca: str = "",
    timeout: timedelta = timedelta(minutes=10),
) -> None:
    """Run the target's suite in its container, and read what it reports.

    The command leaves `junit.xml` and `coverage.json` in the folder that `REPORT_DIR` names; its
    tests of the live service use `BASE_URL` and `CA_FILE`, which `base_url` and `ca` set.
    """
    folder = f"/tmp/runbook_probe_{uuid.uuid4().hex[:12]}"  # noqa: S108  # the container's own
    try:
        environment = await _prepare(run, service, folder, base_url, ca)
        ended = await run.containers.execute(
            service, command, environment=environment, timeout=timeout
        )
        result = await _report(run, service, folder)
    finally:
        await run.containers.execute(service, ["rm", "-rf", folder], log=False)
    if base_url:
        run.measure("live tests at", base_url)
    run.equals("exit code", ended.exit_code, 0)
    run.measure("tests", result.tests, at_least=1)
    run.measure("passed", result.passed)
    run.require("no test failed", not result.failed, ", ".join(result.failed[:10]) or "none")
    run.measure("skipped", result.skipped)
    run.measure("coverage", round(result.coverage, 2), "%", at_least=minimum_coverage)


async def _prepare(run: Run, service: str, folder: str, base_url: str, ca: str) -> dict[str, str]:
    made = await run.containers.execute(service, ["mkdir", "-m", "0700", folder], log=False)
    if not made.ok:
        raise NotMeasured(
            f"No folder for reports can be made in the container of {service}.",
            hint="It needs a writable /tmp.",
        )
    environment = {"REPORT_DIR": folder}
    if base_url:
        environment["BASE_URL"] = base_url
    if ca:
        await run.containers.execute(
            service, ["tee", f"{folder}/ca.pem"], stdin=run.files.read(ca), log=False
        )
        environment["CA_FILE"] = f"{folder}/ca.pem"
    return environment


async def _report(run: Run, service: str, folder: str) -> Result:
    texts = {}
    for name in ("junit.xml", "coverage.json"):
        read = await run.containers.execute(service, ["cat", f"{folder}/{name}"], log=False)
        if not read.ok:
            raise NotMeasured(
                f"The suite left no {name}.",
                hint="See the log for why it ended early; it must write to REPORT_DIR.",
            )
        texts[name] = read.stdout
    return read_result(texts["junit.xml"], texts["coverage.json"])


def read_result(junit: bytes, coverage: bytes) -> Result:
    """Read the two reports.

    Raises:
        NotMeasured: one of them can't be read.
    """
    try:
        cases = list(ET.fromstring(junit).iter("testcase"))  # noqa: S314  # the target's own report
        totals: dict[str, Any] = json.loads(coverage)["totals"]
        return Result(
            tests=len(cases),
            failed=tuple(
                f"{case.get('classname')}::{case.get('name')}"
                for case in cases
                if case.find("failure") is not None or case.find("error") is not None
            ),
            skipped=sum(case.find("skipped") is not None for case in cases),
            coverage=float(totals["percent_covered"]),
        )
    except (ET.ParseError, ValueError, KeyError, TypeError) as error:
        raise NotMeasured(
            f"The suite's reports can't be read: {error}.", hint="See the log of the suite."
        ) from error

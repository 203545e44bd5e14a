from __future__ import annotations

from collections.abc import Sequence

import pytest

from actions import suite
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.capabilities import ExecResult
from runbook_app.testing.capabilities import container, result
from runbook_app.testing.run import FakeTarget

PASSED = '<testcase classname="t" name="a"/><testcase classname="t" name="b"/>'
FAILED = '<testcase classname="t" name="c"><failure/></testcase>'
BROKEN = '<testcase classname="t" name="d"><error/></testcase>'
SKIPPED = '<testcase classname="t" name="e"><skipped/></testcase>'


def junit(cases: str) -> str:
    return f"<testsuites><testsuite>{cases}</testsuite></testsuites>"


def reporting(
    target: FakeTarget, cases: str, *, coverage: str = "95.5", exit_code: int = 0
) -> None:
    texts = {
        "junit.xml": junit(cases),
        "coverage.json": f'{{"totals": {{"percent_covered": {coverage}}}}}',
    }

    def execute(service: str, command: Sequence[str], stdin: bytes) -> ExecResult:
        match command[0]:
            case "cat":
                return result(texts[command[1].rpartition("/")[2]])
            case "python":
                return result(exit_code=exit_code)
        return result()

    target.containers.running["api"] = container("api")
    target.containers.on_execute = execute


async def test_a_passing_suite_passes_with_its_figures(target: FakeTarget) -> None:
    reporting(target, PASSED + SKIPPED)
    assert await target.measure(suite.run) == []
    figures = {name: target.value(name) for name in ("tests", "passed", "skipped", "coverage")}
    assert figures == {"tests": 3, "passed": 2, "skipped": 1, "coverage": 95.5}


@pytest.mark.parametrize("case", [FAILED, BROKEN])
async def test_a_failed_test_fails_by_name(target: FakeTarget, case: str) -> None:
    reporting(target, PASSED + case, exit_code=1)
    assert await target.measure(suite.run) == ["exit code", "no test failed"]
    assert str(target.value("no test failed")).startswith("t::")


async def test_too_little_coverage_fails(target: FakeTarget) -> None:
    reporting(target, PASSED, coverage="89.99")
    assert await target.measure(suite.run) == ["coverage"]


async def test_no_test_at_all_fails(target: FakeTarget) -> None:
    reporting(target, "")
    assert await target.measure(suite.run) == ["tests"]


async def test_live_tests_are_told_where_and_whom_to_trust(target: FakeTarget) -> None:
    await target.files.write("certs/ca.pem", b"the CA")
    reporting(target, PASSED)
    await target.measure(suite.run, base_url="https://nginx:8443", ca="certs/ca.pem")
    told = next(e for e in target.containers.environments if "BASE_URL" in e)
    assert told["BASE_URL"] == "https://nginx:8443"
    assert told["CA_FILE"] == f"{told['REPORT_DIR']}/ca.pem"


async def test_nothing_is_left_in_the_container(target: FakeTarget) -> None:
    reporting(target, PASSED)
    await target.measure(suite.run)
    made = next(c for c in target.containers.executed if c[1] == "mkdir")[-1]
    assert target.containers.executed[-1] == ("api", "rm", "-rf", made)
    assert made.startswith("/tmp/runbook_probe_")


@pytest.mark.parametrize("report", ["<testsuites>", ""])
async def test_reports_that_can_not_be_read_are_not_measured(
    target: FakeTarget, report: str
) -> None:
    reporting(target, PASSED)
    told = target.containers.on_execute

    def execute(service: str, command: Sequence[str], stdin: bytes) -> ExecResult:
        if command[0] == "cat" and command[1].endswith("junit.xml"):
            return result(report, exit_code=0 if report else 1)
        return told(service, command, stdin)

    target.containers.on_execute = execute
    with pytest.raises(NotMeasured):
        await target.measure(suite.run)
    assert target.containers.executed[-1][1] == "rm"

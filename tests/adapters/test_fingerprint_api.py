"""The API's description is read once the API answers; one that never does is named briefly."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runbook_app.adapters import fingerprint
from runbook_app.adapters.fingerprint import Fingerprinter
from runbook_app.domain.errors import ActionError
from runbook_app.domain.plan import Plan, TargetSpec
from runbook_app.ports.capabilities import ExecResult

URL = "http://127.0.0.1:8000/openapi.json"


class Containers:
    """Gives prepared answers, one a call; the last one again and again."""

    def __init__(self, *answers: ExecResult) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def execute(self, service, argv, **_):
        self.asked.append(argv[0])
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def answer(exit_code: int, said: str = "") -> ExecResult:
    return ExecResult(exit_code=exit_code, stdout=b"{}", stderr=said.encode())


async def read(*answers: ExecResult) -> tuple[dict[str, str], list[str]]:
    containers = Containers(*answers)
    plan = Plan(
        id="p",
        title="P",
        version="1",
        path="p.yaml",
        sha256="",
        items=(),
        target=TargetSpec(compose="c.yml"),
    )
    taker = Fingerprinter(
        plan=plan, root=None, project=None, containers=containers, psql=None, now=None
    )
    return await taker._openapi([]), containers.asked


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(fingerprint, "_PATIENCE", 1.0)


async def test_an_api_that_is_still_starting_is_waited_for() -> None:
    fields, asked = await read(answer(1, "refused"), answer(0))
    assert set(fields) == {"openapi"}
    assert asked == ["python3", "python3"]


async def test_another_program_is_taken_where_there_is_no_python() -> None:
    fields, asked = await read(answer(127), answer(0))
    assert set(fields) == {"openapi"}
    assert asked == ["python3", "curl"]


async def test_an_api_that_never_answers_is_named() -> None:
    with pytest.raises(ActionError, match=rf"api does not answer at {URL}: refused\."):
        await read(answer(1, "refused"))
    with pytest.raises(ActionError, match="neither python3, curl nor wget"):
        await read(answer(127))


def test_the_program_inside_says_the_system_s_words_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", fingerprint._READ_URL, "http://127.0.0.1:1/"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("Connection refused")
    assert "\n" not in done.stderr.strip()

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence

import pytest

from actions import files, git, host, manual
from runbook_app.domain.errors import ActionError, CheckFailed, NotMeasured
from runbook_app.ports.capabilities import ExecResult
from runbook_app.testing.capabilities import result
from runbook_app.testing.run import FakeTarget


def saying(version: str, spelling: str = "version") -> Callable[[Sequence[str]], ExecResult]:
    return lambda argv: result(version) if argv[1] == spelling else result(exit_code=1)


@pytest.mark.parametrize("spelling", ["version", "--version", "-V"])
async def test_a_tool_is_asked_its_version_in_its_own_way(
    target: FakeTarget, spelling: str
) -> None:
    target.shell.programs["openssl"] = saying("OpenSSL 3.0.19 27 Jan 2026", spelling)
    assert await target.measure(host.tool_available, tool="openssl", minimum_version="3.0.9") == []
    assert target.value("openssl version at least 3.0.9") == "3.0.19"


@pytest.mark.parametrize("version", ["OpenSSL 1.1.1w", "no number"])
async def test_an_old_tool_fails(target: FakeTarget, version: str) -> None:
    target.shell.programs["openssl"] = saying(version)
    failed = await target.measure(host.tool_available, tool="openssl", minimum_version="3.0")
    assert failed == ["openssl version at least 3.0"]


async def test_a_missing_tool_fails(target: FakeTarget) -> None:
    assert await target.measure(host.tool_available, tool="openssl") == ["openssl installed"]


async def test_a_files_mode_and_owner_are_held(target: FakeTarget) -> None:
    await target.files.write("key.pem", b"key", mode=0o600, uid=33)
    assert await target.measure(files.mode, path="key.pem", mode="0600", owner=33) == []
    await target.files.write("key.pem", b"key", mode=0o640, uid=0)
    failed = await target.measure(files.mode, path="key.pem", mode="0600", owner=33)
    assert failed == ["mode of key.pem", "owner of key.pem"]


async def test_the_mode_of_a_missing_file_fails(target: FakeTarget) -> None:
    with pytest.raises(CheckFailed, match=r"key\.pem is missing"):
        await target.measure(files.mode, path="key.pem", mode="0600")


async def test_a_mode_is_written_in_octal(target: FakeTarget) -> None:
    with pytest.raises(ActionError, match="'rw' is no file mode"):
        await target.measure(files.mode, path="key.pem", mode="rw")


async def test_a_file_is_present_or_not(target: FakeTarget) -> None:
    assert await target.measure(files.present, path="a") == ["a present"]
    await target.files.write("a", b"")
    assert await target.measure(files.present, path="a") == []


async def test_uncommitted_changes_are_named(target: FakeTarget) -> None:
    assert await target.measure(git.clean, paths=["a", "b"]) == []
    target.git.changed.add("b")
    assert await target.measure(git.clean, paths=["a", "b"]) == ["no uncommitted change"]
    assert target.value("no uncommitted change") == "b"


async def test_each_path_must_be_ignored(target: FakeTarget) -> None:
    target.git.ignores.add("a")
    assert await target.measure(git.ignored, paths=["a", "b"]) == ["b ignored"]


async def test_without_a_repository_git_measures_nothing(target: FakeTarget) -> None:
    target.git.why_not = "no repository"
    with pytest.raises(NotMeasured):
        await target.measure(git.clean, paths=["a"])


@pytest.mark.parametrize(("answer", "holds"), [("yes", True), ("no", False)])
async def test_a_confirmation_holds_when_somebody_says_yes(
    target: FakeTarget, answer: str, holds: bool
) -> None:
    target.recorder.answers = [answer]
    failed = await target.measure(manual.confirm, text="Guide reviewed")
    assert failed == ([] if holds else ["Guide reviewed"])
    assert target.recorder.questions == ["Guide reviewed"]
    assert target.recorder.kinds == ["statement"], "--yes may stand in for it"


async def test_an_instruction_is_a_choice_that_nobody_may_assume(target: FakeTarget) -> None:
    target.recorder.answers = ["done"]
    assert await target.measure(manual.instruct, text="Unplug it") == []
    assert target.recorder.kinds == ["choice"]


async def test_an_instruction_that_was_not_followed_fails(target: FakeTarget) -> None:
    target.recorder.answers = ["not done"]
    assert await target.measure(manual.instruct, text="Unplug it") == ["Unplug it"]


async def test_answers_are_recorded_by_their_type(target: FakeTarget) -> None:
    target.recorder.answers = ["done", "3", "1.5", "blue"]
    answers = [
        {"name": "hosts", "type": "integer"},
        {"name": "load", "type": "number"},
        {"name": "colour", "choices": ["red", "blue"], "default": "blue"},
        {"name": "ticket", "ask": "Which ticket?", "default": "OPS-1"},
    ]
    assert await target.measure(manual.instruct, text="Look", answers=answers) == []
    assert {m.name: m.value for m in target.recorder.measurements} == {
        "Look": "done",
        "hosts": 3,
        "load": 1.5,
        "colour": "blue",
        "ticket": "OPS-1",
    }
    assert target.recorder.questions == ["Look", "hosts", "load", "colour", "Which ticket?"]


async def test_what_was_not_done_has_no_answers(target: FakeTarget) -> None:
    target.recorder.answers = ["not done"]
    assert await target.measure(manual.instruct, text="Look", answers=[{"name": "a"}]) == ["Look"]
    assert target.recorder.questions == ["Look"]


async def test_an_attached_file_is_kept_with_its_size_and_hash(target: FakeTarget) -> None:
    (target.folder / "scan.txt").write_bytes(b"evidence")
    target.recorder.answers = ["done", "scan.txt"]
    answers = [{"name": "scan", "type": "file"}]
    assert await target.measure(manual.instruct, text="Scan", answers=answers) == []
    assert {m.name: m.value for m in target.recorder.measurements} == {
        "Scan": "done",
        "scan": "attachments/scan.txt",
        "scan: size": 8,
        "scan: SHA-256": hashlib.sha256(b"evidence").hexdigest(),
    }
    assert target.record.attached == [b"evidence"]
    target.recorder.answers = ["done", "gone.txt"]
    with pytest.raises(ActionError, match=r"gone\.txt can't be read"):
        await target.measure(manual.instruct, text="Scan", answers=answers)


async def test_a_secret_answer_is_registered_and_no_value_of_it_recorded(
    target: FakeTarget,
) -> None:
    value = secrets.token_hex(12)
    target.recorder.answers = ["done", value]
    answers = [{"name": "token", "secret": True}]
    assert await target.measure(manual.instruct, text="Fetch it", answers=answers) == []
    assert list(target.secrets.known("token")) == [value]
    assert value not in str((target.recorder.measurements, target.recorder.outputs))
    target.recorder.answers = ["done", value[:7]]
    with pytest.raises(CheckFailed, match="can't be masked"):
        await target.measure(manual.instruct, text="Fetch it", answers=answers)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([{"name": "a"}, {"name": "a"}], "two of that name"),
        ([{"name": "a", "choices": ["b"]}], "between two at least"),
        ([{"name": "a", "choices": ["b", "c"], "default": "d"}], "none of its choices"),
        ([{"name": "a", "choices": ["b", "c"], "type": "integer"}], "a type as well"),
        ([{"name": "a", "type": "integer", "default": "x"}], "not a whole number"),
        ([{"name": "a", "secret": True, "default": "x"}], "without a default"),
    ],
)
async def test_answers_that_can_not_be_asked_for_are_refused_before_anything_is(
    target: FakeTarget, answers: list[dict[str, object]], message: str
) -> None:
    with pytest.raises(ActionError, match=message):
        await target.measure(manual.instruct, text="Look", answers=answers)
    assert target.recorder.questions == []

"""The harness finds an action that breaks a promise, and says at which point."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Action, Run, check, effect
from runbook_app.testing.capabilities import result
from runbook_app.testing.harness import Case, prove
from runbook_app.testing.run import FakeTarget

_times = itertools.count(1)


async def two(run: Run) -> None:
    await run.files.write("a", b"new\n")
    await run.files.write("b", b"new\n")


def written(run: Run) -> list[str]:
    return [name for name in ("a", "b") if run.files.read(name) == b"new\n"]


async def honest(run: Run) -> Finding:
    found = written(run)
    if len(found) == 2:
        return run.done()
    return run.partly(found[0]) if found else run.not_done()


def pair(apply: Any = two, checker: Any = honest, undo: Any = None) -> Action:
    made = effect(apply)
    made.check(checker)
    if undo is not None:
        made.rollback(undo)
    return made


async def switched_on(run: Run) -> None:
    (run.scratch / "on").touch()
    await two(run)


async def is_on(run: Run) -> Finding:
    if (run.scratch / "on").exists():
        return run.done() if len(written(run)) == 2 else run.partly("on")
    return run.not_done()


async def switches_off(run: Run) -> None:
    await run.shell.run(["true"])
    (run.scratch / "on").unlink(missing_ok=True)
    await run.shell.run(["true"])


async def switches_off_once(run: Run) -> None:
    (run.scratch / "on").unlink()
    await run.shell.run(["true"])


async def fails(run: Run) -> None:
    raise ActionError("it can't be taken back")


async def leaves(run: Run) -> None:
    (run.folder / "left").touch()


async def early(run: Run) -> Finding:
    return run.done() if written(run) else run.not_done()


async def never(run: Run) -> Finding:
    return run.not_done()


async def always(run: Run) -> Finding:
    return run.done()


async def writes(run: Run) -> Finding:
    await run.files.write("c", b"checked\n")
    return run.not_done()


async def lost(run: Run) -> Finding:
    if written(run) == ["a"]:
        raise ActionError("it can't be told")
    return await honest(run)


async def past_the_context(run: Run) -> None:
    (run.folder / "a").write_text("new\n")
    await run.files.write("b", b"new\n")


async def appends(run: Run) -> None:
    await run.files.write("a", run.files.read("a") + b"more\n")


async def appended(run: Run) -> Finding:
    return run.done() if b"more" in run.files.read("a") else run.not_done()


async def only_once(run: Run) -> None:
    if written(run):
        raise ActionError("something is there")
    await two(run)


async def not_partly(run: Run) -> Finding:
    return run.done() if len(written(run)) == 2 else run.not_done()


async def cleans_up(run: Run) -> None:
    await run.files.write("a", b"new\n")
    try:
        await run.shell.run(["true"])
    except ActionError:
        (run.folder / "left").write_text("x")
        raise
    await run.files.write("b", b"new\n")


@check
async def changes(run: Run) -> None:
    run.measure("x", 1)
    await run.files.write("a", b"changed\n")


@check
async def silent(run: Run) -> None:
    """Say nothing."""


@check
async def moody(run: Run) -> None:
    time = next(_times)
    run.measure("x", time, at_most=time if time % 2 else 0)


@check
async def sound(run: Run) -> None:
    run.require("a is there", await _there(run), "a")


async def _there(run: Run) -> bool:
    return (await run.shell.run(["true"])).ok


def target(folder: Path) -> FakeTarget:
    made = FakeTarget(folder)
    for name in ("a", "b"):
        (made.folder / name).write_text("before\n")
    made.shell.programs["true"] = lambda _: result()
    return made


async def test_a_sound_effect_is_ended_at_every_point_of_its_way(tmp_path) -> None:
    proof = await prove(Case(pair(), {}, target), tmp_path)
    assert proof.points == (
        *("before files.write", "capture file a", "write a 0644", "after files.write"),
        *("before files.write", "capture file b", "write b 0644", "after files.write"),
    )


def switch(folder: Path) -> FakeTarget:
    made = target(folder)
    made.outside = (made.scratch / "on").exists
    return made


async def test_what_no_capture_holds_is_taken_back_by_a_rollback_of_its_own(tmp_path) -> None:
    action = pair(switched_on, is_on, switches_off)
    assert (await prove(Case(action, {}, switch), tmp_path)).points


async def test_a_rollback_that_can_not_be_run_again_after_a_kill_is_found(tmp_path) -> None:
    action = pair(switched_on, is_on, switches_off_once)
    words = "its rollback killed at after shell.run: .*FileNotFoundError|No such file"
    with pytest.raises((AssertionError, FileNotFoundError), match=words):
        await prove(Case(action, {}, switch), tmp_path)


async def test_a_sound_check_passes(tmp_path) -> None:
    proof = await prove(Case(sound, {}, target), tmp_path)
    assert proof.points == ("before shell.run", "after shell.run")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (pair(checker=early), "killed at write a 0644: its check says done, .*: b"),
        (pair(checker=never), "after .*, its check says not done"),
        (pair(checker=always), "is done before it ran"),
        (pair(checker=writes), "its check changed c"),
        (pair(checker=lost), "killed at write a 0644: its check can't say anything"),
        (pair(past_the_context), "a was changed and not captured before"),
        (pair(appends, appended), "run again changes a"),
        (pair(only_once, not_partly), "run again after 'not done', it failed: something is there"),
        (pair(cleans_up), "failed at before shell.run: left was changed and not captured"),
        (pair(undo=fails), "its rollback failed: it can't be taken back"),
        (pair(undo=leaves), "two rolled back leaves left"),
        (effect(two), "it changes the target and has no check"),
        (changes, "a check changed a"),
        (silent, "silent measured nothing here"),
        (moody, r"moody measures \[.*True.*\], then \[.*False"),
    ],
    ids=[
        *("done_too_early", "never_done", "always_done", "check_writes", "check_lost"),
        *("not_captured", "not_the_same_again", "not_resumable", "left_by_a_failure"),
        *("rollback_fails", "rollback_leaves"),
        *("no_check", "check_changes", "check_silent", "check_moody"),
    ],
)
async def test_a_broken_promise_is_found_and_named(action, words, tmp_path) -> None:
    with pytest.raises(AssertionError, match=words):
        await prove(Case(action, {}, target), tmp_path)

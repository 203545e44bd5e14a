"""Commands run in the target's folder, and their output goes to the step's log."""

from datetime import timedelta

import pytest

from runbook_app.adapters.children import Children
from runbook_app.adapters.shell import HostShell
from runbook_app.domain.errors import ActionError
from runbook_app.domain.events import ChildStarted


@pytest.fixture
def events():
    return []


@pytest.fixture
def lines():
    return []


@pytest.fixture
def shell(events, lines, tmp_path):
    async def record(event):
        events.append(event)

    return HostShell(tmp_path, Children(record), lines.append, item="tls", step="tls.key")


async def test_a_command_runs_in_the_target_and_is_logged(shell, events, lines, tmp_path):
    result = await shell.run(["pwd"])
    assert result.text.strip() == str(tmp_path)
    assert lines == [result.stdout]
    assert isinstance(events[0], ChildStarted)
    assert (events[0].item, events[0].step) == ("tls", "tls.key")


HOSTILE = ("$(touch pwned)", "`touch pwned`", "; touch pwned", "| touch pwned", "&& touch pwned")


@pytest.mark.parametrize("text", [*HOSTILE, "> pwned", "*", "$HOME", "a\nb", "'\"\\"])
async def test_nothing_in_a_parameter_is_obeyed_by_a_shell(shell, tmp_path, text):
    result = await shell.run(["printf", "%s", text])
    assert result.text == text
    assert [*tmp_path.iterdir()] == []


async def test_a_quiet_command_is_not_logged(shell, lines):
    await shell.run(["echo", "secret"], log=False)
    assert lines == []


async def test_a_command_has_a_time_limit(shell):
    with pytest.raises(ActionError, match="sleep 100"):
        await shell.run(["sleep", "100"], timeout=timedelta(seconds=0.1))


def test_which_finds_a_program(shell):
    assert shell.which("sh")
    assert shell.which("no-such-program") is None

"""Variables, mounts and the command of a service in a Compose file."""

from __future__ import annotations

from typing import Any

import pytest

from actions import _compose_parts as parts
from runbook_app.domain.errors import ActionError


@pytest.mark.parametrize("environment", [{"A": "1"}, ["A=1"], None])
def test_a_variable_is_set_in_either_shape(environment):
    service: dict[str, Any] = {} if environment is None else {"environment": environment}
    parts.set_variable(service, "B", "2")
    parts.set_variable(service, "B", "3")
    assert parts.variable(service, "B") == "3"
    assert parts.variable(service, "A") == (None if environment is None else "1")


def test_a_mount_takes_the_place_of_another_at_the_same_path():
    service: dict[str, Any] = {
        "volumes": ["data:/data", "./old:/srv", {"type": "bind", "source": "./x", "target": "/y"}]
    }
    parts.mount(service, "new", "/srv")
    parts.mount(service, "z", "/y")
    assert service["volumes"] == ["data:/data", "./new:/srv:ro", "./z:/y:ro"]
    assert parts.mounted(service, "new", "/srv")
    assert not parts.mounted(service, "old", "/srv")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, []),
        ("postgres -c 'log_line_prefix=%m '", ["postgres", "-c", "log_line_prefix=%m "]),
        (["postgres", "-c", "a=1"], ["postgres", "-c", "a=1"]),
    ],
)
def test_a_command_is_read_as_words(given, words):
    assert parts.command({"command": given}) == words


@pytest.mark.parametrize(
    ("words", "after"),
    [
        ([], ["postgres", "-c", "ssl=on"]),
        (["postgres", "-c", "ssl=off", "-c", "a=1"], ["postgres", "-c", "a=1", "-c", "ssl=on"]),
        (["postgres", "--ssl=off"], ["postgres", "-c", "ssl=on"]),
        (["-c", "a=1"], ["-c", "a=1", "-c", "ssl=on"]),
    ],
)
def test_settings_take_the_place_of_what_the_command_says_of_them(words, after):
    assert parts.with_settings(words, {"ssl": "on"}) == after
    assert parts.with_settings(after, {"ssl": "on"}) == after


def test_settings_are_read_in_both_spellings():
    words = ["postgres", "-c", "a=1", "--log-statement=all", "-c", "b=x=y"]
    assert parts.server_settings(words) == {"a": "1", "log_statement": "all", "b": "x=y"}


def test_a_service_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ActionError) as caught:
        parts.service({"services": {"api": {}}}, "db")
    assert "db" in caught.value.message
    assert "api" in caught.value.hint

"""An edit of a Compose file touches its own lines and no others."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_app.adapters.compose_file import edited, loaded
from runbook_app.domain.errors import ActionError

LONG = "x" * 60 + " " + "y" * 120
TEXT = f"""# Staging stack.
---
name:   demo   # aligned

x-common: &common
    restart: unless-stopped

services:
    api:
        <<: *common
        image: "api:latest"
        command: [ "a",  'b' ]   # odd spacing
        ports:
        - "8001:8000"      # published
        environment:
            QUOTED: 'single'
            LONG: "{LONG}"
            # About this one.
            LAST: value

    # The database.
    db:
        image: db
        command: >-
            postgres
            -c shared_buffers=1GB
        healthcheck:
            start_period: 30s

# Networks of the stack.
networks:
    backend: {{}}

volumes:
    data:   # kept
"""


def changed_lines(change, text: str = TEXT) -> list[str]:
    after = edited(text, change, name="compose.yml")
    lines = difflib.unified_diff(text.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def test_an_edit_that_changes_nothing_gives_the_same_bytes():
    assert edited(TEXT, lambda _: None, name="compose.yml") == TEXT


def test_a_changed_value_changes_its_line_alone_and_keeps_its_quotes():
    def change(document):
        document["services"]["api"]["image"] = "api:2"

    assert changed_lines(change) == [
        '-        image: "api:latest"',
        '+        image: "api:2"',
    ]


def test_a_removed_key_takes_its_lines_with_it():
    def change(document):
        del document["services"]["api"]["ports"]

    assert changed_lines(change) == ["-        ports:", '-        - "8001:8000"      # published']


def test_an_added_key_has_the_indentation_of_the_file():
    def change(document):
        document["services"]["api"]["environment"]["MORE"] = "text"
        document["services"]["api"]["volumes"] = ["./certs:/certs:ro"]

    assert changed_lines(change) == [
        "+            MORE: text",
        "+        volumes:",
        "+        - ./certs:/certs:ro",
    ]


def test_an_added_service_stands_above_the_comment_of_what_follows():
    def change(document):
        document["services"]["nginx"] = {"image": "nginx", "networks": ["backend"]}

    after = edited(TEXT, change, name="compose.yml")
    expected = """
            start_period: 30s

    nginx:
        image: nginx
        networks:
        - backend

# Networks of the stack.
networks:
"""
    assert expected in after


def test_added_text_that_older_readers_take_for_something_else_is_quoted():
    def change(document):
        document["services"]["db"]["ports"] = ["8001:8000", "127.0.0.1:80:80"]
        document["services"]["db"]["environment"] = {"A": "no", "B": "12:30"}

    assert changed_lines(change) == [
        "+        ports:",
        '+        - "8001:8000"',
        '+        - "127.0.0.1:80:80"',
        "+        environment:",
        '+            A: "no"',
        '+            B: "12:30"',
    ]


def test_tags_anchors_and_merges_survive():
    text = TEXT.replace("image: db\n", "image: db\n        ports: !reset []\n")

    def change(document):
        document["services"]["api"]["image"] = "api:2"

    after = edited(text, change, name="compose.yml")
    assert "ports: !reset []" in after
    assert "<<: *common" in after


def test_line_ends_of_windows_are_kept():
    def change(document):
        document["services"]["api"]["image"] = "api:2"

    after = edited(TEXT.replace("\n", "\r\n"), change, name="compose.yml")
    assert after == TEXT.replace("api:latest", "api:2").replace("\n", "\r\n")


def test_a_change_to_lines_that_can_not_be_kept_still_arrives():
    def change(document):
        document["services"]["api"]["command"].append("c")

    after = edited(TEXT, change, name="compose.yml")
    assert loaded(after, name="compose.yml")["services"]["api"]["command"] == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["a: [", "- a\n- b\n", "a: 1\na: 2\n", ""])
def test_a_file_that_is_no_compose_file_is_named(text):
    with pytest.raises(ActionError, match=r"compose\.yml"):
        edited(text, lambda _: None, name="compose.yml")


KEYS = st.text("abcdef_", min_size=1, max_size=6)
VALUES = st.recursive(
    st.one_of(st.text(max_size=30), st.integers(), st.booleans()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
def test_whatever_is_put_in_comes_out_and_the_rest_is_as_it_was(added):
    before = loaded(TEXT, name="compose.yml")

    def change(document):
        document["services"]["api"]["x-added"] = added
        document["services"]["new"] = added

    after = loaded(edited(TEXT, change, name="compose.yml"), name="compose.yml")
    assert after["services"]["new"] == added
    assert after["services"]["api"].pop("x-added") == added
    after["services"].pop("new")
    assert after == before


def test_a_layout_that_is_mixed_in_itself_stays_and_additions_fit_in():
    text = """services:
  a:
      image: a    # six
      ports:
      - "1:1"
  b:
    image: b
    ports:
        - "2:2"
"""

    def change(document):
        document["services"]["a"]["environment"] = {"X": "1"}
        document["services"]["a"]["ports"].append("3:3")
        document["services"]["b"]["environment"] = {"Y": "1"}

    expected = """services:
  a:
      image: a    # six
      ports:
      - "1:1"
      - "3:3"
      environment:
        X: '1'
  b:
    image: b
    ports:
        - "2:2"
    environment:
      Y: '1'
"""
    assert edited(text, change, name="compose.yml") == expected


@pytest.mark.parametrize("value", ["\x85", "a\u2028b", "tab\there", "line\nbreak", "\x0c"])
def test_text_with_unusual_breaks_comes_back_as_it_went_in(value):
    def change(document):
        document["services"]["db"]["environment"] = {"A": value}

    after = loaded(edited(TEXT, change, name="compose.yml"), name="compose.yml")
    assert after["services"]["db"]["environment"] == {"A": value}

from __future__ import annotations

import pytest
import yaml

from runbook_app.adapters.plan_file import nodes
from runbook_app.adapters.plan_file import source as source_module
from runbook_app.adapters.plan_file.nodes import (
    Mapping,
    PureParser,
    Scalar,
    Sequence,
    compose,
    key_mark,
    walk,
)
from runbook_app.adapters.plan_file.scalars import OPENERS, UNCLEAR, is_text, resolve_plain
from runbook_app.adapters.plan_file.source import Place, read_source


@pytest.mark.parametrize("rest", ["", "0", ".5", "inf", "rue", "ull", "alse", "es", "N", "<"])
def test_what_begins_as_nothing_but_text_does_is_text(rest):
    for first in map(chr, range(0x250)):
        assert first in OPENERS or resolve_plain(first + rest) == first + rest


@pytest.mark.parametrize("text", ["3-way", "no", "8 headers", "2024-01-01"])
def test_what_is_text_is_text_each_time(text):
    assert is_text(text)
    assert is_text("".join(list(text)))


def composed(text: str, **given):
    source = read_source("f", text.encode())
    return source, compose(source, **given)


def plain(node):
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, value in node.entries.items()}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-12", -12),
        ("0", 0),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.5e+3", 1500.0),
        (".inf", float("inf")),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("100ms", "100ms"),
        ("127.0.0.1", "127.0.0.1"),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        (".", "."),
        ("...", "..."),
        ("nil", "nil"),
        ("-m", "-m"),
        ("8 headers", "8 headers"),
        (".env.example", ".env.example"),
    ],
)
def test_what_both_versions_of_yaml_agree_on_is_read(text, value):
    read = resolve_plain(text)
    assert read == value
    assert type(read) is type(value)


UNCLEAR_TEXTS = [
    "no",
    "NO",
    "On",
    "y",
    "yes",
    "off",
    "010",
    "08",
    "0o17",
    "0b11",
    "1_000",
    "1_0.5",
    "12:30",
    "190:20:30",
    "2025-10-24",
    "2025-10-24T08:00:00Z",
    "1e3",
    "1.5e3",
    "=",
    "<<",
    "99999999999999999999",
]


@pytest.mark.parametrize("text", UNCLEAR_TEXTS)
def test_what_versions_of_yaml_read_differently_is_not_guessed(text):
    assert resolve_plain(text) is UNCLEAR


@pytest.mark.parametrize("parser", [nodes.PARSER, PureParser])
def test_both_parsers_give_the_same_nodes_and_places(parser):
    text = "a: &x [1, 'two', {b: c}]\nd:\n  - *x\n  - |\n    text\n    more\n'e f': \"\\x41\"\n"
    source, root = composed(text, parser=parser)
    assert source.mistakes == []
    assert plain(root) == {
        "a": ["1", "two", {"b": "c"}],
        "d": [["1", "two", {"b": "c"}], "text\nmore\n"],
        "e f": "A",
    }
    places = [(node.mark.line, node.mark.column) for node in walk(root) if isinstance(node, Scalar)]
    assert places[:3] == [(0, 7), (0, 10), (0, 21)]


def test_libyaml_is_what_is_used_where_there_is_one():
    assert yaml.__with_libyaml__ == (nodes.PARSER is not PureParser)


def test_the_place_of_a_key_is_found_again_in_every_kind_of_mapping():
    source, root = composed("a:\n  b: {c: 1, d: [x, {e: 2}]}\n  f: *z\n  ? g\n  : h\ni: j\n")
    assert isinstance(root, Mapping)
    assert key_mark(source, root, "i") == Place(5, 0)
    inner = root.entries["a"]
    assert isinstance(inner, Mapping)
    assert key_mark(source, inner, "g") == Place(3, 4)
    innermost = inner.entries["b"]
    assert isinstance(innermost, Mapping)
    assert key_mark(source, innermost, "d") == Place(1, 12)


def test_lines_are_counted_as_yaml_counts_them():
    source, root = composed("a: 1\r\nb: 2\rc: \u00e9\u2028d: [\n")
    assert root is None
    (mistake,) = source.mistakes
    assert mistake.position.line == 5


def test_a_byte_order_mark_is_no_part_of_the_first_key():
    source = read_source("f", b"\xef\xbb\xbfa: 1\n")
    assert plain(compose(source)) == {"a": "1"}


def test_escape_sequences_never_reach_the_terminal_through_a_source_line():
    source, _ = composed("a: \x1b[31mred\n")
    assert "\x1b" not in source.mistakes[0].render()


def test_an_alias_bomb_is_refused_at_once():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 12):
        bomb += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    source, root = composed(bomb)
    assert root is None
    assert "aliases counted in full" in source.mistakes[0].message


def test_deep_nesting_is_refused_by_both_parsers():
    for parser in (nodes.PARSER, PureParser):
        source, root = composed("a: " + "[" * 300 + "]" * 300, parser=parser)
        assert root is None
        assert "nested deeper" in source.mistakes[0].message


def test_a_file_too_large_is_not_even_parsed(monkeypatch):
    monkeypatch.setattr(source_module, "MAX_BYTES", 10)
    source = read_source("f", b"a: 12345678\n")
    assert "12 bytes" in source.mistakes[0].message


def test_a_surrogate_is_a_mistake_not_a_crash():
    for parser in (nodes.PARSER, PureParser):
        source, _ = composed('a: "\\ud800"\n', parser=parser)
        assert len(source.mistakes) == 1

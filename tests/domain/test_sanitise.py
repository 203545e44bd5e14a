"""Hostile text does nothing to a terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_app.domain.sanitise import neutralise
from tests.fuzzing import corpus, kept

hostile = st.text(
    alphabet=st.sampled_from(
        "\x1b[]mK;0138:5P\\_^?hlJ\x07\r\n\t\b\x9b\x9d\x00\x7f\u202e\u2066\ud800a"
    )
    | st.characters(),
    max_size=60,
)
colour = re.compile(r"\x1b\[[\d;:]*m")
control = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200c\u200e-\u200f\u2028-\u202e\u2066-\u2069"
    "\ufeff\U000e0000-\U000e007f]"
)


def harmless(text: str) -> None:
    """Hold that nothing is left that a terminal obeys or hides, also of text in two pieces."""
    cuts = range(len(text) + 1) if len(text) < 100 else (len(text) // 2,)
    for cut in cuts:
        pieces = (text[:cut], text[cut:])
        shown = "".join(neutralise(piece) for piece in pieces)
        assert not control.search(shown)
        shown.encode()
        coloured = "".join(neutralise(piece, colour=True) for piece in pieces)
        assert not control.search(colour.sub("", coloured))
        coloured.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /health 200", "GET /health 200"),
        ("größe → 日本", "größe → 日本"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[2J\x1b[1;1H", "␛[2J␛[1;1H"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x1b]0;title\x1b\\", "␛]0;title␛\\"),
        ("\x1b]8;;http://evil\x07link\x1b]8;;\x07", "␛]8;;http://evil␇link␛]8;;␇"),
        ("\x9b2J \x9d0;t\x9c", "<9B>2J <9D>0;t<9C>"),
        ("nul\0 del\x7f bell\x07 back\b", "nul␀ del␡ bell␇ back␈"),
        ("abc\u202edcba\u2066", "abc<U+202E>dcba<U+2066>"),
        ("zero\u200bwidth \ufeff \u2028", "zero<U+200B>width <U+FEFF> <U+2028>"),
        ("lone \ud83d half", "lone <D83D> half"),
        ("10%\r20%\r\n30%\r", "10%␍20%\n30%"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
    ],
)
def test_controls_become_visible(text, shown):
    assert neutralise(text) == shown


@pytest.mark.parametrize(
    "sequence",
    [
        "0",
        "",
        "1",
        "31",
        "1;31",
        "97",
        "107",
        "38;5;208",
        "48;2;1;2;3",
        "38:5:208",
        "4;39",
        "01;34",
    ],
)
def test_colour_stays_when_it_is_wanted(sequence):
    assert neutralise(f"\x1b[{sequence}mx\x1b[0m", colour=True) == f"\x1b[{sequence}mx\x1b[0m"


@pytest.mark.parametrize("sequence", ["8", "5", "6", "31;8", "38;5", "10", "?25", "1;5;31"])
def test_hiding_and_blinking_do_not_stay(sequence):
    assert "\x1b" not in neutralise(f"\x1b[{sequence}mx", colour=True)


def test_colour_that_is_left_open_is_reset():
    assert neutralise("\x1b[31mred", colour=True) == "\x1b[31mred\x1b[0m"


def test_a_sequence_around_a_colour_does_not_come_alive():
    assert neutralise("\x1b\x1b[31m]52;c;x\x07", colour=True) == "␛\x1b[31m]52;c;x␇\x1b[0m"


@given(hostile)
def test_no_control_but_wanted_colour_is_left_of_a_text_in_one_piece_or_two(text):
    with kept("sanitise", text.encode("utf-8", "surrogatepass")):
        harmless(text)


@corpus("sanitise")
@pytest.mark.parametrize("errors", ["replace", "surrogateescape", "ignore"])
def test_no_control_but_wanted_colour_is_left_of_the_corpus(data, errors):
    harmless(data.decode("utf-8", errors))


@corpus("sanitise")
def test_no_control_is_left_of_the_corpus_that_comes_byte_by_byte(data):
    """As a chunk of a log is decoded that was cut anywhere."""
    pieces = [bytes([byte]).decode("utf-8", "replace") for byte in data]
    assert not control.search("".join(neutralise(piece, colour=True) for piece in pieces))


@given(hostile, st.booleans())
def test_doing_it_twice_changes_nothing_more(text, keep):
    once = neutralise(text, colour=keep)
    assert neutralise(once, colour=keep) == once

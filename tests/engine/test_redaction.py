"""No registered value leaves in any form, whole or in pieces."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runbook_app.domain.events import StepFailed, StepStarted
from runbook_app.engine.redaction import Redactor
from tests.fuzzing import corpus, kept

PASSWORD = 'p&ss/w"rd+ü 42'
KEY = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(
    f"{letter * 60}{number:04d}" for number, letter in enumerate("abcdefgh")
)


def redactor(**values: str) -> Redactor:
    made = Redactor()
    for name, value in values.items():
        made.register(name, value)
    return made


@pytest.mark.parametrize(
    "form",
    [
        PASSWORD,
        json.dumps(PASSWORD)[1:-1],
        json.dumps(PASSWORD, ensure_ascii=False)[1:-1],
        json.dumps(PASSWORD)[1:-1].replace("/", "\\/"),
        quote(PASSWORD),
        quote(PASSWORD, safe=""),
        quote_plus(PASSWORD),
        quote(PASSWORD).replace("%C3%BC", "%c3%bc").replace("%2B", "%2b"),
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.urlsafe_b64encode(PASSWORD.encode()).decode(),
    ],
)
def test_a_value_is_masked_in_each_form_it_takes(form):
    clean = redactor(db=PASSWORD).text(f"url=postgres://app:{form}@db")
    assert clean == "url=postgres://app:[secret:db]@db"


@given(before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_a_value_inside_longer_base64_is_masked_at_every_alignment(before, after):
    value = "correct horse battery"
    encoded = base64.b64encode(before + value.encode() + after).decode()
    clean = redactor(db=value).text(encoded)
    assert "[secret:db]" in clean
    left = clean.replace("[secret:db]", "").rstrip("=")
    assert len(left) <= len(base64.b64encode(before)) + len(base64.b64encode(after)) + 2


def test_text_without_secrets_is_the_same_object():
    text = "GET /health 200"
    assert redactor(db=PASSWORD).text(text) is text


def test_blanks_around_a_value_do_not_belong_to_it():
    assert redactor(db="longpassword\n").text("a longpassword b") == "a [secret:db] b"


def test_of_secrets_that_begin_alike_the_longest_is_masked():
    made = redactor(short="abcdefgh", long="abcdefghijkl")
    assert made.text("abcdefghijkl abcdefghij") == "[secret:long] [secret:short]ij"


def test_overlapping_secrets_leave_nothing_of_either():
    made = redactor(one="abcdefgh", two="efghijkl")
    assert made.text("x abcdefghijkl y") == "x [secret:one] y"


def test_each_long_line_of_a_private_key_is_masked_alone():
    clean = redactor(key=KEY).text(f"nginx | {KEY.splitlines()[3]}\nnginx | done")
    assert clean == "nginx | [secret:key]\nnginx | done"


def test_short_values_and_the_plan_s_names_are_weak_and_stay_in_free_text():
    made = Redactor(["postgres"])
    made.register("pin", "1234")
    made.register("db", "Postgres")
    made.register("strong", "correct horse")
    assert made.weak() == ["db", "pin"]
    assert made.text("postgres 1234 correct horse") == "postgres 1234 [secret:strong]"
    made.reserve(["correct horse"])
    assert made.weak() == ["db", "pin", "strong"]


def test_a_known_field_is_masked_also_when_its_value_is_weak():
    made = redactor(pin="1234", db="correct horse")
    assert made.field("1234") == "[secret:pin]"
    assert made.field("12345") == "12345"
    assert made.field("url correct horse") == "url [secret:db]"


def test_a_value_used_as_a_name_is_not_given_away_by_the_label():
    assert redactor(hunter2hunter2="hunter2hunter2").text("x hunter2hunter2") == "x [secret]"


def test_a_label_needs_no_escaping():
    made = Redactor()
    made.register('we"ird\nname', "correct horse")
    assert json.loads(made.text('{"a": "correct horse"}')) == {"a": "[secret:we_ird_name]"}


def test_a_structure_is_masked_in_every_text_and_keeps_its_shape():
    made = redactor(number="12345678", db="correct horse")
    event = StepStarted(
        item="tls",
        step="tls.one",
        attempt=12345678,
        parameters={"url": "x:correct horse@y", "list": ["12345678", 12345678], "no": None},
    )
    assert made.structure(event) == StepStarted(
        item="tls",
        step="tls.one",
        attempt=12345678,
        parameters={"url": "x:[secret:db]@y", "list": ["[secret:number]", 12345678], "no": None},
    )
    failed = StepFailed(item="tls", step="tls.one", error="fine")
    assert made.structure(failed) == failed


def test_a_finished_line_leaves_the_stream_at_once():
    stream = redactor(db=PASSWORD).stream()
    assert stream.feed(b"line\n") == b"line\n"
    assert stream.feed(b"half") == b"half"


def test_the_stream_holds_back_only_what_may_be_a_beginning():
    stream = redactor(db="correct horse").stream()
    assert stream.feed(b"say corr") == b"say "
    assert stream.feed(b"ect hors") == b""
    assert stream.feed(b"es") == b"[secret:db]s"
    assert stream.feed(b"correct") == b""
    assert stream.close() == b"correct"


def test_a_private_key_fed_line_by_line_never_leaves():
    stream = redactor(key=KEY).stream()
    out = b"".join(
        stream.feed(line.encode() + b"\n") for line in ["start", *KEY.split("\n"), "end"]
    )
    assert out + stream.close() == b"start\n[secret:key]\nend\n"


def test_an_endless_run_of_a_repeating_secret_is_not_held_back():
    stream = redactor(zeros="0" * 8).stream()
    out = stream.feed(b"a" + b"0" * 5)
    for _ in range(1000):
        out += stream.feed(b"0" * 5)
        assert len(stream._held) < 16
    assert out + stream.feed(b"b\n") == b"a[secret:zeros]b\n"


def test_a_value_registered_late_is_masked_from_then_on():
    made = redactor(one="first secret")
    stream = made.stream()
    assert stream.feed(b"second secret\n") == b"second secret\n"
    made.register("two", "second secret")
    assert stream.feed(b"second secret\n") == b"[secret:two]\n"


values = st.lists(st.text(alphabet="ab\n", min_size=8, max_size=14), min_size=1, max_size=4)
words = st.lists(st.integers(0, 3) | st.text(alphabet="ab\nc", max_size=9), max_size=12)


def known(made: Redactor) -> list[bytes]:
    return list(made._forms())


@given(values=values, words=words, cuts=st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_no_value_survives_any_cutting_of_the_stream(values, words, cuts):
    made = redactor(**{f"N{number}": value for number, value in enumerate(values)})
    assume(known(made))
    text = "".join(
        word if isinstance(word, str) else values[word % len(values)] for word in words
    ).encode()
    stream, out, position, turn = made.stream(), b"", 0, 0
    while position < len(text):
        step = cuts[turn % len(cuts)]
        out += stream.feed(text[position : position + step])
        position, turn = position + step, turn + 1
    out += stream.close()
    assert out == made.data(text)
    assert not any(form in out for form in known(made))


@given(
    value=st.text(min_size=8, max_size=20), before=st.text(max_size=5), after=st.text(max_size=5)
)
def test_no_value_survives_in_text(value, before, after):
    assume("[" not in value and "]" not in value)
    made = redactor(V=value)
    assume(known(made))
    clean = made.text(before + value + after)
    assert value.strip() not in clean
    assert "[secret" in clean


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda raw: raw,
    "json": lambda raw: json.dumps(raw.decode())[1:-1].encode(),
    "percent": lambda raw: quote(raw, safe="").encode(),
    "plus": lambda raw: quote_plus(raw).encode(),
    "base64": base64.b64encode,
    "urlbase64": base64.urlsafe_b64encode,
}
FOUND = b'{"values"'
"""How a file begins that a fuzzer kept: with values that it made up."""
PART = re.compile(
    rb"{{(plain|json|percent|plus|base64|urlbase64)?(start)?(?::([^|}]*)\|([^}]*))?}}"
)
"""`{{base64:a|z}}`: the secret so encoded, with what is before and after; `start`: a beginning."""


def filled(template: bytes, secret: bytes) -> tuple[bytes, list[bytes]]:
    """Put a secret into a file of the corpus; returns also what of it must not be left."""
    left: list[bytes] = []

    def encoded(part: re.Match[bytes]) -> bytes:
        encode = ENCODERS[(part[1] or b"plain").decode()]
        before, after = part[3] or b"", part[4] or b""
        found = encode(before + secret + after)
        if part[2]:
            return found[:6]
        ends = len(encode(before)) + 4, len(found) - len(encode(after)) - 4
        left.append(found[ends[0] : ends[1]] if b"base64" in (part[1] or b"") else encode(secret))
        return found

    return PART.sub(encoded, template), left


def split(made: Redactor, data: bytes, cuts: list[int]) -> bytes:
    """What comes of a stream that is cut at these places."""
    stream = made.stream()
    places = [0, *sorted(cuts), len(data)]
    out = [stream.feed(data[start:end]) for start, end in pairwise(places)]
    return b"".join(out) + stream.close()


@corpus("redaction")
def test_nothing_is_left_of_a_secret_in_the_corpus_wherever_it_is_cut(data):
    if data.startswith(FOUND):
        unbroken(data)
        return
    secret = f'{secrets.token_urlsafe(9)}/ü+ {secrets.token_urlsafe(9)}&"\\'
    text, left = filled(data, secret.encode())
    made = redactor(DB=secret)
    whole = made.data(text)
    assert b"[secret:DB]" in whole
    assert left
    for cuts in ([], [*range(len(text))], *([place] for place in range(len(text)))):
        out = split(made, text, cuts)
        assert out == whole
        assert not [piece for piece in left if piece in out]


parts = st.tuples(
    st.integers(0, 3), st.sampled_from(sorted(ENCODERS)), st.binary(max_size=3), st.booleans()
)


@given(
    values=st.lists(st.text(min_size=8, max_size=20), min_size=1, max_size=2),
    parts=st.lists(parts | st.binary(max_size=9), max_size=8),
    cuts=st.lists(st.integers(0, 400), max_size=12),
)
def test_no_form_of_a_value_survives_at_any_alignment_and_cut(values, parts, cuts):
    text = b""
    for part in parts:
        if isinstance(part, bytes):
            text += part
        else:
            value, encoder, around, whole = part
            raw = values[value % len(values)].strip().encode()
            raw = around + raw if encoder.endswith("base64") else raw
            text += ENCODERS[encoder](raw)[: None if whole else -2]
    found = {"values": values, "data": base64.b64encode(text).decode(), "cuts": cuts}
    example = json.dumps(found).encode()
    with kept("redaction", example):
        unbroken(example)


def unbroken(example: bytes) -> None:
    """Hold that a stream of data, cut at some places, is masked as the whole is."""
    found = json.loads(example)
    made = redactor(**{f"N{number}": value for number, value in enumerate(found["values"])})
    data = base64.b64decode(found["data"])
    out = split(made, data, [cut for cut in found["cuts"] if cut < len(data)])
    assert out == made.data(data)
    assert not any(form in out for form in known(made))

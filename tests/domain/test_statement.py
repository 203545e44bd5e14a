"""The envelope and the statement, held against an implementation of our own made from the specs."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_app.domain.signal import build_signal
from runbook_app.domain.statement import (
    LARGEST,
    PREDICATE_TYPE,
    SignalRefused,
    make_envelope,
    make_statement,
    pae,
    read_envelope,
    read_statement,
)

from .story import PLAN, Story, complete


def statement(story: Story | None = None) -> bytes:
    story = story or complete(assumed=True)
    return make_statement(build_signal(story.state, story.plan, story.at), "d" * 64)


def changed(**fields: object) -> bytes:
    """The statement with some members of its predicate replaced."""
    document = json.loads(statement())
    document["predicate"] |= fields
    return json.dumps(document).encode()


def test_what_is_signed_is_encoded_as_the_specification_s_example() -> None:
    wanted = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == wanted


def test_lengths_count_bytes() -> None:
    assert pae("tybé", "ü ".encode()) == "DSSEv1 5 tybé 3 ü ".encode()


def test_the_statement_is_one_of_in_toto_with_the_tip_the_plan_and_the_page_as_subjects() -> None:
    story = complete(assumed=True)
    document = json.loads(statement(story))
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == PREDICATE_TYPE
    assert document["subject"] == [
        {"name": f"journal/s1/{story.state.seq}", "digest": {"sha256": story.state.hash}},
        {"name": "plan/phase1", "digest": {"sha256": PLAN.sha256}},
        {"name": "signal.md", "digest": {"sha256": "d" * 64}},
    ]
    assert document["predicate"]["verdict"] == "COMPLETE (unattended)"
    assert document["predicate"]["times"]["planned"]
    assert document["predicate"]["items"][1]["criteria"][1]["measurements"][0]["value"] == 41.3


def test_the_envelope_is_one_of_dsse_and_is_read_back() -> None:
    payload = statement()
    data = make_envelope(payload, "k", b"sig")
    document = json.loads(data)
    assert document == {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"keyid": "k", "sig": "c2ln"}],
    }
    sealed = read_envelope(data)
    assert sealed.payload == payload
    assert sealed.signatures == (("k", b"sig"),)
    kind = b"application/vnd.in-toto+json"
    assert sealed.message == b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def test_an_envelope_of_another_program_may_lack_the_key_s_id_and_have_more_fields() -> None:
    envelope = {
        "payload": base64.urlsafe_b64encode(b"\xff\xfe?>").decode(),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"sig": "c2ln", "extension": {"kind": "x"}}],
        "more": 1,
    }
    sealed = read_envelope(json.dumps(envelope).encode())
    assert sealed.payload == b"\xff\xfe?>"
    assert sealed.signatures == (("", b"sig"),)


def test_what_was_written_is_read_from_the_payload() -> None:
    stated, digests = read_statement(statement())
    assert stated.verdict == "COMPLETE (unattended)"
    assert stated.not_confirmed[0].title == "TLS guide reviewed"
    assert digests["signal.md"] == "d" * 64


def envelope(**fields: object) -> bytes:
    whole: dict[str, object] = {
        "payload": "e30=",
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"sig": "c2ln"}],
    }
    return json.dumps(whole | fields).encode()


HOSTILE = {
    "empty": b"",
    "no JSON": b"\xff\xfe\x00",
    "a list": b"[]",
    "a number": b"1e999",
    "nothing in it": b"{}",
    "payload is a number": envelope(payload=1),
    "payload is no Base64": envelope(payload="e30"),
    "payload with spaces": envelope(payload="e3 0="),
    "payload not in its one form": envelope(payload="e31="),
    "payload with letters": envelope(payload="é"),
    "another payload type": envelope(payloadType="application/json"),
    "signatures are a mapping": envelope(signatures={}),
    "no signature": envelope(signatures=[]),
    "too many signatures": envelope(signatures=[{"sig": "c2ln"}] * 1000),
    "a signature without its bytes": envelope(signatures=[{"keyid": "k"}]),
    "a surrogate": envelope(payload="\ud800"),
    "deep": b"[" * 200_000,
    "deep in a field that nobody reads": b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "too large": envelope() + b" " * LARGEST,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_envelope_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(SignalRefused) as refused:
        read_envelope(data)
    assert len(refused.value.message) < 500


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_do_worse_than_being_refused(data: bytes) -> None:
    for read in (read_envelope, read_statement):
        with pytest.raises(SignalRefused):
            read(data)


def other(**fields: object) -> bytes:
    return json.dumps(json.loads(statement()) | fields).encode()


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (other(_type="https://in-toto.io/Statement/v0.1"), "Statement/v0.1"),
        (other(predicateType="https://slsa.dev/provenance/v1"), "not a completion signal"),
        (other(predicate=[]), "no completion signal"),
        (other(predicate={"verdict": "COMPLETE"}), "no completion signal"),
        (other(subject=[]), "not the journal entry"),
        (other(subject=[{"name": "x", "digest": {"sha256": 1}}]), "no in-toto statement"),
        (changed(verdict="PERFECT"), "no verdict 'PERFECT'"),
        (changed(verdict="COMPLETE"), "lists what no person confirmed"),
        (changed(verdict="INCOMPLETE"), "what is open does not fit"),
        (changed(reasons=["item 3: not started"]), "what is open does not fit"),
        (changed(plan_sha256="0" * 64), "not the plan"),
        (changed(session="s2"), "not the journal entry"),
        (changed(journal={"seq": 1, "hash": "0" * 64}), "not the journal entry"),
        (changed(journal={"seq": 2**80, "hash": "0" * 64}), "no journal has"),
        (changed(journal={"seq": -1, "hash": "0" * 64}), "no journal has"),
    ],
)
def test_a_statement_that_is_none_or_contradicts_itself_is_refused(
    payload: bytes, said: str
) -> None:
    with pytest.raises(SignalRefused) as refused:
        read_statement(payload)
    assert said in refused.value.message


def test_a_statement_of_a_later_version_may_say_more() -> None:
    stated, _ = read_statement(changed(readiness={"value": 1}))
    assert stated.session == "s1"

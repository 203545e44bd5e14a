"""The signed form of a completion signal: an in-toto Statement in a DSSE envelope. No cryptography.

docs/signal.md describes the format for those who read it without this program.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from runbook_app.domain.completion import Journal, Signal, Unconfirmed
from runbook_app.domain.errors import RunbookError
from runbook_app.domain.events import Withdrawal
from runbook_app.domain.verdict import Overall

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://runbook.invalid/completion-signal/v1"
"""Names the format and leads nowhere: the top-level domain is reserved for that (RFC 2606)."""

MARKDOWN = "signal.md"
JSON = "signal.json"

LARGEST = 16 << 20
"""Bytes of a signal's file; a real one has some hundred thousand."""
_SIGNATURES = 16
_LARGEST_SEQ = 2**63 - 1


class SignalRefused(RunbookError):
    """A file is no signal, or not one of this version."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the statement is about, known by its digest."""

    name: str
    digest: dict[str, str]


class Statement(msgspec.Struct, frozen=True, kw_only=True, rename={"kind": "_type"}):
    kind: str = STATEMENT_TYPE
    subject: tuple[Subject, ...]
    predicate_type: str = msgspec.field(name="predicateType", default=PREDICATE_TYPE)
    predicate: Signal


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    keyid: str = ""
    """A hint which key made it; nothing vouches for it."""
    sig: str


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    payload: str
    payload_type: str = msgspec.field(name="payloadType")
    signatures: tuple[Signature, ...]


class _Read(msgspec.Struct, frozen=True, kw_only=True, rename={"kind": "_type"}):
    kind: str
    subject: tuple[Subject, ...]
    predicate_type: str = msgspec.field(name="predicateType")
    predicate: msgspec.Raw


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader needs of the predicate; whatever else it has, other versions may have too."""

    verdict: str
    session: str
    plan: str
    title: str
    plan_version: str
    plan_sha256: str
    written: str
    journal: Journal
    not_confirmed: tuple[Unconfirmed, ...]
    reasons: tuple[str, ...]
    withdraws: Withdrawal | None = None


_Kind = TypeVar("_Kind", Envelope, _Read, Stated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """An envelope that was read: what was signed, and by whom as it claims."""

    message: bytes
    """What the signatures are over."""
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]
    """Each with the id of its key as it claims."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode()
    return b" ".join((b"DSSEv1", b"%d" % len(kind), kind, b"%d" % len(payload), payload))


def journal_subject(session: str, seq: int) -> str:
    return f"journal/{session}/{seq}"


def make_statement(signal: Signal, markdown_sha256: str) -> bytes:
    """Write what is said, about three things: the journal's tip, the plan and the Markdown."""
    tip = Subject(
        name=journal_subject(signal.session, signal.journal.seq),
        digest={"sha256": signal.journal.hash},
    )
    plan = Subject(name=f"plan/{signal.plan}", digest={"sha256": signal.plan_sha256})
    page = Subject(name=MARKDOWN, digest={"sha256": markdown_sha256})
    return msgspec.json.encode(Statement(subject=(tip, plan, page), predicate=signal))


def make_envelope(payload: bytes, keyid: str, signature: bytes) -> bytes:
    envelope = Envelope(
        payload=base64.b64encode(payload).decode(),
        payload_type=PAYLOAD_TYPE,
        signatures=(Signature(keyid=keyid, sig=base64.b64encode(signature).decode()),),
    )
    return msgspec.json.format(msgspec.json.encode(envelope), indent=2) + b"\n"


def read_envelope(data: bytes) -> Sealed:
    """Read a signal's file; nothing in it is to be believed before a signature was checked.

    Raises:
        SignalRefused: it is no envelope with a statement.
    """
    if len(data) > LARGEST:
        raise SignalRefused(f"It is larger than {LARGEST >> 20} MiB: no signal is.")
    envelope = _decode(data, Envelope, "no DSSE envelope")
    if envelope.payload_type != PAYLOAD_TYPE:
        raise SignalRefused(f"Its payload is {envelope.payload_type[:80]!r}, not {PAYLOAD_TYPE}.")
    if not 0 < len(envelope.signatures) <= _SIGNATURES:
        count = len(envelope.signatures)
        raise SignalRefused(f"It has {count} signatures; 1 to {_SIGNATURES} are read.")
    payload = _unarmoured(envelope.payload, "payload")
    return Sealed(
        message=pae(envelope.payload_type, payload),
        payload=payload,
        signatures=tuple((s.keyid, _unarmoured(s.sig, "signature")) for s in envelope.signatures),
    )


def read_statement(payload: bytes) -> tuple[Stated, dict[str, str]]:
    """Read what was signed, with the SHA-256 of each subject by its name.

    Raises:
        SignalRefused: it is not a completion signal, or contradicts itself.
    """
    read = _decode(payload, _Read, "no in-toto statement")
    if read.kind != STATEMENT_TYPE:
        raise SignalRefused(f"Its statement is {read.kind[:80]!r}, not {STATEMENT_TYPE}.")
    if read.predicate_type != PREDICATE_TYPE:
        raise SignalRefused(
            f"It states {read.predicate_type[:80]!r}, not a completion signal ({PREDICATE_TYPE})."
        )
    stated = _decode(bytes(read.predicate), Stated, "no completion signal")
    digests = {subject.name: subject.digest.get("sha256", "") for subject in read.subject}
    for fault in _contradictions(stated, digests):
        raise SignalRefused(f"The statement contradicts itself: {fault}.")
    return stated, digests


def _contradictions(stated: Stated, digests: dict[str, str]) -> Iterator[str]:
    seq = stated.journal.seq
    if not 0 <= seq <= _LARGEST_SEQ:
        yield f"no journal has an entry {seq}"
    if digests.get(journal_subject(stated.session, seq)) != stated.journal.hash:
        yield "its subject is not the journal entry that it speaks of"
    if digests.get(f"plan/{stated.plan}") != stated.plan_sha256:
        yield "its subject is not the plan that it speaks of"
    if MARKDOWN not in digests:
        yield f"it does not name {MARKDOWN}"
    if stated.verdict not in set(Overall):
        yield f"there is no verdict {stated.verdict[:80]!r}"
    if stated.verdict == Overall.COMPLETE and stated.not_confirmed:
        yield "it is COMPLETE, and lists what no person confirmed"
    if (stated.verdict == Overall.INCOMPLETE) != bool(stated.reasons):
        yield "what is open does not fit its verdict"


def _decode(data: bytes, kind: type[_Kind], what: str) -> _Kind:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SignalRefused(f"It is {what}: {error}.") from error


def _unarmoured(text: str, what: str) -> bytes:
    """Decode Base64 of either alphabet, in the one form that each value has."""
    letters = b"-_" if "-" in text or "_" in text else b"+/"
    try:
        data = base64.b64decode(text.encode("ascii"), altchars=letters, validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise SignalRefused(f"Its {what} is no Base64: {error}.") from error
    if base64.b64encode(data, letters).decode() != text:
        raise SignalRefused(f"Its {what} is no Base64 in its one form: it was altered.")
    return data

"""`verify` finds whatever was altered, and says where."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.signing_key import FilePublicKey, FileSigner
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain import events as ev
from runbook_app.domain.entry import chain, encode
from runbook_app.domain.measure import Verdict
from runbook_app.domain.statement import make_envelope, read_envelope
from runbook_app.headless.verify import Finding, verify_journal, verify_newer, verify_signal
from runbook_app.ports.signing import PublicKey
from tests.domain.story import again, complete
from tests.signed import SignedSession


@pytest.fixture
def session(tmp_path: Path) -> SignedSession:
    made = SignedSession(tmp_path)
    made.export()
    return made


def look(session: SignedSession, key: PublicKey | None = None, *, given: bool = True) -> Finding:
    """Verify the signal alone."""
    finding = Finding()
    data = session.signal.read_bytes()
    page = session.page.read_bytes() if session.page.exists() else None
    verify_signal(data, page, key or session.key, given=given, finding=finding)
    return finding


def look_at_all(session: SignedSession) -> Finding:
    """Verify the signal with its journal."""
    return hold_against(session, session.signal.read_bytes(), session.page.read_bytes())


def hold_against(session: SignedSession, data: bytes, page: bytes | None = None) -> Finding:
    """Verify a signal with the journal; a copy that lies elsewhere has no page."""
    finding = Finding()
    stated = verify_signal(data, page, session.key, given=True, finding=finding)
    journal = SqliteJournal(session.database, SystemClock(), read_only=True)
    try:
        verify_journal(journal, stated, data, finding)
    finally:
        journal.close()
    return finding


def test_a_sound_signal_is_valid_and_says_who_signed_and_what_nobody_confirmed(
    session: SignedSession,
) -> None:
    found = look(session)
    assert found.wrong == []
    assert found.verdict == "COMPLETE (unattended)"
    told = "\n".join(found.lines)
    assert session.key.keyid in told
    assert "Not confirmed by a person:\n  tls: TLS guide reviewed" in told
    assert "signal.md is the page that was signed" in told


def test_when_a_person_confirmed_everything_it_says_so(tmp_path: Path) -> None:
    session = SignedSession(tmp_path, complete())
    session.export()
    found = look(session)
    assert (found.verdict, found.wrong) == ("COMPLETE", [])
    assert "Every confirmation was given by a person." in found.lines


def test_a_signature_made_by_another_implementation_is_valid(session: SignedSession) -> None:
    private = Ed25519PrivateKey.generate()
    payload = base64.b64decode(json.loads(session.signal.read_bytes())["payload"])
    kind = "application/vnd.in-toto+json"
    message = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    envelope = {
        "signatures": [{"sig": base64.b64encode(private.sign(message)).decode()}],
        "payloadType": kind,
        "payload": base64.b64encode(payload).decode(),
    }
    session.signal.write_text(json.dumps(envelope))
    assert look(session, FilePublicKey(private.public_key())).wrong == []


@pytest.mark.slow
def test_a_changed_bit_anywhere_in_payload_or_signature_is_found(session: SignedSession) -> None:
    sound = session.signal.read_bytes()
    sealed = read_envelope(sound)
    keyid, signature = sealed.signatures[0]
    for place in range(len(sealed.payload)):
        altered = bytearray(sealed.payload)
        altered[place] ^= 1
        session.signal.write_bytes(make_envelope(bytes(altered), keyid, signature))
        assert look(session).wrong
    for place in range(len(signature) * 8):
        bits = bytearray(signature)
        bits[place // 8] ^= 1 << place % 8
        session.signal.write_bytes(make_envelope(sealed.payload, keyid, bytes(bits)))
        assert look(session).wrong


@pytest.mark.slow
def test_a_changed_byte_anywhere_in_the_file_is_found_or_changes_nothing_that_is_told(
    session: SignedSession,
) -> None:
    """Outside payload, type and signature are spaces and the key's id, which only hints."""
    sound, told = session.signal.read_bytes(), look(session)
    sealed = read_envelope(sound)
    harmless = 0
    for place in range(len(sound)):
        altered = sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :]
        session.signal.write_bytes(altered)
        found = look(session)
        if not found.wrong:
            harmless += 1
            again = read_envelope(altered)
            assert (found.verdict, found.lines) == (told.verdict, told.lines)
            assert (again.message, again.signatures[0][1]) == (
                sealed.message,
                sealed.signatures[0][1],
            )
    assert harmless <= 64 + len("keyid")


def test_another_payload_type_is_not_what_was_signed(session: SignedSession) -> None:
    document = json.loads(session.signal.read_bytes())
    session.signal.write_text(json.dumps(document | {"payloadType": "application/json"}))
    assert "not application/vnd.in-toto+json" in look(session).wrong[0]


def test_an_altered_page_is_found(session: SignedSession) -> None:
    session.page.write_text(session.page.read_text().replace("anna", "bert"))
    assert "signal.md is not the page that was signed" in look(session).wrong[0]


def test_without_the_page_the_signal_is_valid_alone(session: SignedSession) -> None:
    session.page.unlink()
    found = look(session)
    assert found.wrong == []
    assert any("no signal.md beside it" in line for line in found.lines)


def stranger(tmp_path: Path) -> PublicKey:
    signer = FileSigner(tmp_path / "stranger" / "signing.key")
    signer.sign(b"")
    return FilePublicKey.load(signer.public_file)


def test_another_key_does_not_vouch_for_it(session: SignedSession, tmp_path: Path) -> None:
    key = stranger(tmp_path)
    found = look(session, key)
    assert found.verdict == ""
    assert f"not signed by the given key {key.keyid}" in found.wrong[0]
    assert session.key.keyid in found.wrong[0]


@pytest.mark.parametrize("own", [True, False], ids=["another key here", "no key here"])
def test_without_the_signers_key_it_cannot_be_judged(
    own: bool, session: SignedSession, tmp_path: Path
) -> None:
    finding = Finding()
    key = stranger(tmp_path) if own else None
    stated = verify_signal(session.signal.read_bytes(), None, key, given=False, finding=finding)
    assert stated is None
    assert (finding.verdict, finding.lines) == ("", [])
    assert "can't be judged" in finding.wrong[0]
    assert session.key.keyid in finding.wrong[0]


def test_what_is_signed_but_no_signal_is_refused(session: SignedSession) -> None:
    payload = b'{"_type": "https://in-toto.io/Statement/v1"}'
    kind = b"application/vnd.in-toto+json"
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    session.signal.write_bytes(make_envelope(payload, *FileSigner(session.key_file).sign(message)))
    found = look(session)
    assert found.verdict == ""
    assert "What was signed is no completion signal" in found.wrong[0]


# With the journal


def test_a_session_is_valid_from_its_start_to_the_signal(session: SignedSession) -> None:
    found = look_at_all(session)
    assert found.wrong == []
    seq = len(session.story.entries)
    assert any(f"entries 1 to {seq + 1} fit each other" in line for line in found.lines)
    assert f"Since     the journal has gone on to entry {seq + 1}" in found.lines


def column(name: str, value: str) -> Callable[[SignedSession, int], None]:
    return lambda session, seq: session.sql(
        f"UPDATE entries SET {name} = {value} WHERE seq = ?", seq
    )


@pytest.mark.parametrize(
    "damage",
    [
        column("body", "CAST(replace(CAST(body AS TEXT), '{', '{ ') AS BLOB)"),
        column("at", "'2025-10-24T08:00:00.001Z'"),
        column("hash", "'" + "0" * 64 + "'"),
        column("previous", "'" + "0" * 64 + "'"),
        column("kind", "'NoteAdded'"),
    ],
    ids=["body", "at", "hash", "previous", "kind"],
)
@pytest.mark.parametrize("seq", [2, 7, 13])
def test_damage_is_located(
    damage: Callable[[SignedSession, int], None], seq: int, session: SignedSession
) -> None:
    damage(session, seq)
    assert f"damaged at entry {seq}:" in look_at_all(session).wrong[0]


def test_an_entry_that_was_taken_out_is_noticed_at_the_next(session: SignedSession) -> None:
    session.sql("DELETE FROM entries WHERE seq = 5")
    assert "damaged at entry 6:" in look_at_all(session).wrong[0]


def test_damage_is_located_with_an_altered_signal_too(session: SignedSession) -> None:
    session.sql("DELETE FROM entries WHERE seq = 5")
    session.signal.write_bytes(b"{}")
    wrong = look_at_all(session).wrong
    assert "no completion signal" in wrong[0]
    assert "damaged at entry 6:" in wrong[1]


def test_a_journal_without_its_newest_entries_is_noticed_by_the_signal(
    session: SignedSession,
) -> None:
    told = len(session.story.entries)
    session.sql("DELETE FROM entries WHERE seq > ?", told - 2)
    (wrong,) = look_at_all(session).wrong
    assert f"ends with entry {told - 2}, and the signal speaks of entry {told}" in wrong


def test_an_emptied_journal_is_noticed(session: SignedSession) -> None:
    session.sql("DELETE FROM entries")
    assert look_at_all(session).wrong == ["The journal is empty."]


def test_a_journal_that_was_written_anew_is_not_the_signals(
    session: SignedSession, tmp_path: Path
) -> None:
    other = SignedSession(tmp_path / "other")
    shutil.copy(other.database, session.database)
    for name in ("journal.db-wal", "journal.db-shm"):
        (session.folder / name).unlink(missing_ok=True)
    assert "is not the one that the signal speaks of" in look_at_all(session).wrong[0]


def test_an_older_signal_put_back_is_noticed(session: SignedSession) -> None:
    older, page = session.signal.read_bytes(), session.page.read_bytes()
    session.tell(ev.NoteAdded(text="x", by="anna"))
    session.export()
    assert look_at_all(session).wrong == []
    session.signal.write_bytes(older)
    session.page.write_bytes(page)
    (wrong,) = look_at_all(session).wrong
    assert "is not the newest" in wrong


def test_a_signal_does_not_hold_any_more_once_an_item_was_rolled_back(
    session: SignedSession,
) -> None:
    finished = complete(assumed=True).rollback().entries[-2:]
    session.tell(*(entry.body for entry in finished))
    (wrong,) = look_at_all(session).wrong
    assert "is ENDED now" in wrong
    session.export()
    found = look_at_all(session)
    assert (found.verdict, found.wrong) == ("ENDED", [])


# Withdrawn

DRIFTED = again("fast", verdict=Verdict.FAILED, evidence="P95 is 120.5, limit <= 100")


def drift(session: SignedSession) -> tuple[bytes, bytes]:
    """A recheck finds drift, and the signal is withdrawn; returns the earlier signal and page."""
    earlier = session.signal.read_bytes(), session.page.read_bytes()
    session.tell(
        ev.RecheckStarted(id="r", by="anna", probes=False),
        DRIFTED,
        ev.RecheckFinished(id="r", held=1, failed=1, not_measured=0),
    )
    session.export()
    return earlier


def test_the_withdrawing_signal_says_what_it_withdraws_and_is_valid(
    session: SignedSession,
) -> None:
    earlier, _ = drift(session)
    found = look_at_all(session)
    assert (found.verdict, found.wrong) == ("INCOMPLETE", [])
    told = "\n".join(found.lines)
    assert "Withdraws the signal COMPLETE (unattended) of" in told
    assert hashlib.sha256(earlier).hexdigest() in told
    assert "  because item 2 (TLS/HTTPS Enforcement): criterion fast held at" in told


def test_the_journal_says_when_and_why_an_earlier_signal_was_withdrawn(
    session: SignedSession,
) -> None:
    earlier, _ = drift(session)
    withdrawn, gone_on = hold_against(session, earlier).wrong
    assert withdrawn.startswith("This signal was withdrawn at 2")
    assert "by another, INCOMPLETE, because item 2" in withdrawn
    assert "criterion fast held at" in withdrawn
    assert "is INCOMPLETE now" in gone_on


def test_one_that_a_further_export_said_again_is_withdrawn_with_that(
    session: SignedSession,
) -> None:
    first = session.signal.read_bytes()
    session.tell(ev.NoteAdded(text="x", by="anna"))
    session.export()
    drift(session)
    assert hold_against(session, first).wrong[0].startswith("This signal was withdrawn at")


def test_one_that_holds_again_stays_withdrawn(session: SignedSession) -> None:
    earlier, _ = drift(session)
    session.tell(
        ev.RecheckStarted(id="r2", by="anna", probes=False),
        again("fast"),
        ev.RecheckFinished(id="r2", held=1, failed=0, not_measured=0),
    )
    session.export()
    assert look_at_all(session).wrong == []
    (withdrawn,) = hold_against(session, earlier).wrong
    assert "withdrawn" in withdrawn


def test_drift_without_a_withdrawal_yet_is_noticed_by_the_journal(session: SignedSession) -> None:
    """As after a kill between the recheck's end and its export."""
    session.tell(
        ev.RecheckStarted(id="r", by="anna", probes=False),
        DRIFTED,
        ev.RecheckFinished(id="r", held=1, failed=1, not_measured=0),
    )
    (wrong,) = look_at_all(session).wrong
    assert "is INCOMPLETE now" in wrong


def test_drift_of_a_session_that_was_incomplete_before_is_noticed_too(tmp_path: Path) -> None:
    story = complete().tell(ev.BlockerRaised(id="b", text="no key", by="anna"))
    session = SignedSession(tmp_path, story)
    session.export()
    session.tell(
        ev.RecheckStarted(id="r", by="anna", probes=False),
        DRIFTED,
        ev.RecheckFinished(id="r", held=1, failed=1, not_measured=0),
    )
    (wrong,) = look_at_all(session).wrong
    assert "has drifted since: item 2" in wrong


def newer_beside(session: SignedSession, data: bytes, newer: bytes) -> list[str]:
    finding = Finding()
    verify_newer(newer, data, session.key, finding)
    return finding.wrong


def test_a_newer_signal_beside_it_withdraws_it_without_the_journal(
    session: SignedSession,
) -> None:
    earlier, _ = drift(session)
    (wrong,) = newer_beside(session, earlier, session.signal.read_bytes())
    assert wrong.startswith("This signal was withdrawn at")


def test_nothing_but_a_withdrawal_by_the_same_key_has_a_say(
    session: SignedSession, tmp_path: Path
) -> None:
    earlier, _ = drift(session)
    newer = session.signal.read_bytes()
    payload = read_envelope(newer).payload
    signer = FileSigner(tmp_path / "stranger" / "signing.key")
    forged = make_envelope(payload, *signer.sign(read_envelope(newer).message))
    assert newer_beside(session, earlier, forged) == []
    assert newer_beside(session, earlier, b"{}") == []
    other = SignedSession(tmp_path / "other", complete())
    other.export()
    assert newer_beside(session, earlier, other.signal.read_bytes()) == []


def test_a_signal_of_an_older_version_verifies_as_before(session: SignedSession) -> None:
    payload = json.loads(read_envelope(session.signal.read_bytes()).payload)
    del payload["predicate"]["withdraws"]
    data = json.dumps(payload).encode()
    kind = "application/vnd.in-toto+json"
    message = f"DSSEv1 {len(kind)} {kind} {len(data)} ".encode() + data
    session.signal.write_bytes(make_envelope(data, *FileSigner(session.key_file).sign(message)))
    found = look(session)
    assert (found.verdict, found.wrong) == ("COMPLETE (unattended)", [])
    assert not any("Withdraws" in line for line in found.lines)


def test_an_export_that_a_crash_cut_off_before_its_record_is_valid_and_said(
    session: SignedSession,
) -> None:
    told = len(session.story.entries)
    session.sql("DELETE FROM entries WHERE seq > ?", told)
    found = look_at_all(session)
    assert found.wrong == []
    assert any("does not know this export" in line for line in found.lines)


def test_a_forged_journal_that_no_state_can_be_made_of_is_told_without_a_traceback(
    session: SignedSession,
) -> None:
    journal = SqliteJournal(session.database, SystemClock(), read_only=True)
    seq, previous = journal.tip()
    journal.close()
    asked = ev.QuestionAsked(id="q", item="tls", step="", kind="confirm", text="?")
    for body in (asked, ev.EngineStopped(epoch=1, reason="x")):
        seq, data = seq + 1, encode(body)
        digest = chain(previous, seq, "no time", data)
        row = (seq, "no time", type(body).__name__, previous, digest, data)
        session.sql("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", *row)
        previous = digest
    (wrong,) = look_at_all(session).wrong
    assert f"damaged at entry {seq - 1}: it is no entry that this program writes" in wrong

"""Checking a completion signal with nothing but itself and a public key; and its journal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from runbook_app.domain.completion import Unconfirmed
from runbook_app.domain.entry import Entry
from runbook_app.domain.events import SignalExported, StepFailed, StepSucceeded, Withdrawal
from runbook_app.domain.fold import fold
from runbook_app.domain.state import SessionState
from runbook_app.domain.statement import (
    MARKDOWN,
    Sealed,
    SignalRefused,
    Stated,
    read_envelope,
    read_statement,
)
from runbook_app.domain.times import at_second
from runbook_app.domain.verdict import drift_reasons, overall
from runbook_app.ports.journal import Journal
from runbook_app.ports.signing import PublicKey

_PAGE = 5_000
_KEYID = 80


@dataclass(slots=True)
class Finding:
    """What came of it. It is valid when nothing is wrong."""

    verdict: str = ""
    """What the signature vouches for; empty when it vouches for nothing."""
    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def verify_signal(
    data: bytes, page: bytes | None, key: PublicKey | None, *, given: bool, finding: Finding
) -> Stated | None:
    """Check a signal's file, and the Markdown beside it if there is one.

    `key` is the signer's as the reader trusts it: `given`, or else this machine's own. Returns
    what is stated once the signature vouches for it.
    """
    try:
        sealed = read_envelope(data)
    except SignalRefused as error:
        finding.wrong.append(f"This is no completion signal. {error.message}")
        return None
    if not _is_signed(sealed, key, given=given, finding=finding):
        return None
    try:
        stated, digests = read_statement(sealed.payload)
    except SignalRefused as error:
        finding.wrong.append(f"What was signed is no completion signal. {error.message}")
        return None
    finding.verdict = stated.verdict
    finding.lines += _told(stated, key.keyid if key else "")
    _compare_page(page, digests[MARKDOWN], finding)
    finding.lines += _not_by_a_person(stated.not_confirmed)
    finding.lines += [f"Open: {reason}" for reason in stated.reasons]
    finding.lines += _withdraws(stated)
    return stated


def verify_newer(newer: bytes, signal: bytes, key: PublicKey | None, finding: Finding) -> None:
    """Hear the session's newer signal, which lies beside this one and may withdraw it.

    Only one that is signed by the same trusted key has a say.
    """
    other = verify_signal(newer, None, key, given=True, finding=Finding())
    if other is None or other.withdraws is None:
        return
    if other.withdraws.sha256 == hashlib.sha256(signal).hexdigest():
        finding.wrong.append(_withdrawn(other.written, other.verdict, other.withdraws))


def _withdrawn(at: str, verdict: str, withdrawal: Withdrawal) -> str:
    return (
        f"This signal was withdrawn at {at_second(at)} by another, {verdict}, because"
        f" {'; '.join(withdrawal.why)}."
    )


def _withdraws(stated: Stated) -> Iterator[str]:
    if (earlier := stated.withdraws) is not None:
        yield f"Withdraws the signal {earlier.verdict} of {at_second(earlier.at)}, {earlier.sha256}"
        yield from (f"  because {reason}" for reason in earlier.why)


def _is_signed(sealed: Sealed, key: PublicKey | None, *, given: bool, finding: Finding) -> bool:
    if key and any(key.verifies(sealed.message, signature) for _, signature in sealed.signatures):
        return True
    claimed = ", ".join(keyid[:_KEYID] or "unnamed" for keyid, _ in sealed.signatures)
    if key and any(keyid == key.keyid for keyid, _ in sealed.signatures):
        finding.wrong.append(
            f"The signature is not over this content, or not by the key {key.keyid} that it names:"
            " the file was altered."
        )
    elif key and given:
        finding.wrong.append(
            f"It is not signed by the given key {key.keyid}, or was altered. It names the key"
            f" {claimed}."
        )
    else:
        finding.wrong.append(
            f"The signature can't be judged: it names the key {claimed}, which is not this"
            " machine's own. Give the signer's public key, got from the signer: --key signing.pub"
        )
    return False


def _told(stated: Stated, keyid: str) -> Iterator[str]:
    yield f"Signal    {stated.title}, session {stated.session}"
    yield f"Signed    by the key {keyid}"
    yield f"Written   {at_second(stated.written)}"
    yield f"Plan      {stated.plan} {stated.plan_version}, SHA-256 {stated.plan_sha256}"
    yield f"Speaks of journal entry {stated.journal.seq}, hash {stated.journal.hash}"


def _compare_page(page: bytes | None, sha256: str, finding: Finding) -> None:
    if page is None:
        finding.lines.append(f"Markdown  there is no {MARKDOWN} beside it to compare")
    elif hashlib.sha256(page).hexdigest() == sha256:
        finding.lines.append(f"Markdown  {MARKDOWN} is the page that was signed")
    else:
        finding.wrong.append(
            f"{MARKDOWN} is not the page that was signed: it was altered, or an export was cut off"
            " by a crash. `runbook export` writes both anew."
        )


def _not_by_a_person(lines: tuple[Unconfirmed, ...]) -> Iterator[str]:
    if not lines:
        yield "Every confirmation was given by a person."
        return
    yield "Not confirmed by a person:"
    for line in lines:
        when = f", {at_second(line.at)}" if line.at else ""
        yield f"  {line.item}: {line.title} - assumed (--yes, {line.by}{when})"


def verify_journal(
    journal: Journal, stated: Stated | None, signal: bytes | None, finding: Finding
) -> None:
    """Check a journal's chain from start to tip, and that the signal speaks of it.

    Raises:
        JournalError: it can't be read at all.
    """
    broken = journal.verify()
    if broken is not None:
        finding.wrong.append(
            f"The journal is damaged at entry {broken}: it is no entry that this program"
            " writes, or does not fit the entry before it. One of the two was changed, or an entry"
            " between them was taken out."
        )
        return
    seq, digest = journal.tip()
    if not seq:
        finding.wrong.append("The journal is empty.")
        return
    finding.lines.append(f"Journal   entries 1 to {seq} fit each other, the last is {digest}")
    if stated is not None and signal is not None:
        _hold_against(journal, stated, signal, finding)


def verify_logs(journal: Journal, stored: Callable[[str], Iterable[str]], finding: Finding) -> None:
    """Hold each finished step's log against the hash that its event carries.

    `stored` gives the hashes of what there is of a step's log, at each length that it has had.

    Raises:
        JournalError: a log can't be read at all.
    """
    told: dict[str, dict[str, int]] = {}
    seq = 0
    while entries := journal.read(seq, _PAGE):
        seq = entries[-1].seq
        for entry in entries:
            match entry.body:
                case (
                    StepSucceeded(step=step, log_sha256=sha256)
                    | StepFailed(step=step, log_sha256=sha256)
                ) if sha256:
                    told.setdefault(step, {})[sha256] = entry.seq
    altered = False
    for step, hashes in told.items():
        if missing := hashes.keys() - set(stored(step)):
            altered = True
            finding.wrong.append(
                f"The log of step {step} is not the one whose hash stands in entry"
                f" {min(hashes[sha256] for sha256 in missing)} of the journal: lines of it were"
                " changed, added or taken out, or are lost."
            )
    if told and not altered:
        finding.lines.append(f"Logs      of {len(told)} steps are as their hashes say")


def _hold_against(journal: Journal, stated: Stated, signal: bytes, finding: Finding) -> None:
    told, (tip, _) = stated.journal, journal.tip()
    if tip < told.seq:
        finding.wrong.append(
            f"The journal ends with entry {tip}, and the signal speaks of entry {told.seq}:"
            f" entries {tip + 1} to {told.seq} were cut off, or more."
        )
        return
    found = journal.read(told.seq - 1, 1)
    if not found or found[0].hash != told.hash:
        finding.wrong.append(
            f"Entry {told.seq} of the journal is not the one that the signal speaks of:"
            " the journal was written anew, or belongs to another session."
        )
        return
    if tip > told.seq:
        finding.lines.append(f"Since     the journal has gone on to entry {tip}")
    _hold_against_what_followed(journal, stated, signal, finding)


def _hold_against_what_followed(
    journal: Journal, stated: Stated, signal: bytes, finding: Finding
) -> None:
    """Find what withdraws a signal that is sound in itself: a newer one, or another outcome."""
    state = SessionState()
    then, drifted = "", list[str]()
    exported: list[tuple[Entry, SignalExported]] = []
    try:
        while entries := journal.read(state.seq, _PAGE):
            for entry in entries:
                fold((entry,), state)
                if entry.seq == stated.journal.seq:
                    then, drifted = overall(state), drift_reasons(state)
                if isinstance(entry.body, SignalExported):
                    exported.append((entry, entry.body))
        now = overall(state)
    except (ValueError, TypeError) as error:  # the times of forged entries
        finding.wrong.append(
            f"The journal can't be followed at entry {state.seq}: {error}. It was forged there."
        )
        return
    _hold_against_exports(exported, stated, hashlib.sha256(signal).hexdigest(), finding)
    if now != then:
        finding.wrong.append(
            f"The session has gone on, and is {now} now: this signal does not hold any more."
            " `runbook export` writes a new one."
        )
    elif more := [reason for reason in drift_reasons(state) if reason not in drifted]:
        finding.wrong.append(
            f"The target has drifted since: {'; '.join(more)}. This signal does not hold any more."
            " `runbook export` writes a new one."
        )


def _hold_against_exports(
    exported: list[tuple[Entry, SignalExported]], stated: Stated, ours: str, finding: Finding
) -> None:
    """Find the export's own record, and what withdrew it or came after it."""
    if not exported or exported[-1][0].seq <= stated.journal.seq:
        finding.lines.append(
            "Record    the journal does not know this export: a crash cut it off before its record"
        )
        return
    known = [event.sha256 for _, event in exported]
    for entry, event in exported[known.index(ours) + 1 :] if ours in known else ():
        if event.withdraws:
            finding.wrong.append(_withdrawn(entry.at, event.verdict, event.withdraws))
            return
    newest, event = exported[-1]
    if event.sha256 != ours:
        finding.wrong.append(
            f"The journal's entry {newest.seq} records another export,"
            f" {event.verdict}: this signal is not the newest, or its file was altered."
        )

"""Exporting always writes, whatever the verdict; and what it writes is signed and on record."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import get_args

import pytest

from runbook_app.domain.commands import AnyCommand, Command
from runbook_app.domain.errors import JournalError, UsageError
from runbook_app.engine.export import Exporter, Write
from runbook_app.ports.crash import no_crash
from tests.domain.story import Story, complete
from tests.signed import SignedSession


def stated(session: SignedSession) -> dict[str, object]:
    payload = base64.b64decode(json.loads(session.signal.read_bytes())["payload"])
    document: dict[str, object] = json.loads(payload)
    return document


@pytest.mark.parametrize(
    ("story", "verdict"),
    [
        (Story(), "INCOMPLETE"),
        (complete(), "COMPLETE"),
        (complete(assumed=True), "COMPLETE (unattended)"),
        (complete().rollback(), "ENDED"),
    ],
    ids=["open", "done", "unattended", "rolled back"],
)
def test_both_files_are_written_signed_and_put_on_record(
    story: Story, verdict: str, tmp_path: Path
) -> None:
    session = SignedSession(tmp_path, story)
    found = session.export()
    assert found.verdict == verdict
    assert verdict in session.page.read_text()
    predicate = stated(session)["predicate"]
    assert isinstance(predicate, dict)
    assert predicate["verdict"] == verdict
    client = session.client(read_only=True)
    recorded = client.state.exported
    client.close()
    assert recorded is not None
    assert (recorded.verdict, recorded.keyid) == (verdict, session.key.keyid)
    assert recorded.sha256 == hashlib.sha256(session.signal.read_bytes()).hexdigest()


def test_the_signature_is_made_over_the_specified_bytes(tmp_path: Path) -> None:
    session = SignedSession(tmp_path)
    session.export()
    envelope = json.loads(session.signal.read_bytes())
    payload = base64.b64decode(envelope["payload"])
    message = b"DSSEv1 28 application/vnd.in-toto+json " + str(len(payload)).encode() + b" "
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    assert session.key.verifies(message + payload, signature)
    assert envelope["signatures"][0]["keyid"] == session.key.keyid


def test_it_speaks_of_the_tip_and_of_the_page(tmp_path: Path) -> None:
    session = SignedSession(tmp_path)
    client = session.client(read_only=True)
    tip = (client.state.seq, client.state.hash)
    client.close()
    session.export()
    page = hashlib.sha256(session.page.read_bytes()).hexdigest()
    assert stated(session)["subject"] == [
        {"name": f"journal/s1/{tip[0]}", "digest": {"sha256": tip[1]}},
        {"name": "plan/phase1", "digest": {"sha256": "a" * 64}},
        {"name": "signal.md", "digest": {"sha256": page}},
    ]


@pytest.mark.parametrize(("name", "start"), [("x.json", "{"), ("x.md", "# "), ("x", "# ")])
def test_a_copy_is_written_in_the_form_that_its_name_asks_for(
    name: str, start: str, tmp_path: Path
) -> None:
    found = SignedSession(tmp_path).export(tmp_path / name)
    assert (tmp_path / name).read_text().startswith(start)
    assert found.paths[2] == tmp_path / name


def test_a_copy_that_cannot_be_written_leaves_the_sessions_own(tmp_path: Path) -> None:
    session = SignedSession(tmp_path)
    with pytest.raises(UsageError, match="can't be written"):
        session.export(tmp_path / "no" / "x.md")
    assert session.page.exists()


async def test_an_observer_exports_nothing(tmp_path: Path) -> None:
    session = await _made(tmp_path)
    client = session.client(read_only=True)
    with pytest.raises(UsageError, match="reading only"):
        await client.export()
    client.close()
    assert not session.signal.exists()


def test_the_verbs_that_are_tried_are_all_that_there_are() -> None:
    assert {k for k in Command.__subclasses__() if k.__module__ == Command.__module__} == {
        *get_args(AnyCommand)
    }


@pytest.mark.parametrize("verb", get_args(AnyCommand), ids=lambda verb: verb.__name__)
async def test_an_observer_can_trigger_no_verb(tmp_path: Path, verb: type[Command]) -> None:
    session = await _made(tmp_path)
    client = session.client(read_only=True)
    seen = client.state.seq
    with pytest.raises(UsageError, match="reading only"):
        await client.send(verb)
    client.refresh()
    assert client.state.seq == seen
    client.close()


async def test_an_observer_starts_no_engine_takes_nothing_over_and_records_nothing(
    tmp_path: Path,
) -> None:
    session = await _made(tmp_path)
    client = session.client(read_only=True)
    started: list[str] = []
    client._start_engine = started.append
    for asked in (client.ensure_engine, lambda: client.ensure_engine("it hangs")):
        with pytest.raises(UsageError, match="reading only"):
            asked()
    for recording in (client.record_plan_change(client.plan, ""), client.note_rehearsals(())):
        with pytest.raises(UsageError, match="reading only"):
            await recording
    client.close()
    assert started == []


async def test_a_folder_that_cannot_be_written_is_named_and_nothing_goes_on_record(
    tmp_path: Path,
) -> None:
    session = await _made(tmp_path)

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    client = session.client()
    client._exporter = failing(full)
    with pytest.raises(JournalError, match="No space left"):
        await client.export()
    client.refresh()
    assert client.state.exported is None
    client.close()


def test_a_statement_that_cannot_be_written_leaves_the_old_one_whole(tmp_path: Path) -> None:
    session = SignedSession(tmp_path)
    session.export()
    old = session.signal.read_bytes()

    def full(path: Path, data: bytes) -> None:
        if path == session.signal:
            raise OSError(28, "No space left on device")

    client = session.client()
    client._exporter = failing(full)
    with pytest.raises(JournalError, match="nothing was put on record"):
        asyncio.run(client.export())
    client.close()
    assert session.signal.read_bytes() == old


def failing(write: Write) -> Exporter:
    return Exporter(
        sign=lambda _: ("k", b"s"), write=write, find_leak=lambda _: None, crash=no_crash
    )


async def _made(tmp_path: Path) -> SignedSession:
    return await asyncio.to_thread(SignedSession, tmp_path)

"""Exporting always writes, whatever the verdict."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from runbook_app.domain.errors import UsageError
from runbook_app.domain.events import SignalExported
from runbook_app.headless.export import export_signal
from runbook_app.testing.session import FakeSession
from tests.domain.story import Story, complete


class Recorded(FakeSession):
    exported: SignalExported | None = None

    async def record_export(self, exported: SignalExported) -> None:
        self.exported = exported


def recorded(story: Story, folder: Path) -> Recorded:
    session = Recorded(story.plan, folder=folder)
    session.state = story.state
    return session


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("story", "verdict"), [(Story(), "INCOMPLETE"), (complete(), "COMPLETE")], ids=["open", "done"]
)
async def test_both_files_are_written_and_put_on_record(
    story: Story, verdict: str, tmp_path: Path
) -> None:
    session = recorded(story, tmp_path)
    found = await export_signal(session, write, now=story.at)
    data = (tmp_path / "signal.json").read_bytes()
    assert json.loads(data)["verdict"] == verdict == found.verdict
    assert verdict in (tmp_path / "signal.md").read_text()
    assert session.exported == SignalExported(
        verdict=verdict, sha256=hashlib.sha256(data).hexdigest(), path="signal.json"
    )


@pytest.mark.parametrize(("name", "start"), [("x.json", "{"), ("x.md", "# "), ("x", "# ")])
async def test_a_copy_is_written_in_the_form_that_its_name_asks_for(
    name: str, start: str, tmp_path: Path
) -> None:
    story = complete()
    await export_signal(recorded(story, tmp_path), write, now=story.at, out=tmp_path / name)
    assert (tmp_path / name).read_text().startswith(start)


async def test_a_copy_that_cannot_be_written_leaves_the_sessions_own(tmp_path: Path) -> None:
    story = complete()
    with pytest.raises(UsageError, match="can't be written"):
        await export_signal(
            recorded(story, tmp_path), write, now=story.at, out=tmp_path / "no" / "x.md"
        )
    assert (tmp_path / "signal.md").exists()

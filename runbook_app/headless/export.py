"""Writing the completion signal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runbook_app.domain.errors import UsageError
from runbook_app.domain.events import SignalExported
from runbook_app.domain.signal import build_signal, signal_json, signal_markdown
from runbook_app.ports.session import Session

MARKDOWN = "signal.md"
JSON = "signal.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    verdict: str
    markdown: str
    json: str
    paths: tuple[Path, ...]


class Recording(Session, Protocol):
    """A session that takes an export on record."""

    async def record_export(self, exported: SignalExported) -> None: ...


Write = Callable[[Path, bytes], object]
"""Writes a file atomically and durably."""


async def export_signal(
    session: Recording, write: Write, *, now: str, out: Path | None = None
) -> Exported:
    """Write the signal over the journal's tip into the session's folder, and a copy to `out`.

    Raises:
        UsageError: the copy could not be written; the session's own files are.
    """
    session.refresh()
    signal = build_signal(session.state, session.plan, now)
    texts = {MARKDOWN: signal_markdown(signal).encode(), JSON: signal_json(signal)}
    for name, data in texts.items():
        write(session.folder / name, data)
    digest = hashlib.sha256(texts[JSON]).hexdigest()
    await session.record_export(SignalExported(verdict=signal.verdict, sha256=digest, path=JSON))
    paths = [session.folder / name for name in texts]
    if out:
        paths.append(_copy(out, texts))
    return Exported(
        verdict=signal.verdict,
        markdown=texts[MARKDOWN].decode(),
        json=texts[JSON].decode(),
        paths=tuple(paths),
    )


def _copy(out: Path, texts: Mapping[str, bytes]) -> Path:
    data = texts[JSON if out.suffix == ".json" else MARKDOWN]
    try:
        out.write_bytes(data)
    except OSError as error:
        raise UsageError(
            f"The copy {out} can't be written: {error.strerror}.",
            hint="The session's folder holds the signal; give another --out.",
        ) from error
    return out

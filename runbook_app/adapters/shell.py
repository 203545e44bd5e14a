"""Commands on this machine, run in the target's folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from runbook_app.adapters.children import Children
from runbook_app.adapters.output import Log
from runbook_app.ports.capabilities import ExecResult


class HostShell:
    """Implements `Shell`; there is no shell in between, despite the name."""

    def __init__(
        self, root: Path, children: Children, log: Log, *, item: str = "", step: str = ""
    ) -> None:
        self._root = root
        self._children = children
        self._log = log
        self._item = item
        self._step = step

    async def run(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: timedelta = timedelta(minutes=5),
        log: bool = True,
    ) -> ExecResult:
        return await self._children.run(
            argv,
            cwd=self._root,
            environment=environment,
            stdin=stdin,
            timeout=timeout,
            log=self._log if log else None,
            item=self._item,
            step=self._step,
        )

    def which(self, name: str) -> str | None:
        return shutil.which(name)

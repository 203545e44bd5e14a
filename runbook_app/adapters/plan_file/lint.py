"""Warnings: places where a plan's own figures and words disagree."""

from __future__ import annotations

from runbook_app.adapters.plan_file.nodes import Mapping, Source
from runbook_app.domain.plan import Plan


class Lint:
    def __init__(self, source: Source, root: Mapping, plan: Plan) -> None:
        self._source = source
        self._root = root
        self._plan = plan

    def run(self) -> None:
        pass

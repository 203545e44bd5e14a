"""A target with a database, faked: its Compose file is the sample's."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook_app.domain.plan import Database, TargetSpec
from runbook_app.resources import sample_target
from runbook_app.testing.capabilities import container, result
from runbook_app.testing.run import FakeTarget

SPEC = TargetSpec(
    compose="docker-compose.staging.yml",
    database=Database(service="db", name="accounts", user="accounts", superuser="postgres"),
)


def database_target(folder: Path, answers: Mapping[str, Sequence[tuple[Any, ...]]]) -> FakeTarget:
    """`answers` are rows by words of the query; what nothing matches is answered with none."""
    target = FakeTarget(folder, spec=SPEC, compose_file="docker-compose.staging.yml")
    text = (sample_target() / "docker-compose.staging.yml").read_text(encoding="utf-8")
    (target.folder / "docker-compose.staging.yml").write_text(text)
    for service in ("api", "db"):
        info = container(service)
        raw = {"Config": {"Cmd": ["postgres"], "WorkingDir": "/app", "User": "10001"}, "Mounts": []}
        target.containers.running[service] = dataclasses.replace(info, raw=raw)
    target.containers.on_execute = lambda _, argv, __: result(
        "postgres\n" if argv[0] == "stat" else ""
    )

    def answer(sql: str) -> Sequence[tuple[Any, ...]]:
        return next((rows for words, rows in answers.items() if words in sql), [])

    target.database.on_query = answer
    return target

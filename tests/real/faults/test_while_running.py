"""What breaks while a step is at work: the state is right, the cause named, and it goes on after.

A full disk is in `test_record.py`, a sealed Vault in `tests/real/credentials/test_vault.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runbook_app.domain.state import ItemStatus, StepStatus

from .conftest import Demo
from .stage import TLS_PLAN, Stage, wait_for
from .test_stack import docker, edit, rolled_back

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

DATABASE_PLAN = TLS_PLAN.parents[1] / "kill/database.yaml"
HELD = 20_170_115
"""An advisory lock that a migration of this server has to wait for, and none of a copy's."""
WAIT_BEFORE_TABLES = f"""
    CREATE FUNCTION wait_for_the_test() RETURNS event_trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock_shared({HELD}); END';
    CREATE EVENT TRIGGER wait_for_the_test ON ddl_command_start WHEN TAG IN ('CREATE TABLE')
        EXECUTE FUNCTION wait_for_the_test();
"""
FORGET_IT = "DROP EVENT TRIGGER wait_for_the_test; DROP FUNCTION wait_for_the_test()"


def psql(database: str, text: str) -> subprocess.CompletedProcess[str]:
    command = ("docker", "exec", "--user=postgres", database, "psql", "--no-psqlrc", "-AtqU")
    return subprocess.run(
        [*command, "postgres", "--dbname=accounts", "--command", text],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@contextmanager
def holding(database: str) -> Iterator[None]:
    """Hold the lock, anew whenever the server was made anew."""
    over = threading.Event()

    def hold() -> None:
        while not over.wait(0.1):
            psql(database, f"SELECT pg_advisory_lock({HELD}), pg_sleep(120)")

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        over.set()
        psql(
            database,
            f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objid = {HELD} AND granted",
        )
        thread.join()


@contextmanager
def migrating(stage: Stage, database: str, *argv: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A run whose migration waits in its transaction, until this is left."""
    waiting = f"SELECT count(*) FROM pg_locks WHERE objid = {HELD} AND NOT granted"
    with holding(database):
        process = stage.start(*argv, "--yes", "-q")
        wait_for(
            lambda: psql(database, waiting).stdout == "1\n" or process.poll() is not None,
            seconds=240,
        )
        assert process.poll() is None, process.communicate()
        assert stage.state().step("database.migrate").status is StepStatus.RUNNING
        yield process


def test_a_migration_is_finished_after_its_network_was_cut_and_its_database_crashed(
    stage: Stage, containers: Demo
) -> None:
    database = containers.container("db")
    attached = "--format={{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}"
    network = docker("inspect", attached, database).strip()
    assert psql(database, WAIT_BEFORE_TABLES).returncode == 0
    with migrating(stage, database, "run", DATABASE_PLAN, "--target", stage.root) as process:
        docker("network", "disconnect", network, database)
        result = stage.end_of(process)
    assert result.returncode == 1, result.stdout
    assert stage.state().step("database.migrate").status is StepStatus.FAILED
    assert f"The service db is cut off: its container {database} runs" in result.stderr
    assert f"docker network connect --alias db NETWORK {database}" in result.stderr
    docker("network", "connect", "--alias", "db", network, database)
    with migrating(stage, database, "resume", "--headless") as process:
        os.kill(int(docker("inspect", "--format={{.State.Pid}}", database)), signal.SIGKILL)
    result = stage.end_of(process)
    assert result.returncode == 1, result.stdout
    assert stage.state().step("database.migrate").status is StepStatus.FAILED
    assert "in the middle of this" in result.stderr
    result = stage.runbook("resume", "--headless", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    assert stage.state().items["database"].status is ItemStatus.SUCCEEDED
    result = stage.runbook("rollback", "database", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rolled back, proven" in result.stdout
    assert psql(database, FORGET_IT).returncode == 0


def test_a_container_that_runs_out_of_memory_is_named_with_its_limit(
    stage: Stage, containers: Demo
) -> None:
    hungry = "exec python3 -c 'b\"x\" * (1 << 30)'"
    command = f'test "$$FORWARDED_ALLOW_IPS" = 127.0.0.1 || {hungry}; exec entrypoint.sh "$$@"'
    edit(stage.root, "services/api/entrypoint", ["sh", "-c", command, "sh"])
    serve = ["uvicorn", "src.api.main:app", "--host", "0.0.0.0", "--port", "8000"]
    edit(stage.root, "services/api/command", serve)
    edit(stage.root, "services/api/mem_limit", "256m")
    edit(stage.root, "services/api/restart", "no")
    containers.call("--no-open")
    result = stage.runbook("run", TLS_PLAN, "--target", stage.root, "--yes", "-q")
    assert result.returncode == 1
    assert "api ran out of memory: the kernel killed it at its limit of 256 MiB" in result.stderr
    rolled_back(stage)

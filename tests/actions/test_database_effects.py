"""What the database's steps do, and in which order, on a target of fakes."""

from __future__ import annotations

from typing import Any

import pytest

from actions import _database_downgrade as downgrade
from actions import database_migrations, database_server
from actions._database_access import access
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Measurement, Progress
from runbook_app.testing.capabilities import result
from runbook_app.testing.run import FakeTarget
from tests.actions.database_target import database_target

Answers = dict[str, list[tuple[Any, ...]]]
LOADED = "current_setting('shared_preload_libraries')"
PRESENT: Answers = {
    "data_directory": [("/data",)],
    "pg_available_extensions": [(1,)],
    LOADED: [("pg_stat_statements",)],
}
FIRST = "revision = 'aaa'\ndown_revision = None\n"


@pytest.fixture
def target(tmp_path) -> FakeTarget:
    return database_target(tmp_path, PRESENT)


async def test_a_library_that_was_loaded_stays_so(target):
    await target.apply(database_server.configure)
    words = target.compose.document()["services"]["db"]["command"]
    assert "shared_preload_libraries=pg_stat_statements,pgaudit" in words


async def test_configuring_twice_changes_nothing_the_second_time(target):
    await target.apply(database_server.configure)
    changes = list(target.history.changes)
    await target.apply(database_server.configure)
    assert target.history.changes == changes
    assert database_server.configure.checker is not None
    assert (await database_server.configure.checker(target.run)).progress is Progress.DONE


async def test_without_the_extensions_files_nothing_is_changed(tmp_path):
    target = database_target(tmp_path, {**PRESENT, "pg_available_extensions": [(0,)]})
    with pytest.raises(ActionError, match="has no extension pgaudit"):
        await target.apply(database_server.configure)
    assert target.history.changes == []


async def test_no_statements_text_is_to_be_logged(target):
    await target.apply(database_server.configure)
    words = target.compose.document()["services"]["db"]["command"]
    for setting in (
        "log_statement=none",
        "log_min_error_statement=panic",
        "pgaudit.log_statement=off",
        "pgaudit.log_parameter=off",
        "log_parameter_max_length=0",
        "log_parameter_max_length_on_error=0",
    ):
        assert setting in words


def migrating(tmp_path, at: str = "aaa") -> FakeTarget:
    target = database_target(
        tmp_path,
        {
            "relname = 'alembic_version'": [("alembic_version",)],
            "version_num": [(at,)],
            "rolcanlogin": [(True,)],
            "to_regclass('audit.audit_log')": [(False,)],
        },
    )
    folder = target.folder / "alembic/versions"
    folder.mkdir(parents=True)
    (folder / "1_first.py").write_text(FIRST)
    (folder / "2_ours_enable_pgcrypto.py").write_text("revision = 'bbb'\ndown_revision = 'aaa'\n")
    return target


def statements(target: FakeTarget) -> list[str]:
    return [line for line in target.history.changes if line.startswith("sql ")]


async def test_a_rehearsal_that_fails_touches_nothing_real(tmp_path):
    target = migrating(tmp_path)
    target.containers.on_run_once = lambda *_: result(exit_code=1, stderr="Boom: no such table\n")
    with pytest.raises(ActionError, match="on an empty database failed: Boom: no such table"):
        await target.apply(database_migrations.migrate)
    assert not any("NOLOGIN" in line for line in statements(target))
    assert "DROP DATABASE" in statements(target)[-1]


async def test_a_migration_that_fails_lets_the_application_in_again(tmp_path):
    target = migrating(tmp_path)
    answers = iter([result(), result(exit_code=1, stderr="Boom\n")])
    target.containers.on_run_once = lambda *_: next(answers)
    with pytest.raises(ActionError, match="alembic upgrade head failed: Boom"):
        await target.apply(database_migrations.migrate)
    doors = [line for line in statements(target) if "LOGIN" in line]
    assert ["NOLOGIN" in line for line in doors] == [True, False]
    assert "up" not in target.history.changes
    assert "COLUMN_KEY_FILE" not in target.files.read("docker-compose.staging.yml").decode()


async def test_an_application_is_kept_out_until_its_new_container_comes(tmp_path):
    target = migrating(tmp_path)
    await target.apply(database_migrations.migrate)
    order = target.history.changes
    closed = next(n for n, line in enumerate(order) if "NOLOGIN" in line)
    opened = next(n for n, line in enumerate(order) if line.endswith('"accounts" LOGIN;'))
    assert closed < order.index("up") < opened


async def test_a_schema_at_the_head_is_not_moved_again(tmp_path):
    target = migrating(tmp_path, at="bbb")
    await target.apply(database_migrations.migrate)
    assert target.containers.once == []
    assert "up" in target.history.changes


def taking_back(target: FakeTarget):
    given = access(
        target.run, service="", secrets="s", certificates="", script="a.sql", root="/app"
    )
    return downgrade.take_back(target.run, given, "aaa")


@pytest.mark.parametrize("answer", ["keep them", "lose them"])
async def test_values_are_lost_only_after_a_persons_word(tmp_path, answer):
    target = migrating(tmp_path)
    target.recorder.answers = [answer]
    target.containers.on_run_once = lambda _, argv, __: (
        result() if "encrypted_data" in argv[-1] else result(exit_code=1, stderr="X: Wrong key\n")
    )
    if answer == "lose them":
        await taking_back(target)
        assert len(target.containers.once) == 2
    else:
        with pytest.raises(ActionError, match="would lose encrypted values, and changed nothing"):
            await taking_back(target)
        assert len(target.containers.once) == 1
    assert len(target.recorder.questions) == 1


async def test_another_failure_is_no_question_of_losing(tmp_path):
    target = migrating(tmp_path)
    target.containers.on_run_once = lambda *_: result(exit_code=1, stderr="X: no connection\n")
    with pytest.raises(ActionError, match="changed nothing: X: no connection"):
        await taking_back(target)
    assert target.recorder.questions == []


async def test_what_migrates_again_is_found_out(tmp_path):
    target = migrating(tmp_path, at="bbb")
    with pytest.raises(ActionError, match="brings the schema up again"):
        await taking_back(target)
    assert len(target.containers.once) == 3


async def test_a_rollback_goes_to_the_revision_of_the_checkpoint(tmp_path):
    target = migrating(tmp_path, at="aaa")
    target.recorder.earlier = [("x", Measurement(name="alembic revision", value="aaa"))]
    await target.apply(database_migrations.downgrade)
    assert target.containers.once == []
    assert "NOLOGIN" in statements(target)[-1]


async def test_a_rollback_is_done_once_nobody_can_bring_the_schema_up_again(tmp_path):
    target = migrating(tmp_path, at="aaa")
    target.recorder.earlier = [("x", Measurement(name="alembic revision", value="aaa"))]
    check, ask = database_migrations.downgrade.checker, target.database.on_query
    assert check is not None
    found = await check(target.run)
    assert found.progress is Progress.NOT_DONE
    assert "may still bring it up again" in found.evidence
    target.database.on_query = lambda sql: [(False,)] if "rolcanlogin" in sql else ask(sql)
    assert (await check(target.run)).progress is Progress.DONE


async def test_a_rollback_without_a_recorded_revision_says_so(tmp_path):
    with pytest.raises(ActionError, match="No revision was recorded"):
        await migrating(tmp_path).apply(database_migrations.downgrade)

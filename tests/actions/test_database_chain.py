"""A target's chain of migrations, and where ours are put."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from actions import _database_chain as chain
from actions import database_migrations
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Progress
from runbook_app.domain.plan import Database, TargetSpec
from runbook_app.testing.run import FakeTarget

COLUMNS = {"customers": ["phone"]}
NOW = datetime(2025, 10, 24, 9, 5, tzinfo=UTC)


@pytest.fixture
def target(tmp_path) -> FakeTarget:
    database = Database(service="db", name="shop", user="app", superuser="postgres")
    made = FakeTarget(tmp_path, spec=TargetSpec(compose="compose.yaml", database=database))
    write(made, "1_first.py", "revision = 'aaa'\ndown_revision = None\n")
    write(made, "2_second.py", "revision: str = 'bbb'\ndown_revision: str | None = 'aaa'\n")
    (made.folder / "alembic.ini").write_text("[alembic]\nscript_location = alembic\n")
    return made


def write(target: FakeTarget, name: str, text: str) -> None:
    folder = target.folder / "alembic/versions"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_the_head_is_what_nothing_follows(target):
    assert chain.read(target.run, "alembic/versions").head() == "bbb"


def test_annotations_and_merges_are_read():
    merged = chain.parse("m.py", "revision: str = 'c'\ndown_revision = ('a', 'b')\n")
    assert merged is not None
    assert merged.follows == ("a", "b")


def test_a_file_that_is_no_migration_is_passed_over():
    assert chain.parse("helpers.py", "answer = 42\n") is None


async def test_several_heads_are_named(target):
    write(target, "3_other.py", "revision = 'ccc'\ndown_revision = 'aaa'\n")
    with pytest.raises(ActionError, match=r"2 heads: bbb \(.*2_second.py\), ccc"):
        await target.apply(database_migrations.pgcrypto, columns=COLUMNS)
    assert target.history.changes == []


def test_a_revision_that_is_there_twice_is_an_error(target):
    write(target, "3_copy.py", "revision = 'bbb'\ndown_revision = 'aaa'\n")
    with pytest.raises(ActionError, match="have one revision, bbb"):
        chain.read(target.run, "alembic/versions")


async def test_ours_come_after_the_head_and_after_each_other(target):
    await target.apply(database_migrations.pgcrypto, columns=COLUMNS)
    await target.apply(database_migrations.pgaudit, audited={"customers": ["phone"]})
    found = chain.read(target.run, "alembic/versions")
    first, second = found.named("enable_pgcrypto"), found.named("enable_pgaudit")
    assert first is not None
    assert second is not None
    assert (first.follows, second.follows) == (("bbb",), (first.revision,))
    assert found.head() == second.revision


async def test_writing_again_changes_nothing(target):
    await target.apply(database_migrations.pgcrypto, columns=COLUMNS)
    changes = list(target.history.changes)
    await target.apply(database_migrations.pgcrypto, columns=COLUMNS)
    assert target.history.changes == changes
    assert database_migrations.pgcrypto.checker is not None
    finding = await database_migrations.pgcrypto.checker(target.run, columns=COLUMNS)
    assert finding.progress is Progress.DONE


async def test_a_migration_is_captured_as_absent_before_it_is_written(target):
    await target.apply(database_migrations.pgcrypto, columns=COLUMNS)
    (captured,) = target.history.captured
    assert captured.endswith("_enable_pgcrypto.py")


@pytest.mark.parametrize("text", ['a"; DROP', "Upper", "", "two words"])
async def test_a_name_that_would_need_quotes_is_refused(target, text):
    with pytest.raises(ActionError):
        await target.apply(database_migrations.pgcrypto, columns={"customers": [text]})


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("", "20251024_enable_x.py"),
        ("%%(year)d_%%(month).2d_%%(day).2d-%%(slug)s", "2025_10_24-enable_x.py"),
        ("%%(year)d%%(hour).2d%%(minute).2d_%%(rev)s_%%(slug)s", "20250905_abc_enable_x.py"),
        ("%%(rev)s_%%(slug)s", "20251024_enable_x.py"),
    ],
)
def test_a_file_is_named_as_the_target_names_its_own_and_has_a_date(template, name):
    ini = f"[alembic]\nscript_location = %(here)s/alembic\nfile_template = {template}\n"
    assert chain.file_name(ini, slug="enable_x", revision="abc", now=NOW) == name


async def test_what_is_written_is_python(target):
    await target.apply(database_migrations.pgcrypto, columns=COLUMNS)
    await target.apply(database_migrations.pgaudit, audited={"users": [], "customers": ["a"]})
    for path in (target.folder / "alembic/versions").glob("*enable*.py"):
        compile(path.read_text(), path.name, "exec")

"""The files that item 4 writes into a target."""

from __future__ import annotations

import shutil

import pytest

from actions import secrets
from actions._secrets_manifest import Entry, held, render
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Progress
from runbook_app.resources import sample_target
from runbook_app.testing.run import FakeTarget
from tests.actions.secrets_target import MANIFEST

EFFECTS = [
    (secrets.create_manager, {"manifest": MANIFEST}),
    (secrets.create_tests, {}),
    (secrets.integrate_config, {}),
    (secrets.validate_at_startup, {}),
    (secrets.environment_templates, {"manifest": MANIFEST}),
    (secrets.migration_guide, {"manifest": MANIFEST}),
]


@pytest.fixture
def target(tmp_path) -> FakeTarget:
    found = FakeTarget(tmp_path)
    shutil.copytree(sample_target(), found.folder, dirs_exist_ok=True)
    return found


@pytest.mark.parametrize(("effect", "given"), EFFECTS, ids=lambda value: getattr(value, "name", ""))
async def test_each_file_is_written_once_and_found(target, effect, given):
    assert (await effect.checker(target.run, **given)).progress is Progress.NOT_DONE
    await target.apply(effect, **given)
    assert (await effect.checker(target.run, **given)).progress is Progress.DONE
    changes = list(target.history.changes)
    await target.apply(effect, **given)
    assert target.history.changes == changes


async def test_the_manager_has_the_manifest_of_the_plan(target):
    await target.apply(secrets.create_manager, manifest=MANIFEST)
    source = target.files.read("src/core/secrets.py").decode()
    compile(source, "secrets.py", "exec")
    assert source.count("    Secret(\n") == len(MANIFEST)
    assert 'name="column_key",\n        required=True,' in source
    assert "validator=hexadecimal(64)," in source
    assert "rotation=timedelta(days=90)," in source


def test_the_example_of_the_environment_keeps_its_lines_without_the_values():
    before = "# Ours.\nDB_HOST=db\nexport DB_PASSWORD='abc def'\n#JWT_SECRET=old\n"
    after = secrets.emptied(before, MANIFEST[:3], "src/core/secrets.py").splitlines()
    assert after[1:5] == ["# Ours.", "DB_HOST=db", "DB_PASSWORD=", "#JWT_SECRET="]
    assert after[-1] == "#ADMIN_PASSWORD="


def test_what_is_for_vault_holds_no_secret():
    text = render(
        "env.production.example",
        manifest=MANIFEST,
        path="p",
        vault_mount="secret",
        vault_path="accounts",
    )
    names = {entry.variable for entry in MANIFEST}
    assert not names & {line.partition("=")[0] for line in text.splitlines()}


@pytest.mark.parametrize(
    "entry",
    [
        Entry(name="db_password", description="", source=""),
        Entry(name="a'); import os #", description="", source=""),
        Entry(name="other", description="", source="", valid="length:0"),
        Entry(name="other", description="", source="", valid="hex:64); import os"),
    ],
)
def test_what_can_not_stand_in_source_is_refused(entry):
    with pytest.raises(ActionError):
        held([*MANIFEST, entry])


def test_text_of_the_plan_is_quoted_in_source():
    text = 'say "no", and \\ this\n'
    entry = Entry(name="one", description=text, source="s")
    given = secrets._values([entry], "src/x.py", "/f", "m", "p")
    source = render("secrets.py", **given)
    compile(source, "x.py", "exec")
    assert repr(text)[1:-1].replace('"', '\\"') in source

"""Edits of a target's source for its secrets."""

from __future__ import annotations

import pytest

from actions import _database_sql as sql
from actions._database_code import with_argument
from actions._secrets_code import key_from_manager, settings_from_manager, validated_at_start
from runbook_app.domain.errors import ActionError
from runbook_app.resources import sample_target

ARGUMENTS = 'env_file=".env", extra="ignore", hide_input_in_errors=True'
MODULE = "src.core.secrets"
CONFIG = (sample_target() / "src/core/config.py").read_text(encoding="utf-8")
MAIN = (sample_target() / "src/api/main.py").read_text(encoding="utf-8")


def config(source: str) -> str:
    return settings_from_manager(
        source, path="c.py", function="get_settings", settings="Settings", module=MODULE
    )


def main(source: str) -> str:
    return validated_at_start(source, path="m.py", function="lifespan", module=MODULE)


def encryption() -> str:
    return sql.render(
        "encryption.py", key_file="/k", schema="public", schema_prefix="", setting="app.key"
    )


def key(source: str) -> str:
    return key_from_manager(source, path="e.py", secret="column_key", module=MODULE)


def lines_of(changed: str, original: str) -> list[str]:
    return [line for line in changed.splitlines() if line not in original.splitlines()]


def test_settings_are_made_with_the_managers_secrets_and_all_else_stays():
    hardened = with_argument(
        CONFIG, path="c.py", call="SettingsConfigDict", argument="secrets_dir", value='"/s"'
    )
    assert lines_of(config(hardened), CONFIG) == [
        "from src.core.secrets import settings_with_secrets",
        f"    model_config = SettingsConfigDict({ARGUMENTS})",
        "    return settings_with_secrets(Settings)",
    ]
    assert config(CONFIG) == config(hardened)


def test_each_edit_is_made_once():
    assert config(config(CONFIG)) == config(CONFIG)
    assert main(main(MAIN)) == main(MAIN)
    assert key(key(encryption())) == key(encryption())


def test_the_argument_goes_wherever_it_stands():
    source = "x = SettingsConfigDict(\n    secrets_dir='/s',\n    extra='ignore',\n)\n"
    source += "def get_settings():\n    return Settings()\n"
    assert "secrets_dir" not in config(source)
    compile(config(source), "c.py", "exec")
    source = source.replace("    extra='ignore',\n", "")
    assert "SettingsConfigDict(\n    \n)" not in config(source)
    compile(config(source), "c.py", "exec")


@pytest.mark.parametrize(
    "body", ["return Settings(a=1)", "return other()", "Settings()\n    return Settings()"]
)
def test_settings_made_in_another_way_are_left_alone(body):
    with pytest.raises(ActionError, match=r"c\.py: get_settings"):
        config(f"def get_settings():\n    {body}\n")


def test_the_application_validates_before_it_starts():
    changed = main(MAIN)
    assert lines_of(changed, MAIN) == [
        "from src.core.secrets import validate_at_start",
        "        validate_at_start()",
    ]
    assert changed.index("validate_at_start()\n") < changed.index("        yield\n")
    order = [line for line in changed.splitlines() if line.startswith("from src.")]
    assert order == sorted(order)


def test_an_application_without_a_lifespan_is_left_alone():
    with pytest.raises(ActionError, match="has no function lifespan"):
        main("def lifespan():\n    pass\n")


def test_the_key_of_encrypted_columns_comes_from_the_manager():
    changed = key(encryption())
    assert 'key = get_secret_manager().get("column_key").get_secret_value()' in changed
    assert "COLUMN_KEY_FILE" not in changed
    assert "\nimport os\n" not in changed
    assert "KEY_FILE" not in changed
    compile(changed, "e.py", "exec")


def test_a_key_that_is_read_in_another_way_is_left_alone():
    with pytest.raises(ActionError, match="does not read its key from one file"):
        key("key = 1\n")

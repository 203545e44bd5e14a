from typing import Any

import pytest
from pydantic import ValidationError

from src.core.config import Settings

REQUIRED: dict[str, Any] = {
    "db_name": "accounts",
    "db_user": "service",
    "db_password": "p@ss/word%",
    "jwt_secret": "a" * 32,
    "admin_email": "admin@example.com",
    "admin_password": "twelve chars",
}


@pytest.fixture(autouse=True)
def _nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def make(**values: object) -> Settings:
    return Settings(_env_file=None, **{**REQUIRED, **values})


def test_lists_are_read_from_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "api, nginx ,,localhost")
    assert make().allowed_hosts == ("api", "nginx", "localhost")


def test_the_password_survives_the_url_whatever_its_characters() -> None:
    assert make().application_url().password == "p@ss/word%"


def test_without_a_migration_role_the_application_role_migrates() -> None:
    settings = make()
    assert settings.migration_url() == settings.application_url()


def test_a_migration_role_signs_in_with_its_own_password() -> None:
    url = make(db_migration_user="owner", db_migration_password="other").migration_url()
    assert (url.username, url.password) == ("owner", "other")


@pytest.mark.parametrize("name", ["db_password", "jwt_secret", "admin_password"])
def test_secrets_do_not_show_in_the_representation(name: str) -> None:
    assert REQUIRED[name] not in repr(make())


@pytest.mark.parametrize(("name", "value"), [("jwt_secret", "short"), ("admin_password", "short")])
def test_a_short_secret_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        make(**{name: value})


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_a_missing_setting_is_refused_by_name(name: str) -> None:
    values = {key: value for key, value in REQUIRED.items() if key != name}
    with pytest.raises(ValidationError, match=name):
        Settings(_env_file=None, **values)

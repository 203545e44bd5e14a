"""What is asked of the secret manager in its container, and how a bad answer fails."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import pytest

from actions import secrets_manager as manager
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.capabilities import ExecResult
from runbook_app.testing.capabilities import container, result
from tests.actions.secrets_target import MANIFEST, SecretsTarget
from tests.actions.test_secrets_rotation import made

NAMES = [entry.name for entry in MANIFEST]
LOG = b'{"message": "secrets validated: db_password (file)"}\n'


@pytest.fixture
async def there(tmp_path, monkeypatch) -> SecretsTarget:
    found = SecretsTarget(tmp_path, monkeypatch)
    await made(found)
    raw = {"Config": {"Entrypoint": ["entry.sh"], "Cmd": ["serve"], "User": "10001"}, "Mounts": []}
    info = container("api")
    found.fake.containers.running["api"] = dataclasses.replace(info, raw=raw)
    found.fake.containers.on_logs = lambda _: LOG
    return found


def says(there: SecretsTarget, *answers: object) -> None:
    left = [json.dumps(answer) for answer in answers]
    there.fake.containers.on_execute = lambda *_: result(left.pop(0))


def report(*problems: str, backend: str = "file", without: str = "") -> dict[str, object]:
    found = {name: backend for name in NAMES if name != without}
    return {"found": found, "absent": [], "problems": problems}


async def failed(there: SecretsTarget, action, **given: object) -> list[str]:
    return await there.fake.measure(action, manifest=MANIFEST, **given)


async def test_every_secret_found_in_its_backend_passes(there):
    says(there, report())
    assert await failed(there, manager.imports, backend="file") == []


async def test_a_secret_from_elsewhere_or_nowhere_or_wrong_fails(there):
    says(there, report(backend="environment"))
    assert await failed(there, manager.imports, backend="file") == NAMES
    says(there, report(without="jwt_secret"))
    assert await failed(there, manager.imports) == ["jwt_secret found"]
    says(there, report("jwt_secret is short"))
    assert await failed(there, manager.imports) == ["nothing is missing or wrong"]


async def test_a_manager_that_can_not_be_asked_is_not_measured(there):
    there.fake.containers.on_execute = lambda *_: result(exit_code=1, stderr="No module\n")
    for action in (manager.imports, manager.loads_from_environment, manager.config_complete):
        with pytest.raises(NotMeasured, match="No module"):
            await failed(there, action)


async def test_loading_from_variables_is_held_to_what_was_given(there):
    missing = report("db_password is missing (the role)")
    says(there, {"found": dict.fromkeys(NAMES, "environment"), "wrong": []}, missing)
    assert await failed(there, manager.loads_from_environment) == []
    says(there, {"found": {}, "wrong": ["jwt_secret"]}, report())
    assert await failed(there, manager.loads_from_environment) == [
        "loaded from variables",
        "each as it was given",
        "one that is missing is named",
    ]


async def test_settings_that_lack_a_value_or_show_one_fail(there):
    says(there, {"required": ["a"], "set": ["a"], "shown": "SecretStr('**********')"})
    assert await failed(there, manager.config_complete) == []
    says(there, {"required": ["a"], "set": [], "shown": there.value("jwt_secret")})
    assert await failed(there, manager.config_complete) == [
        "every required setting has a value",
        "no value shows in them",
    ]


def starting(there: SecretsTarget, *, exit_code: int = 1, more: str = "") -> None:
    def once(_: str, argv: Sequence[str], __: object) -> ExecResult:
        return result(f"x: {argv[0]} is missing\n{more}", exit_code=exit_code)

    there.fake.containers.on_run_once = once


async def test_an_application_that_ends_and_names_what_is_missing_passes(there):
    starting(there)
    assert await failed(there, manager.startup_validated) == []
    assert there.fake.containers.once[0][2:] == ("25", "entry.sh", "serve")
    assert [once[1] for once in there.fake.containers.once] == NAMES


@pytest.mark.parametrize("exit_code", [0, 124])
async def test_an_application_that_starts_without_a_secret_fails(there, exit_code):
    starting(there, exit_code=exit_code)
    assert await failed(there, manager.startup_validated) == [
        f"no start without {name}" for name in NAMES
    ]


async def test_an_application_that_shows_a_value_when_it_ends_fails(there):
    starting(there, more=there.value("db_password"))
    found = await failed(there, manager.startup_validated)
    assert found == [f"no value in what it says without {name}" for name in NAMES]


async def test_a_start_without_a_word_about_validation_fails(there):
    there.fake.containers.on_logs = lambda _: b"started\n"
    starting(there)
    found = await failed(there, manager.startup_validated)
    assert found == ["the start says what was validated"]

"""Secrets are found wherever they stand, and a place that can't be read is not taken for clean."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from actions import secrets_exposure as exposure
from actions._log_mark import MARK_HEADER
from actions._secrets_present import present
from actions._secrets_search import Search
from runbook_app.domain.errors import NotMeasured
from runbook_app.testing.capabilities import container, result
from runbook_app.testing.network import response
from tests.actions.secrets_target import MANIFEST, OLD, SecretsTarget
from tests.actions.test_secrets_rotation import made, taken_out

VALUE = 'a "secret"/value+1'
URL = "http://127.0.0.1/health"


@pytest.mark.parametrize(
    "data",
    [
        VALUE,
        json.dumps({"password": VALUE}),
        f"postgresql://u:{quote(VALUE, safe='')}@db",
        base64.b64encode(VALUE.encode()).decode(),
        base64.b64encode(b"user:" + VALUE.encode() + b"!").decode(),
        base64.b64encode(b"user::" + VALUE.encode() + b"!").decode(),
    ],
)
def test_a_value_is_found_in_every_form(data):
    assert Search(values={"one": VALUE}).names_in(f"before {data} after".encode()) == ["one"]


def test_what_is_not_there_is_not_found_and_what_is_too_short_not_looked_for():
    search = Search(values={"one": VALUE, "short": "abc"})
    assert search.names_in(b"abc, and a secret of another value") == []


@pytest.fixture
async def there(tmp_path, monkeypatch) -> SecretsTarget:
    found = SecretsTarget(tmp_path, monkeypatch)
    await made(found)
    await taken_out(found)
    text = found.fake.files.read(".env.example").decode()
    for value in OLD.values():
        text = text.replace(value, "")
    (found.fake.folder / ".env.example").write_text(text)
    found.fake.containers.on_execute = lambda *_: result("PATH=/bin\0")
    found.git = {"ls-files": f"{found.fake.compose.file}\0.env.example\0", "log": ""}
    found.git["log"] = f"+++ {found.fake.compose.file}\n+  DB_PASSWORD: {OLD['DB_PASSWORD']}\n"
    found.fake.shell.programs["git"] = lambda argv: result(found.git[argv[1]])
    for service in ("api", "db"):
        found.fake.containers.running[service] = container(service)
        info = found.fake.containers.running[service]
        info.raw["Name"] = info.name  # type: ignore[index]
        found.fake.containers.histories[info.image] = b'[{"Created": 1}]'
    found.fake.http.on_request = lambda *_: response()
    found.fake.record.written = [("journal.db", found.fake.run.session.encode())]
    return found


async def absent(there: SecretsTarget) -> list[str]:
    return await there.fake.measure(exposure.absent, manifest=MANIFEST)


async def test_a_clean_target_is_clean_and_its_history_is_told(there):
    assert await absent(there) == []
    told = there.fake.value("history of git, values that open nothing any more")
    assert told == "old db_password"


async def test_a_secret_in_each_place_is_found(there):
    secret = there.value("jwt_secret")
    fake = there.fake
    fake.containers.running["api"].raw["Env"] = [f"JWT_SECRET={secret}"]
    assert "docker inspect of api" in await absent(there)
    fake.containers.histories["db:latest"] = f"Created ARG {secret}".encode()
    assert "history of db:latest" in await absent(there)
    fake.containers.on_execute = lambda *_: result(f"PATH=/bin\0JWT_SECRET={secret}")
    assert "/proc/1/environ of db" in await absent(there)
    (fake.folder / ".env.example").write_text(f"JWT_SECRET={OLD['JWT_SECRET']}\n")
    assert "2 files that git takes" in await absent(there)
    there.git["log"] += secret
    assert "history of git, present values" in await absent(there)


@pytest.mark.parametrize("place", ["inspect", "image", "environ", "history"])
async def test_a_place_that_can_not_be_read_is_not_measured(there, place):
    match place:
        case "inspect":
            there.fake.containers.running["api"].raw.clear()
        case "image":
            there.fake.containers.histories.clear()
        case "environ":
            there.fake.containers.on_execute = lambda *_: result(exit_code=1)
        case "history":
            there.git["log"] = ""
    with pytest.raises(NotMeasured, match="can't be read"):
        await absent(there)


async def test_without_a_value_to_look_for_nothing_is_measured(there):
    (there.fake.folder / "secrets/api/column_key").unlink()
    with pytest.raises(NotMeasured, match="Nobody knows the value of column_key"):
        await absent(there)


def echo(there: SecretsTarget, *more: bytes) -> None:
    """The application logs the request's id, as the sample does."""

    def log(_: str) -> bytes:
        mark = there.fake.http.sent[-1][MARK_HEADER]
        return b" ".join([mark.encode(), *more])

    there.fake.containers.on_logs = log


async def from_logs(there: SecretsTarget) -> list[str]:
    return await there.fake.measure(exposure.absent_from_logs, manifest=MANIFEST, url=URL)


async def test_logs_without_a_secret_are_clean(there):
    echo(there)
    assert await from_logs(there) == []


async def test_a_secret_in_a_log_is_found(there):
    secret = there.value("admin_password").encode()
    echo(there, base64.b64encode(b"admin:" + secret))
    failed = await from_logs(there)
    assert [name.partition(",")[0] for name in failed] == ["log of api", "log of db"]


async def test_a_secret_in_the_sessions_own_record_is_found(there):
    echo(there)
    there.fake.record.written.append(("logs.db", f"x {OLD['JWT_SECRET']} y".encode()))
    (failed,) = await from_logs(there)
    assert failed.startswith("journal and log of this session")
    assert there.fake.value(failed) == "old jwt_secret in logs.db"


@pytest.mark.usefixtures("without_pauses")
async def test_a_log_without_the_mark_of_our_own_request_is_not_measured(there):
    there.fake.containers.on_logs = lambda _: b"some other lines"
    with pytest.raises(NotMeasured, match="the log of api can't be read"):
        await from_logs(there)


async def test_a_record_without_the_session_is_not_measured(there):
    echo(there)
    there.fake.record.written = [("journal.db", b"of somebody else")]
    with pytest.raises(NotMeasured, match="the session's journal can't be read"):
        await from_logs(there)


async def test_values_that_have_no_file_are_asked_of_the_application(there):
    folder = "secrets/api"
    before = await present(there.fake.run, MANIFEST, folder)
    (there.fake.folder / folder / "jwt_secret").unlink()
    there.fake.containers.on_execute = lambda *_: result(json.dumps(before))
    assert await present(there.fake.run, MANIFEST, folder) == before
    assert ("jwt_secret", before["jwt_secret"]) in there.fake.secrets.history

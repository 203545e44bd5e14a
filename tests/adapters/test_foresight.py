"""A target with predictions laid over it: what is read there, and what ends a prediction."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_app.adapters.foresight.secrets import ForeseenSecrets
from runbook_app.adapters.foresight.target import ForeseenTarget
from runbook_app.adapters.foresight.world import World
from runbook_app.domain.errors import ActionError
from runbook_app.domain.plan import Database, TargetSpec
from runbook_app.ports.action import Recorder, Run
from runbook_app.ports.foresight import Unforeseeable
from runbook_app.testing.capabilities import container, result
from runbook_app.testing.foresight import FakeProjectReader
from runbook_app.testing.network import response
from runbook_app.testing.run import FakeTarget, ListRecorder

COMPOSE = """\
services:
  api:
    image: api:1  # the newest
    env_file: [settings.env]
  db:
    image: postgres:15
"""


class Stage:
    """A faked target, and its predictions."""

    def __init__(self, folder: Path) -> None:
        spec = TargetSpec(compose="docker-compose.yml", database=Database(service="db"))
        self.target = FakeTarget(folder, spec=spec)
        self.target.containers.running = {n: container(n) for n in ("api", "db")}
        self.target.http.on_request = lambda *_: response()
        self.target.database.on_query = lambda _: [("row",)]
        (self.target.folder / "docker-compose.yml").write_text(COMPOSE)
        (self.target.folder / "motd").write_text("hello\n")
        self.scratch = folder / "dry"
        self.scratch.mkdir(mode=0o700)
        self.world = World(self.target.folder)
        self.foresight = ForeseenTarget(
            self.world,
            real=self.real,
            reader=FakeProjectReader(self.target.compose),
            secrets=ForeseenSecrets(self.world, lambda *_: None),
            scratch=self.scratch,
        )

    def real(self, *, item: str, step: str, recorder: Recorder) -> Run:
        return replace(self.target.run, item=item, step=step, recorder=recorder)

    def trying(self, called: str = "1.1") -> Run:
        return self.foresight.trying(item="i", step="i.s", called=called, recorder=ListRecorder())

    def asking(self, called: str = "1.1") -> Run:
        return self.foresight.asking(item="i", step="i.s", called=called, recorder=ListRecorder())

    async def told(self) -> list[str]:
        return [f"{c.kind} {c.name} {c.how}" for c in await self.foresight.foreseen()]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_a_written_file_is_read_by_later_steps_and_is_not_there(stage: Stage) -> None:
    run = stage.trying()
    assert await run.files.write("conf/new", b"one\n", mode=0o640, uid=33)
    assert await run.files.write("motd", b"bye\n")
    later = stage.asking("1.2")
    assert later.files.read("conf/new") == b"one\n"
    assert later.files.exists("conf")
    state = later.files.state("conf/new")
    assert state is not None
    assert (state.mode, state.uid, state.size) == (0o640, 33, 4)
    assert stage.foresight.looked
    assert not (stage.target.folder / "conf").exists()
    assert (stage.target.folder / "motd").read_text() == "hello\n"
    assert stage.target.history.lines == []


async def test_a_file_that_is_so_already_is_no_change(stage: Stage) -> None:
    run = stage.trying()
    assert not await run.files.write("motd", b"hello\n")
    assert await run.files.write("motd", b"bye\n")
    assert not await run.files.write("motd", b"bye\n")
    assert await run.files.write("motd", b"hello\n")
    assert await stage.told() == []


async def test_a_removed_file_is_gone_for_later_steps(stage: Stage) -> None:
    assert await stage.trying().files.remove("motd")
    assert not await stage.trying("1.2").files.remove("motd")
    run = stage.asking("1.3")
    assert not run.files.exists("motd")
    assert run.files.state("motd") is None
    with pytest.raises(ActionError, match="no file motd by then"):
        run.files.read("motd")
    assert (stage.target.folder / "motd").exists()


async def test_a_step_shows_what_it_makes_of_what_steps_before_it_leave(stage: Stage) -> None:
    await stage.trying().files.write("motd", b"one\n")
    await stage.trying("1.2").files.write("motd", b"two\n")
    (change,) = await stage.foresight.foreseen()
    assert change.text.splitlines()[3:] == ["-one", "+two"]


@pytest.mark.parametrize(
    ("name", "data", "mode"),
    [
        ("key", b"value", 0o600),
        ("certs/key.pem", b"value", 0o644),
        ("data", b"val\0ue", 0o644),
        ("db_password", b"value", 0o644),
        ("text", b"-----BEGIN PRIVATE KEY-----", 0o644),
    ],
)
async def test_private_and_binary_files_are_told_by_size_mode_and_owner(
    stage: Stage, name: str, data: bytes, mode: int
) -> None:
    await stage.trying().files.write(name, data, mode=mode)
    (change,) = await stage.foresight.foreseen()
    assert change.text == ""
    assert change.how == (
        f"is made: {len(data)} bytes, mode {mode:04o}, owner {os.geteuid()}:{os.getegid()}"
    )


async def test_a_path_leads_to_the_predicted_version_outside_the_target(stage: Stage) -> None:
    (stage.target.folder / "conf").mkdir()
    (stage.target.folder / "conf/kept").write_text("kept\n")
    (stage.target.folder / "conf/gone").write_text("gone\n")
    run = stage.trying()
    assert run.files.path("motd") == (stage.target.folder / "motd").resolve()
    await run.files.write("conf/sub/new", b"new\n", mode=0o600)
    await run.files.remove("conf/gone")
    folder = run.files.path("conf")
    assert folder.is_relative_to(stage.scratch)
    found = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}
    assert found == {"kept": "kept\n", "sub/new": "new\n"}
    file = run.files.path("conf/sub/new")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new\n", 0o600)
    assert sorted(p.name for p in (stage.target.folder / "conf").iterdir()) == ["gone", "kept"]


async def test_no_path_leaves_the_target(stage: Stage) -> None:
    run = stage.trying()
    for name in ("../x", "/etc/passwd", "a/../../x"):
        with pytest.raises(ActionError):
            await run.files.write(name, b"")
    assert stage.world.untouched


def set_image(document: Any) -> None:
    document["services"]["api"]["image"] = "api:2"


async def test_an_edit_keeps_comments_and_its_containers_are_told(stage: Stage) -> None:
    run = stage.trying()
    assert await run.compose.edit(set_image)
    assert not await run.compose.edit(set_image)
    await run.compose.up()
    assert run.files.read("docker-compose.yml") == COMPOSE.replace("api:1", "api:2").encode()
    assert await stage.told() == [
        "file docker-compose.yml is changed",
        "compose services.api.image is changed",
        "container api is made anew",
    ]
    assert (stage.target.folder / "docker-compose.yml").read_text() == COMPOSE


async def test_a_second_up_is_held_against_the_first(stage: Stage) -> None:
    run = stage.trying()
    await run.compose.edit(set_image)
    await run.compose.up()
    again = stage.trying("1.2")
    assert await again.compose.settled() == []
    await again.compose.up()
    assert await stage.told() == []
    third = stage.trying("1.3")
    await third.compose.edit(lambda d: d["services"].pop("api"))
    assert await third.compose.settled() == ["api: is removed"]


async def test_containers_that_are_made_anew_are_there_and_removed_ones_are_not(
    stage: Stage,
) -> None:
    run = stage.trying()

    def change(document: Any) -> None:
        set_image(document)
        document["services"]["web"] = {"image": "web:1"}
        del document["services"]["db"]

    await run.compose.edit(change)
    await run.compose.up()
    later = stage.trying("1.2")
    assert await later.containers.find("db") is None
    for service in ("api", "web"):
        found = await later.containers.find(service)
        assert found is not None
        with pytest.raises(Unforeseeable, match=rf"the container of {service}, once step 1\.1"):
            _ = found.id
        later = stage.trying("1.3")


async def test_what_a_command_line_sets_is_told_as_settings(stage: Stage) -> None:
    run = stage.trying()

    def first(document: Any) -> None:
        document["services"]["db"]["command"] = ["postgres", "-c", "ssl=on", "--port=1"]

    await run.compose.edit(first)
    again = stage.trying("1.2")
    await again.compose.edit(lambda d: d["services"]["db"].update(command="postgres -c ssl=off"))
    assert [line for line in await stage.told() if line.startswith("setting")] == [
        "setting db: ssl on → off",
        "setting db: port 1 → not set",
    ]


async def test_a_file_that_compose_reads_too_makes_its_answers_unknown(stage: Stage) -> None:
    run = stage.trying()
    await run.files.write("settings.env", b"A=1\n")
    with pytest.raises(Unforeseeable, match=r"Compose reads settings\.env too"):
        await run.compose.pending()
    run = stage.trying("1.2")
    await run.compose.up()
    assert any("may be made anew" in line for line in await stage.told())
    with pytest.raises(Unforeseeable, match=r"step 1\.2 has brought the project up"):
        await stage.asking("1.3").database.query("SELECT 1")


async def everything_that_runs(run: Run) -> dict[str, Any]:
    """A look at each thing that a step can change by running something."""
    return {
        "container": lambda: _status(run),
        "containers": run.containers.list,
        "networks": run.containers.networks,
        "log": lambda: run.containers.logs("api"),
        "answer": lambda: run.http.request("GET", "http://localhost/"),
        "handshake": lambda: run.http.handshake("localhost", 443),
        "rows": lambda: run.database.query("SELECT 1"),
        "sessions": run.database.sessions,
    }


async def _status(run: Run) -> str:
    found = await run.containers.find("api")
    assert found is not None
    return found.status


LOOKS = ("container", "containers", "networks", "log", "answer", "handshake", "rows", "sessions")


@pytest.mark.parametrize("look", LOOKS)
async def test_what_runs_is_told_while_nothing_changed_it(stage: Stage, look: str) -> None:
    await stage.trying().files.write("motd", b"bye\n")
    await (await everything_that_runs(stage.trying("1.2")))[look]()


@pytest.mark.parametrize("look", LOOKS)
async def test_what_runs_is_never_told_once_it_is_predicted_to_change(
    stage: Stage, look: str
) -> None:
    run = stage.trying()
    await run.containers.run_once("api", ["migrate"], network="default")
    for context in (stage.trying("1.2"), stage.asking("1.3")):
        with pytest.raises(Unforeseeable, match=r"once step 1\.1 has run 'migrate'"):
            await (await everything_that_runs(context))[look]()


async def test_only_what_a_command_can_reach_is_unknown_after_it(stage: Stage) -> None:
    run = stage.trying()
    await run.containers.execute("api", ["touch", "x"])
    later = stage.trying("1.2")
    assert await later.database.query("SELECT 1") == [("row",)]
    found = await later.containers.find("db")
    assert found is not None
    assert found.status == "running"
    with pytest.raises(Unforeseeable):
        await later.http.request("GET", "http://localhost/")


async def test_whether_a_stack_is_settled_is_unknown_after_a_command_in_it(stage: Stage) -> None:
    await stage.trying().containers.execute("api", ["kill", "1"])
    with pytest.raises(Unforeseeable, match=r"step 1\.1 has run 'kill 1' in api"):
        await stage.asking("1.2").compose.settled()
    await stage.trying("1.3").compose.up()
    assert await stage.asking("1.4").compose.settled() == []


async def test_a_command_shown_a_predicted_file_is_unknown(stage: Stage) -> None:
    mounts = [{"Type": "bind", "Source": str(stage.target.folder / "conf"), "Destination": "/c"}]
    stage.target.containers.running["api"] = replace(container("api"), raw={"Mounts": mounts})
    await stage.trying().files.write("conf/x", b"1")
    with pytest.raises(Unforeseeable, match="it sees another conf/x"):
        await stage.asking("1.2").containers.execute("api", ["cat", "/c/x"])
    with pytest.raises(Unforeseeable, match="api sees another conf/x"):
        await stage.asking("1.2").http.request("GET", "http://localhost/")
    assert stage.target.containers.executed == []


async def test_a_command_succeeds_by_assumption_and_prints_nothing_known(stage: Stage) -> None:
    run = stage.trying()
    answer = await run.containers.run_once("nginx", ["nginx", "-t"])
    assert answer.ok
    assert stage.foresight.assumed == (
        "'nginx -t' in a throwaway container of nginx ends with exit code 0",
    )
    with pytest.raises(Unforeseeable, match="what 'nginx -t' in a throwaway container of nginx"):
        _ = answer.text
    assert stage.target.containers.once == []


async def test_a_command_of_the_check_is_known_to_the_effect(stage: Stage) -> None:
    stage.target.containers.on_execute = lambda *_: result("postgres\n")
    await stage.asking().containers.execute("db", ["stat", "/data"])
    run = stage.trying()
    assert (await run.containers.execute("db", ["stat", "/data"])).text == "postgres\n"
    assert await stage.told() == []
    with pytest.raises(Unforeseeable):
        _ = (await run.containers.execute("db", ["stat", "/other"])).text
    assert stage.target.containers.executed == [("db", "stat", "/data")]


async def test_a_command_of_another_steps_check_is_not(stage: Stage) -> None:
    await stage.asking().containers.execute("db", ["stat", "/data"])
    stage.asking("1.2")
    await stage.trying("1.2").containers.execute("db", ["stat", "/data"])
    assert await stage.told() == ["command in db is run"]


async def test_a_built_image_is_there_and_its_id_can_t_be_compared(stage: Stage) -> None:
    run = stage.trying()
    made = await run.containers.build("nginx", "nginx:1")
    assert "the id of nginx:1" in json.dumps(made)
    found = await stage.trying("1.2").containers.image_id("nginx:1")
    assert found
    with pytest.raises(Unforeseeable):
        _ = found == "sha256:1"
    with pytest.raises(Unforeseeable):
        _ = made.startswith("sha256")
    assert stage.target.containers.images == {}


async def test_a_service_with_a_new_build_may_be_made_anew(stage: Stage) -> None:
    run = stage.trying()
    await run.containers.build("api", "api:1")
    assert await run.compose.settled() == ["api: is made anew"]
    await run.compose.up()
    assert (await stage.told())[1] == (
        "container fake-api-1 is made anew, if its build makes another image"
    )


async def test_statements_are_written_down_and_nothing_is_told_after_them(stage: Stage) -> None:
    run = stage.trying()
    rows = await run.database.execute("DELETE FROM a WHERE b = %s RETURNING c", ["x"], role="o")
    async with run.database.transaction() as t:
        await t.execute("UPDATE a SET b = 1")
    said = await run.database.superuser("ALTER ROLE a PASSWORD 'SCRAM';", secret=True)
    assert await stage.told() == [
        "sql as the plan's account with the role o is run, with 1 bound values",
        "sql as the plan's account, in one transaction is run",
        "sql as superuser, in one transaction is run",
    ]
    texts = [change.text for change in await stage.foresight.foreseen()]
    assert texts[2] == "ALTER ROLE a PASSWORD '[secret]';"
    assert "SCRAM" not in f"{said}"
    for look in (lambda: len(rows), lambda: rows[0], lambda: said[0], lambda: said == ""):
        with pytest.raises(Unforeseeable):
            look()
    with pytest.raises(Unforeseeable, match=r"once step 1\.1 has run its SQL"):
        await stage.asking("1.2").database.query("SELECT 1")
    assert stage.target.history.lines == []


@pytest.mark.parametrize("sql", ["SELECT pg_switch_wal()", "SELECT app.count(1)", "DELETE FROM a"])
async def test_what_is_not_certain_to_read_is_not_sent(stage: Stage, sql: str) -> None:
    sent: list[str] = []

    def answer(given: str) -> list[tuple[int, int]]:
        sent.append(given)
        return [(1, 1)]

    stage.target.database.on_query = answer
    for run in (stage.asking(), stage.trying()):
        with pytest.raises(Unforeseeable, match="not certain to read alone"):
            await run.database.query(sql)
    assert sql not in sent


async def test_a_function_that_the_server_says_is_stable_is_called(stage: Stage) -> None:
    answers = {"pg_proc": [(1, 0)]}
    stage.target.database.on_query = lambda sql: answers["pg_proc"] if "pg_proc" in sql else [(7,)]
    assert await stage.asking().database.query("SELECT app.reveal(x) FROM t") == [(7,)]
    answers["pg_proc"] = [(1, 1)]
    with pytest.raises(Unforeseeable, match="calls reveal"):
        await stage.asking().database.query("SELECT app.reveal(x) FROM t")


async def changes(run: Run) -> dict[str, Any]:
    return {
        "write": lambda: run.files.write("motd", b"x"),
        "remove": lambda: run.files.remove("motd"),
        "edit": lambda: run.compose.edit(set_image),
        "up": run.compose.up,
        "build": lambda: run.containers.build("x", "y"),
        "execute": lambda: run.database.execute("DELETE FROM a"),
        "transaction": lambda: _statement(run),
        "superuser": lambda: run.database.superuser("SELECT 1"),
        "backup": lambda: run.database.backup("x"),
        "copy": lambda: run.database.copy_volume("x"),
        "commit": lambda: run.git.commit(["motd"], "x"),
        "exclude": lambda: run.git.exclude(["motd"]),
        "unstage": lambda: run.git.unstage(["motd"]),
    }


async def _statement(run: Run) -> None:
    async with run.database.transaction() as t:
        await t.execute("DELETE FROM a")


CHANGES = (
    *("write", "remove", "edit", "up", "build", "execute", "transaction", "superuser", "backup"),
    *("copy", "commit", "exclude", "unstage"),
)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_check_may_change_nothing(stage: Stage, change: str) -> None:
    with pytest.raises(Unforeseeable):
        await (await changes(stage.asking()))[change]()
    assert stage.target.history.lines == []
    assert stage.world.untouched


async def test_after_its_end_a_prediction_takes_nothing_more(stage: Stage) -> None:
    run = stage.trying()
    with pytest.raises(Unforeseeable, match="the answer to POST"):
        await run.http.request("POST", "http://localhost/")
    with pytest.raises(Unforeseeable, match="the answer to POST"):
        await run.files.write("motd", b"x")
    assert await stage.told() == ["http POST http://localhost/ is sent"]
    assert stage.target.http.asked == []


async def test_a_command_on_this_machine_is_written_down(stage: Stage) -> None:
    stage.target.shell.programs["make"] = lambda _: result("made\n")
    run = stage.trying()
    answer = await run.shell.run(["make", "all"], timeout=timedelta(seconds=1))
    assert answer.ok
    assert await stage.told() == ["command on this machine is run"]
    assert stage.target.shell.executed == []
    with pytest.raises(Unforeseeable):
        await stage.asking("1.2").shell.run(["make", "check"])


async def test_git_ignores_what_a_predicted_gitignore_names(stage: Stage) -> None:
    run = stage.trying()
    assert await run.git.ignored(["key", "motd"]) == []
    await run.files.write(".gitignore", b"# ours\n/key\n")
    assert await run.git.ignored(["key"]) == ["key"]
    assert await run.git.ignored(["other"]) == []
    with pytest.raises(Unforeseeable, match="motd, which is there already"):
        await run.git.ignored(["motd"])
    run = stage.trying("1.2")
    await run.files.write(".gitignore", b"*.pem\n")
    with pytest.raises(Unforeseeable, match=r"patterns in \.gitignore"):
        await run.git.ignored(["other"])


async def test_secrets_are_made_up_masked_and_kept_in_memory(stage: Stage) -> None:
    masked: list[tuple[str, str]] = []
    secrets = ForeseenSecrets(stage.world, lambda *known: masked.append(known))
    value = secrets.generate("key", 16)
    assert ("key", value.hex()) in masked
    assert secrets.known("key")[0] == value.hex()
    stage.trying()
    assert secrets.seal("keys", b"value") == "sealed/keys.json"
    with pytest.raises(Unforeseeable, match="--seal-to"):
        secrets.recipient()
    assert [path for path in stage.scratch.rglob("*") if path.is_file()] == []


async def test_there_is_no_record_of_a_session(stage: Stage) -> None:
    with pytest.raises(Unforeseeable):
        stage.asking().record.pieces()
    with pytest.raises(Unforeseeable):
        stage.asking().record.attach(stage.target.folder / "motd")

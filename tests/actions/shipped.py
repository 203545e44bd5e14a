"""A case of the harness for each shipped action: called as the shipped plan does, on fakes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from actions import secrets_rotation, secrets_vault
from actions.database_roles import COMMENT
from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.errors import DatabaseRefused
from runbook_app.domain.measure import Measurement
from runbook_app.domain.plan import CheckLine, Plan
from runbook_app.ports.capabilities import ExecResult
from runbook_app.resources import sample_target, shipped_plans
from runbook_app.testing.capabilities import container, result
from runbook_app.testing.harness import Case
from runbook_app.testing.network import response
from runbook_app.testing.run import FakeTarget
from tests.actions.command_target import PYTHON, SHELL, SQL, with_programs, with_rows
from tests.actions.database_target import database_target
from tests.actions.secrets_target import HASH, MANIFEST, TOKENS, SecretsTarget
from tests.actions.test_secrets_vault import Server

REGISTRY = InstalledActions(group="")
SAMPLE = (
    *("docker-compose.staging.yml", ".env.example", "alembic.ini"),
    *("src/core/config.py", "src/db/models.py", "src/api/main.py"),
)
"""Files of the sample target that actions edit or read."""
FIRST = "revision = 'aaa'\ndown_revision = None\n"
SECOND = "revision = 'bbb'\ndown_revision = 'aaa'\n"
ACCOUNT = {"variable": "ADMIN_EMAIL"}
VAULT = {"backend": "vault"}

Make = Callable[[Path], Any]


@cache
def plan() -> Plan:
    return read_plan(shipped_plans() / "phase1_security_hardening.yaml", REGISTRY, {}, None)


@cache
def planned() -> dict[str, Mapping[str, object]]:
    """Parameters of the first call of each action in the shipped plan."""
    calls = [check.call for group in plan().score.categories for check in group.checks]
    for item in plan().items:
        calls += [step.call for step in item.steps]
        calls += [line.call for line in item.checkpoint if isinstance(line, CheckLine)]
        calls += [*(line.call for line in item.success), *item.rollback]
    found: dict[str, Mapping[str, object]] = {}
    for call in calls:
        found.setdefault(call.action, call.parameters)
    return found


def case(
    name: str, target: Make, given: Mapping[str, object] | None = None, *, measures: bool = True
) -> Case:
    action = REGISTRY.get(name)
    assert action is not None
    parameters = planned().get(name, {}) if given is None else given
    return Case(action, REGISTRY.coerce(action, parameters), target, measures)


def sample(
    folder: Path, answers: Mapping[str, Sequence[tuple[Any, ...]]] | None = None
) -> FakeTarget:
    """The sample target, its stack faked."""
    target = database_target(folder, answers or {})
    for name in SAMPLE:
        place = target.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        text = (sample_target() / name).read_text(encoding="utf-8")
        for token, value in TOKENS.items():
            text = text.replace(f"@@{token}@@", value)
        place.write_text(text, encoding="utf-8")
    versions = target.folder / "alembic/versions"
    versions.mkdir(parents=True)
    (versions / "1_first.py").write_text(FIRST)
    return target


def answering(folder: Path) -> FakeTarget:
    """A target whose server answers, and whose machine has the programs."""
    target = sample(folder)
    target.http.on_request = lambda *_: response(headers=[("X-Frame-Options", "DENY")])
    for program in ("git", "openssl"):
        target.shell.programs[program] = lambda _: result("answer\n")
    (target.folder / "certs").mkdir()
    (target.folder / "certs/key.pem").write_text("key\n")
    return target


def mute(folder: Path) -> FakeTarget:
    """A target in whose containers nothing can be run, and whose server gives no answer."""
    target = postgres(folder)
    ask = target.database.on_query
    target.containers.on_execute = lambda *_: result(exit_code=1, stderr="no such file\n")
    target.containers.on_run_once = lambda *_: result(exit_code=1, stderr="no such file\n")
    target.database.on_query = lambda sql: _refuse(sql, ask)
    return target


def _refuse(sql: str, ask: Callable[[str], Sequence[tuple[Any, ...]]]) -> Any:
    if rows := ask(sql):
        return rows
    raise DatabaseRefused("the server is starting up", sqlstate="57P03")


def unsettled(target: FakeTarget) -> FakeTarget:
    """Containers that do not run as the Compose file says, until they are brought up."""
    target.compose.differences = ["api: runs with another configuration"]
    also(target, "stack", lambda: [*target.compose.differences], target.compose.__setattr__)
    return target


def also(
    target: FakeTarget, name: str, look: Callable[[], object], put: Callable[[str, Any], None]
) -> None:
    """Add to what a target's fakes hold; `put` takes an attribute and its value."""
    attribute = "differences" if name == "stack" else name
    before, back = target.outside, target.put_back

    def outside() -> object:
        return (before(), look())

    def put_back(was: Any) -> None:
        back(was[0])
        put(attribute, copy.copy(was[1]))

    target.outside, target.put_back = outside, put_back


def postgres(folder: Path) -> FakeTarget:
    """A server that has the extensions' files."""
    return unsettled(
        sample(
            folder,
            {
                "data_directory": [("/data",)],
                "pg_available_extensions": [(1,)],
                "shared_preload_libraries": [("",)],
                "oid = 10": [("postgres",)],
                "pg_postmaster_start_time": [("2025-10-24 08:00",)],
            },
        )
    )


def trail(folder: Path) -> FakeTarget:
    """A database with pgaudit and the trail's schema, until both scripts ran."""
    target, state = sample(folder), SimpleNamespace(scripts=0)

    def ask(sql: str) -> list[tuple[Any, ...]]:
        if "extname" in sql:
            return [("pgaudit",)] if state.scripts < 2 else []
        return [(COMMENT if state.scripts < 1 else None,)]

    def execute(_: str) -> list[tuple[Any, ...]]:
        state.scripts = min(2, state.scripts + 1)
        return []

    target.database.on_query, target.database.on_execute = ask, execute
    also(target, "scripts", lambda: state.scripts, partial(setattr, state))
    return target


def plaintext(folder: Path) -> FakeTarget:
    """A database whose files hold values until its tables are written anew."""
    target, state = postgres(folder), SimpleNamespace(purged=False)
    ask = target.database.on_query

    def execute(sql: str) -> list[tuple[Any, ...]]:
        state.purged = state.purged or "VACUUM (FULL" in sql
        return []

    def run(_: str, argv: Sequence[str], stdin: bytes) -> ExecResult:
        if argv[0] == "stat":
            return result("postgres\n")
        return result("" if state.purged else "base/1/2\n", exit_code=1 if state.purged else 0)

    target.database.on_query = lambda sql: ask(sql) or [("DE89370400440532013000",)]
    target.database.on_execute = execute
    target.containers.on_execute = run
    key = target.folder / "secrets/api/column_key"
    key.parent.mkdir(parents=True)
    key.write_text("ab" * 32)
    also(target, "purged", lambda: state.purged, partial(setattr, state))
    return target


class Schema:
    """A database at a revision, whose roles may sign in or not, and its migrations."""

    def __init__(self, folder: Path, at: str) -> None:
        self.at, self.shut = at, frozenset[str]()
        self.target = unsettled(sample(folder))
        self.versions = self.target.folder / "alembic/versions"
        (self.versions / "2_second.py").write_text(SECOND)
        self.target.database.on_query = self.ask
        self.target.database.on_execute = self.execute
        self.target.containers.on_run_once = self.alembic
        self.target.recorder.earlier = [("x", Measurement(name="alembic revision", value="aaa"))]
        also(self.target, "at", lambda: self.at, partial(setattr, self))
        also(self.target, "shut", lambda: self.shut, partial(setattr, self))

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        if "relname = 'alembic_version'" in sql:
            return [("alembic_version",)]
        if "version_num" in sql:
            return [(self.at,)]
        if "rolcanlogin" in sql:
            return [(not [role for role in self.shut if f"'{role}'" in sql],)]
        return [(False,)]

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        role = sql.partition('ALTER ROLE "')[2].partition('"')[0]
        if role:
            self.shut = self.shut | {role} if "NOLOGIN" in sql else self.shut - {role}
        return []

    def alembic(self, _: str, argv: Sequence[str], __: Mapping[str, str]) -> ExecResult:
        order = json.loads(argv[-1])
        if not order["database"].startswith("runbook_probe"):
            self.at = "bbb" if order["do"] == "upgrade" else order["revision"]
        return result()


def to_migrate(folder: Path) -> FakeTarget:
    return Schema(folder, "aaa").target


def to_take_back(folder: Path) -> FakeTarget:
    return Schema(folder, "bbb").target


def roles(folder: Path) -> FakeTarget:
    """A database whose roles are not parted, until both scripts ran."""
    target, state = sample(folder), SimpleNamespace(scripts=0)

    def execute(_: str) -> list[tuple[Any, ...]]:
        state.scripts = min(2, state.scripts + 1)
        return []

    target.database.on_query = lambda _: [("accounts may everything",)] * (2 - state.scripts)
    target.database.on_execute = execute
    (target.folder / "database").mkdir(exist_ok=True)
    for script in ("pg_audit.sql", "database/superuser.sql"):
        (target.folder / script).write_text("SELECT 1;\n")
    also(target, "scripts", lambda: state.scripts, partial(setattr, state))
    return target


async def applied(target: FakeTarget, *names: str) -> FakeTarget:
    for name in names:
        made = case(name, FakeTarget)
        await target.apply(made.action, **made.parameters)
    return target


async def encrypted(folder: Path) -> FakeTarget:
    return await applied(sample(folder), "database_encryption.application")


async def managed(folder: Path) -> FakeTarget:
    made = await encrypted(folder)
    return await applied(made, "secrets.create_manager", "secrets.integrate_config")


@dataclass(frozen=True)
class Random:
    """A value that is another each time, compared by what is known of it."""

    known: str
    value: Any = field(compare=False)


_UNPATCHED: Any = SimpleNamespace(setattr=lambda *_: None)


def accounts(folder: Path) -> SecretsTarget:
    made = SecretsTarget(folder, _UNPATCHED)
    unsettled(made.fake)
    first = made.role

    def role() -> Random:
        return Random("old" if made.role == first else "new", made.role)

    also(made.fake, "role", role, lambda _, was: setattr(made, "role", was.value))
    also(made.fake, "hash", lambda: made.hash, partial(setattr, made))
    return made


def published(folder: Path) -> FakeTarget:
    return accounts(folder).fake


async def renewed(folder: Path) -> SecretsTarget:
    made = accounts(folder)
    await made.fake.apply(secrets_rotation.credentials, manifest=MANIFEST)
    return made


async def to_exchange(folder: Path) -> FakeTarget:
    return (await renewed(folder)).fake


async def to_give_back(folder: Path) -> FakeTarget:
    made = await renewed(folder)
    account = case("secrets_rotation.exchange", FakeTarget, ROTATION | {"account": ACCOUNT})
    await made.fake.apply(account.action, **account.parameters)
    assert made.hash != HASH
    return made.fake


ROTATION: dict[str, object] = {"manifest": [msgspec.to_builtins(entry) for entry in MANIFEST]}
KEPT: dict[str, object] = {**VAULT, **ROTATION}


async def vault(folder: Path, effects: Sequence[Any] = ()) -> FakeTarget:
    made = await renewed(folder)
    server = Server(made)
    made.fake.containers.running.setdefault("vault", container("vault"))
    for name in ("initialised", "sealed", "begun"):
        also(made.fake, name, partial(getattr, server, name), partial(setattr, server))

    def stored() -> Random:
        return Random(" ".join(sorted(server.stored)), dict(server.stored))

    also(made.fake, "stored", stored, lambda _, was: setattr(server, "stored", was.value))
    for effect in effects:
        given: dict[str, object] = (
            {**VAULT} if effect is secrets_vault.server else {**VAULT, "manifest": MANIFEST}
        )
        if effect is secrets_rotation.compose:
            given = {"manifest": MANIFEST}
        await made.fake.apply(effect, **given)
    return made.fake


SERVING = (secrets_vault.server, secrets_vault.initialise)
MOVED = (*SERVING, secrets_rotation.compose, secrets_vault.compose, secrets_vault.move_in)

EFFECTS: dict[str, Case] = {
    made.action.name: made
    for made in (
        case("command.shell", with_programs, SHELL),
        case("command.python", with_programs, PYTHON),
        case("command.sql", with_rows, SQL),
        case("compose.add_proxy", sample),
        case("compose.apply", lambda folder: unsettled(sample(folder))),
        case("database_audit.init_script", postgres),
        case("database_audit.remove", trail),
        case("database_encryption.application", sample),
        case("database_encryption.purge_plaintext", plaintext),
        case("database_migrations.pgcrypto", sample),
        case("database_migrations.pgaudit", sample),
        case("database_migrations.migrate", to_migrate),
        case("database_migrations.downgrade", to_take_back),
        case("database_roles.secrets", sample),
        case("database_roles.separate", roles),
        case("database_server.configure", postgres),
        case("database_server.restart", postgres),
        case("nginx.configure", sample),
        case("secrets.create_manager", sample),
        case("secrets.create_tests", sample),
        case("secrets.integrate_config", encrypted),
        case("secrets.validate_at_startup", managed),
        case("secrets.environment_templates", sample),
        case("secrets.migration_guide", sample),
        case("secrets_rotation.credentials", published, ROTATION),
        case("secrets_rotation.compose", to_exchange, ROTATION),
        case("secrets_rotation.exchange", to_exchange, ROTATION | {"account": ACCOUNT}),
        case("secrets_rotation.accounts_back", to_give_back, {"account": ACCOUNT}),
        case("secrets_vault.server", vault, VAULT),
        case("secrets_vault.initialise", partial(vault, effects=SERVING[:1]), KEPT),
        case("secrets_vault.compose", partial(vault, effects=MOVED[:3]), KEPT),
        case("secrets_vault.move_in", partial(vault, effects=MOVED[:-1]), KEPT),
        case(
            "secrets_vault.switch_back", partial(vault, effects=MOVED), KEPT | {"backend": "file"}
        ),
        case("secrets_vault.leave", partial(vault, effects=MOVED), ROTATION),
        case("tls.generate_certificate", sample),
    )
}

SAMPLE_CHECKS = (
    *("api.latency", "compose.services_settled", "database.backup", "database.sessions"),
    *("database_audit.log_written", "database_audit.tamper_refused"),
    *("database_measures.audit_triggers", "database_measures.public_closed"),
    *("database_measures.scram_only", "database_measures.settings"),
    *("database_measures.tls_required", "database_roles.least_privilege"),
    *("database_schema.columns_kept", "database_schema.models_match", "exposure.published"),
    *("files.present", "git.clean", "git.ignored", "host.tool_available"),
    *("logs.rotated", "manual.confirm", "secret_places.compose_file"),
    *("secrets_manager.startup_validated", "secrets_rotation.files_private"),
    *("secrets_vault.hardened", "tls.protocols"),
)
POSTGRES_CHECKS = ("database.extensions", "database_schema.clean")
ANSWERING_CHECKS = (
    *("exposure.hosts", "exposure.paths_closed", "exposure.trace_refused", "files.mode"),
    *("http.hsts", "http.redirect", "http.status", "secret_places.files_private"),
    *("secret_places.published_refused", "tls.openssl_client"),
)
VAULT_CHECKS = (
    *("secrets_vault.least_privilege", "secrets_vault.serving", "secrets_vault.tls"),
    "secrets_vault.token_short",
)
UNABLE = (
    *("api.hostile_input", "api.openapi_unchanged", "api.rate_limits"),
    *("database.backup_restorable", "database.recorded", "database_audit.server_log"),
    *("database_encryption.leaks", "database_encryption.works"),
    *("database_measures.clients_encrypted", "database_measures.columns_sealed"),
    *("database_server.hardened", "exposure.no_banners", "exposure.origins"),
    *("http.security_headers", "http.unreachable", "jwt.forged_refused", "jwt.published_refused"),
    *("jwt.unfit_refused", "logs.requests", "score.measure", "secret_places.container_logs"),
    *("secret_places.first_process", "secret_places.images", "secret_places.inspect"),
    *("secret_places.repository", "secrets_exposure.absent", "secrets_exposure.absent_from_logs"),
    *("secrets_exposure.complete_flow", "secrets_manager.config_complete"),
    *("secrets_manager.imports", "secrets_manager.loads_from_environment"),
    *("secrets_rotation.old_refused", "suite.run", "tls.certificate", "tls.ciphers"),
)
"""What these find needs a world that their own tests make. Here nothing can be run or answers, and
they have to say so, end at each point, and leave all as it was."""


def telling(folder: Path) -> FakeTarget:
    """A target whose containers print a JSON object, with a secret in it."""
    target = sample(folder)
    target.containers.on_execute = lambda *_: result(json.dumps({"jwt_secret": "ab" * 32}))
    return target


def trail_configured(folder: Path) -> FakeTarget:
    target = sample(folder)
    target.database.on_query = lambda _: [("pgaudit", "ddl, write, role", 1)]
    return target


CHECKS: dict[str, Case] = {
    **{name: case(name, sample) for name in SAMPLE_CHECKS},
    **{name: case(name, postgres) for name in POSTGRES_CHECKS},
    **{name: case(name, answering) for name in ANSWERING_CHECKS},
    **{name: case(name, partial(vault, effects=SERVING)) for name in VAULT_CHECKS},
    **{name: case(name, mute, measures=False) for name in UNABLE},
    "api.openapi_saved": case("api.openapi_saved", telling),
    "secret_places.strength": case("secret_places.strength", telling),
    "database_encryption.absent_on_disk": case("database_encryption.absent_on_disk", plaintext),
    "database_measures.audit_configured": case(
        "database_measures.audit_configured", trail_configured
    ),
    "command.shell_holds": case(
        "command.shell_holds", with_programs, {"command": "grep 80 proxy.conf"}
    ),
    "command.python_holds": case(
        "command.python_holds", with_programs, {"command": "open('proxy.conf').read()"}
    ),
    "command.sql_holds": case("command.sql_holds", with_rows, {"command": "SELECT true"}),
    "manual.instruct": case("manual.instruct", sample, {"text": "Do it"}),
}
CASES = EFFECTS | CHECKS
SLOW = frozenset(name for name in CASES if name.startswith("secrets_vault.")) | {"command.python"}
"""A Vault is set up anew, or Python is started, for each of their points."""

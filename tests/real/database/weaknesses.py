"""Weaknesses put into the hardened sample, one for each check of the score that must see it."""

from __future__ import annotations

import contextlib
import functools
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from runbook_app.adapters.artefacts import FolderArtefacts
from runbook_app.adapters.children import Children
from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.adapters.sealer import FileKeySealer
from runbook_app.adapters.target import StackTarget
from runbook_app.domain.errors import ActionError, NotMeasured
from runbook_app.domain.fingerprint import Fingerprint
from runbook_app.domain.plan import Plan, ScoreCheck
from runbook_app.ports.target import Prior
from runbook_app.resources import shipped_plans
from runbook_app.testing.database import FakeSecrets
from runbook_app.testing.run import ListRecorder

from .stack import Stack

PLAN = shipped_plans() / "phase1_security_hardening.yaml"
SEALING = ("seal_columns", "forget_sealed")
"""Triggers that would seal a plain value again, and forget the sealed one."""
PHONE = "+441632960000"
Weakness = Callable[[Stack], AbstractContextManager[None]]


@functools.lru_cache(maxsize=1)
def plan_of(stack: Stack) -> Plan:
    return read_plan(PLAN, InstalledActions(), {}, stack.root)


def check_of(plan: Plan, check_id: str) -> ScoreCheck:
    return next(c for k in plan.score.categories for c in k.checks if c.id == check_id)


BESIDE = (
    *(
        "jwt-signature",
        "jwt-claims",
        "published-keys",
        "hostile-input",
        "request-log",
        "inspect",
        "first-process",
    ),
    *("compose-file", "image-history", "repository", "published-passwords", "secrets-in-logs"),
    *("secret-files", "strength", "log-rotation", "published-ports"),
)
"""Checks whose weakness is not put back here, and which may leave no trace either."""


def target_of(stack: Stack, folder: Path) -> StackTarget:
    return StackTarget(
        plan=plan_of(stack),
        root=stack.root,
        scratch=folder / "scratch",
        session="score",
        children=Children(_forget),
        secrets=FakeSecrets(),
        artefacts=FolderArtefacts(folder, FileKeySealer(folder / "key")),
    )


async def fingerprint(stack: Stack, folder: Path) -> Fingerprint:
    target = target_of(stack, folder)
    try:
        return await target.fingerprint()
    finally:
        await target.close()


async def measured(stack: Stack, check_id: str, folder: Path) -> tuple[str, str]:
    """Measure one check of the shipped plan as the score does: its verdict, and what it saw."""
    check, registry = check_of(plan_of(stack), check_id), InstalledActions()
    action = registry.get(check.call.action)
    assert action is not None
    recorder, target = ListRecorder(), target_of(stack, folder)
    try:
        run = target.context(item="score", step="", capture=_nothing, recorder=recorder)
        await action.function(run, **registry.coerce(action, dict(check.call.parameters)))
    except NotMeasured as error:
        return "not measured", error.message
    except ActionError as error:
        return "failed", error.message
    finally:
        await target.close()
    bad = [f"{m.name}: {m.value}" for m in recorder.measurements if not m.ok]
    return ("failed", "; ".join(bad)) if bad else ("passed", str(recorder.measurements))


async def _nothing(_: Prior) -> None:
    """A score captures nothing."""


async def _forget(_: object) -> None:
    """These children are the test's, not an engine's."""


def sql(weaken: str, restore: str) -> Weakness:
    @contextlib.contextmanager
    def within(stack: Stack) -> Iterator[None]:
        stack.sql(weaken)
        try:
            yield
        finally:
            stack.sql(restore)

    return within


@contextlib.contextmanager
def open_rules(stack: Stack) -> Iterator[None]:
    """Let anybody in without TLS, by a rule in front of all others."""
    rules = stack.root / "database/pg_hba.conf"
    before = rules.read_text()
    # Written into the same file: the container has it by a mount.
    rules.write_text(f"host all all all scram-sha-256\n{before}")
    stack.sql("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        rules.write_text(before)
        stack.sql("SELECT pg_reload_conf()")


_CONNECT = (
    "import psycopg, time; from src.core.config import get_settings; s = get_settings(); "
    "c = psycopg.connect(host='db', dbname=s.db_name, user=s.db_user, sslmode='disable', "
    "password=s.db_password.get_secret_value()); time.sleep(20)"
)
_PLAIN = (
    "FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) "
    "WHERE usename = 'accounts' AND NOT ssl AND client_addr IS NOT NULL"
)


@contextlib.contextmanager
def plain_connection(stack: Stack) -> Iterator[None]:
    """Keep a connection of the application without TLS open."""
    with open_rules(stack):
        connecting = threading.Thread(
            target=stack.execute, args=("api", "python3", "-c", _CONNECT), daemon=True
        )
        connecting.start()
        deadline = time.monotonic() + 30
        while stack.sql(f"SELECT count(*) {_PLAIN}") == "0":
            assert time.monotonic() < deadline, "the application never connected"
        try:
            yield
        finally:
            stack.sql(f"SELECT pg_terminate_backend(pid) {_PLAIN}")
            connecting.join()


@contextlib.contextmanager
def plain_value(stack: Stack) -> Iterator[None]:
    """Put the plain text of a sealed value back into its column, and the token again."""
    token = stack.sql("SELECT phone FROM customers WHERE phone IS NOT NULL ORDER BY id LIMIT 1")
    off = "".join(f"ALTER TABLE customers DISABLE TRIGGER {name};" for name in SEALING)
    on = "".join(f"ALTER TABLE customers ENABLE ALWAYS TRIGGER {name};" for name in SEALING)
    change = "UPDATE customers SET phone = '{}' WHERE phone = '{}';"
    stack.sql(off + change.format(PHONE, token) + on)
    try:
        yield
    finally:
        stack.sql(off + change.format(token, PHONE) + on)


@contextlib.contextmanager
def weaker_cipher(stack: Stack) -> Iterator[None]:
    """Seal one value with AES-128, as pgp_sym_encrypt does when it is not told otherwise."""
    row, sealed = stack.sql(
        "SELECT id, encode(ciphertext, 'hex') FROM encrypted_data ORDER BY id LIMIT 1"
    ).split("|")
    guard = "ck_encrypted_data_cipher"
    rule = stack.sql(
        f"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '{guard}'"
    )
    key = (stack.root / "secrets/api/column_key").read_text().strip()
    stack.sql(
        f"ALTER TABLE encrypted_data DROP CONSTRAINT {guard};"
        "UPDATE encrypted_data SET ciphertext = pgp_sym_encrypt("
        f"pgp_sym_decrypt(ciphertext, '{key}'), '{key}') WHERE id = {row}"
    )
    try:
        yield
    finally:
        stack.sql(
            f"UPDATE encrypted_data SET ciphertext = decode('{sealed}', 'hex') WHERE id = {row};"
            f"ALTER TABLE encrypted_data ADD CONSTRAINT {guard} {rule}"
        )


def forget(stack: Stack) -> None:
    """Remove old versions of rows, and the log of how they came about."""
    for statement in ("VACUUM FULL customers", "VACUUM FULL pg_catalog.pg_statistic"):
        stack.sql(statement)
    for _ in range(2):
        stack.sql("SELECT pg_switch_wal()")
        stack.sql("CHECKPOINT")


@contextlib.contextmanager
def plain_text_on_disk(stack: Stack) -> Iterator[None]:
    """Leave sealed values in plain text in another table's file."""
    key = (stack.root / "secrets/api/column_key").read_text().strip()
    name = f"runbook_probe_{secrets.token_hex(4)}"
    stack.sql(
        f"SET app.column_key = '{key}'; CREATE TABLE {name} AS "
        "SELECT public.reveal(phone) AS told FROM customers WHERE phone IS NOT NULL; CHECKPOINT"
    )
    try:
        yield
    finally:
        stack.sql(f"DROP TABLE {name}")
        forget(stack)


WEAKNESSES: dict[str, Weakness] = {
    "database-tls": open_rules,
    "database-connections": plain_connection,
    "scram": sql(
        "SET password_encryption = 'md5'; CREATE ROLE runbook_probe_old LOGIN PASSWORD 'probe'",
        "DROP ROLE runbook_probe_old",
    ),
    "application-rights": sql(
        "GRANT pg_read_server_files TO accounts", "REVOKE pg_read_server_files FROM accounts"
    ),
    "public-closed": sql(
        "GRANT CREATE ON SCHEMA public TO PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    ),
    "columns-sealed": plain_value,
    "encryption": weaker_cipher,
    "on-disk": plain_text_on_disk,
    "audit-classes": sql(
        "ALTER DATABASE accounts SET pgaudit.log = 'ddl'",
        "ALTER DATABASE accounts RESET pgaudit.log",
    ),
    "audit-triggers": sql(
        "ALTER TABLE customers DISABLE TRIGGER audit_truncate",
        "ALTER TABLE customers ENABLE ALWAYS TRIGGER audit_truncate",
    ),
    "audit-lines": sql(
        "ALTER DATABASE accounts SET pgaudit.log = 'ddl'",
        "ALTER DATABASE accounts RESET pgaudit.log",
    ),
    "audit-rows": sql(
        "ALTER TABLE users DISABLE TRIGGER audit_rows",
        "ALTER TABLE users ENABLE ALWAYS TRIGGER audit_rows",
    ),
    "audit-tamper": sql(
        "GRANT USAGE ON SCHEMA audit TO accounts; GRANT INSERT ON audit.audit_log TO accounts",
        "REVOKE USAGE ON SCHEMA audit FROM accounts;"
        " REVOKE INSERT ON audit.audit_log FROM accounts",
    ),
    "no-leaks": sql(
        "ALTER DATABASE accounts SET log_statement = 'all'",
        "ALTER DATABASE accounts RESET log_statement",
    ),
    "quiet-log": sql(
        "ALTER DATABASE accounts SET log_statement = 'all'",
        "ALTER DATABASE accounts RESET log_statement",
    ),
}

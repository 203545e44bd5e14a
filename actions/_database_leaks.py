"""Where a value that is encrypted, or its key, could be read by somebody else."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field

from actions import _database_sql as sql
from actions._database_log import log_so_far
from actions._database_names import AUDIT_SCHEMA, SETTING
from runbook_app.domain.errors import DatabaseRefused, NotMeasured
from runbook_app.ports.action import Run
from runbook_app.ports.database import Login

ACTIVITY = "SELECT coalesce(string_agg(query, chr(10)), '') AS said FROM pg_stat_activity"


@dataclass(slots=True, kw_only=True)
class Leaks:
    run: Run
    owner: Login
    table: str
    canaries: dict[str, str] = field(default_factory=dict)
    """Plain texts and keys of the probe, by what they are."""

    async def controls(self) -> None:
        """Let a value be found in each place that is looked at.

        Raises:
            NotMeasured: it is not, so that not finding one there would mean nothing.
        """
        await log_so_far(self.run)
        seen = await self._activity_of_superuser()
        if not seen:
            raise NotMeasured("A superuser's running statement is not in pg_stat_activity.")
        self.run.measure("controls", "a logged and a running statement are found")

    async def _activity_of_superuser(self) -> bool:
        canary = f"canary-{secrets.token_hex(12)}"
        sleeping = asyncio.ensure_future(
            self.run.database.superuser(
                f"SELECT pg_sleep(3), {sql.text(canary)};", transaction=False
            )
        )
        try:
            while not sleeping.done():
                if canary in await self._activity():
                    return True
            return False
        finally:
            await sleeping

    async def try_way(self, way: str) -> None:
        """Write with the owner's account, read and fail with the application's."""
        plain, key = (f"canary-{part}-{secrets.token_hex(12)}" for part in ("plain", "key"))
        self.canaries |= {f"{way} plain text": plain, f"{way} key": key}
        for name, value in ((f"{way} canary", plain), (f"{way} canary key", key)):
            self.run.secrets.register(name, value)
        try:
            async with self.run.database.transaction(login=self.owner) as t:
                await t.execute(f"CREATE TABLE {self.table} (id int, sealed bytea)")
                await t.execute(
                    f"CREATE TRIGGER audit_rows AFTER INSERT ON {self.table} "
                    f"FOR EACH ROW EXECUTE FUNCTION {AUDIT_SCHEMA}.record()"
                )
                await self._insert(t, way, plain, key)
                activity = await self._activity()
                rows = await t.execute(
                    "SELECT coalesce(string_agg(after::text, ' '), '') "
                    f"FROM {AUDIT_SCHEMA}.audit_log WHERE table_name = %s",
                    [self.table],
                )
                trail = str(rows[0][0])
                raise _Undone
        except _Undone:
            pass
        if "sealed" not in trail:
            raise NotMeasured("The probe's row is not in the audit trail.")
        self._judge(f"pg_stat_activity, {way}", activity, plain, key)
        self._judge(f"audit trail, {way}", trail, plain, key)
        await self._fail(way, plain, key)

    async def _insert(self, t: object, way: str, plain: str, key: str) -> None:
        execute = t.execute  # type: ignore[attr-defined]
        if way == "bound":
            await execute("SELECT set_config(%s, %s, true)", [SETTING, key])
            await execute(
                f"INSERT INTO {self.table} "
                "VALUES (1, pgp_sym_encrypt(%s, %s, 'cipher-algo=aes256'))",
                [plain, key],
            )
        else:
            await execute(
                f"INSERT INTO {self.table} VALUES (1, pgp_sym_encrypt({sql.text(plain)}, "
                f"{sql.text(key)}, 'cipher-algo=aes256'))"
            )

    async def _fail(self, way: str, plain: str, key: str) -> None:
        """Fail with both in the statement."""
        query = self.run.database.query
        try:
            if way == "bound":
                await query("SELECT pgp_sym_decrypt(%s::text::bytea, %s)", [plain, key])
            else:
                await query(f"SELECT pgp_sym_decrypt({sql.text(plain)}::bytea, {sql.text(key)})")
        except DatabaseRefused as error:
            # Its driver's own text too, which has the CONTEXT that the message leaves out.
            told = f"{error.message}\n{error.__cause__}"
            self._judge(f"the client's error, {way}", told, plain, key)
        else:
            raise NotMeasured("A statement that had to fail did not.")

    async def judge_log(self) -> None:
        log = await log_so_far(self.run)
        for name, value in self.canaries.items():
            self.run.require(
                f"server log: {name}", value not in log, "absent" if value not in log else "there"
            )

    def _judge(self, where: str, text: str, plain: str, key: str) -> None:
        found = [name for name, value in (("plain text", plain), ("key", key)) if value in text]
        self.run.require(where, not found, ", ".join(found) or "absent")

    async def _activity(self) -> str:
        return str((await self.run.database.query(ACTIVITY, superuser=True))[0][0])


class _Undone(Exception):
    """Ends the transaction without a trace."""

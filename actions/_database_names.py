"""Who is who in a target's database, from the plan and an action's parameters."""

from __future__ import annotations

from dataclasses import dataclass

from actions import _database_sql as sql
from actions._secrets_present import named
from runbook_app.domain.errors import ActionError, NotMeasured
from runbook_app.ports.action import Run
from runbook_app.ports.database import Login

OWNER_PASSWORD = "db_migration_password"  # noqa: S105  # the name of a file
COLUMN_KEY = "column_key"
VERIFIER = "migration_verifier"
AUDIT_SCHEMA = "audit"
SETTING = "app.column_key"
"""The session's setting that holds the key of encrypted columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    service: str
    database: str
    superuser: str
    application: str
    """As whom the application signs in; reads and writes rows."""
    owner: str
    """As whom migrations are run; owns the schema."""
    reader: str = "audit_reader"

    @classmethod
    def of(cls, run: Run, owner: str = "") -> Names:
        """Read them from the plan.

        Raises:
            ActionError: the plan does not name the database, or its accounts.
        """
        given = run.plan.target.database
        if not given.service or not given.name or not given.user:
            raise ActionError(
                "The plan does not say which database, and as whom the application signs in.",
                hint="Fill target.database: service, name and user.",
            )
        superuser = given.superuser or "postgres"
        if superuser == given.user:
            raise ActionError(
                f"{given.user} is to lose the rights of a superuser, and the plan names it as one.",
                hint="Name another role: target.database.superuser, or target.database.user.",
            )
        found = cls(
            service=given.service,
            database=given.name,
            superuser=superuser,
            application=given.user,
            owner=owner or f"{given.user}_owner",
        )
        sql.plain("role", found.superuser, found.application, found.owner, found.reader)
        return found

    async def as_owner(self, run: Run, folder: str) -> Login:
        """Sign in as the migrations' role, with the password that the application has too."""
        found = await named(run, [OWNER_PASSWORD], folder)
        if OWNER_PASSWORD not in found:
            raise NotMeasured(
                f"There is no {folder}/{OWNER_PASSWORD}, and the application does not know it:"
                f" nobody can sign in as {self.owner}.",
                hint="The roles are not parted yet, or the application does not run.",
            )
        return Login(user=self.owner, password=found[OWNER_PASSWORD])

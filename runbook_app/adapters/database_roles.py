"""Roles of a cluster with their password verifiers: read, and brought back by the difference."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from runbook_app.adapters.psql import Psql, identifier, literal

_FLAGS = ("SUPERUSER", "INHERIT", "CREATEROLE", "CREATEDB", "LOGIN", "REPLICATION", "BYPASSRLS")
_LISTS = {
    *("search_path", "temp_tablespaces", "unix_socket_directories"),
    *("local_preload_libraries", "session_preload_libraries", "shared_preload_libraries"),
}
"""Settings whose value is a list, quoted in parts and not as a whole."""


class Role(msgspec.Struct, frozen=True, kw_only=True):
    flags: tuple[bool, ...]
    limit: int
    until: str | None
    verifier: str | None


class Roles(msgspec.Struct, frozen=True, kw_only=True):
    roles: dict[str, Role]
    members: dict[str, bool]
    """By role and member, quoted and divided by a tab: whether it may be passed on."""
    settings: dict[str, tuple[str, ...]]
    """`name=value` by what stands after ALTER, such as `ROLE app IN DATABASE accounts`."""


_ROLES = """
    SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
           rolbypassrls, rolconnlimit, rolvaliduntil::text AS until, rolpassword
    FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY 1"""
_MEMBERS = """
    SELECT quote_ident(g.rolname) || chr(9) || quote_ident(m.rolname) AS member,
           bool_or(a.admin_option) AS may
    FROM pg_auth_members a
    JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid
    WHERE m.rolname !~ '^pg_' GROUP BY 1"""
_SETTINGS = """
    SELECT CASE WHEN s.setrole = 0 AND s.setdatabase = 0 THEN 'ROLE ALL'
                WHEN s.setrole = 0 THEN 'DATABASE ' || quote_ident(d.datname)
                ELSE 'ROLE ' || quote_ident(r.rolname)
                     || coalesce(' IN DATABASE ' || quote_ident(d.datname), '') END AS place,
           s.setconfig
    FROM pg_db_role_setting s
    LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase"""


async def read_roles(psql: Psql) -> Roles:
    return Roles(
        roles={
            row[0]: Role(flags=tuple(row[1:8]), limit=row[8], until=row[9], verifier=row[10])
            for row in await psql.rows(_ROLES)
        },
        members=dict(await psql.rows(_MEMBERS)),
        settings={place: tuple(config) for place, config in await psql.rows(_SETTINGS)},
    )


def roles_back(before: Roles, now: Roles, *, kept: Collection[str]) -> Iterator[str]:
    """Statements that bring roles back; those that were added stay, see `added_gone`.

    Verifiers of `kept` roles are left as they are.
    """
    for name, was in before.roles.items():
        is_ = now.roles.get(name)
        if is_ is None:
            yield f"CREATE ROLE {identifier(name)};"
        if is_ is None or (is_.flags, is_.limit) != (was.flags, was.limit):
            yield _attributes(name, was)
        if was.until != (is_.until if is_ else None):
            until = literal(was.until or "infinity")
            yield f"ALTER ROLE {identifier(name)} VALID UNTIL {until};"
        if name not in kept and (is_ is None or is_.verifier != was.verifier):
            password = "NULL" if was.verifier is None else literal(was.verifier)
            yield f"ALTER ROLE {identifier(name)} PASSWORD {password};"
    yield from _members_back(before, now)
    yield from _settings_back(before, now)


def _attributes(name: str, role: Role) -> str:
    flags = " ".join(
        flag if on else f"NO{flag}" for flag, on in zip(_FLAGS, role.flags, strict=True)
    )
    return f"ALTER ROLE {identifier(name)} {flags} CONNECTION LIMIT {role.limit};"


def _members_back(before: Roles, now: Roles) -> Iterator[str]:
    for member, may in now.members.items():
        if before.members.get(member) != may:
            role, _, whom = member.partition("\t")
            yield f"REVOKE {role} FROM {whom};"
    for member, may in before.members.items():
        if now.members.get(member) != may:
            role, _, whom = member.partition("\t")
            yield f"GRANT {role} TO {whom}{' WITH ADMIN OPTION' if may else ''};"


def _settings_back(before: Roles, now: Roles) -> Iterator[str]:
    for place in sorted(before.settings.keys() | now.settings.keys()):
        was = before.settings.get(place, ())
        if was == now.settings.get(place, ()):
            continue
        yield f"ALTER {place} RESET ALL;"
        for setting in was:
            name, _, found = setting.partition("=")
            shown = found if name in _LISTS else literal(found)
            yield f"ALTER {place} SET {name} TO {shown};"


def added(before: Roles, now: Roles) -> list[str]:
    return sorted(now.roles.keys() - before.roles.keys())


def let_go(role: str, heir: str) -> str:
    """Statements, for each database, after which nothing there depends on the role."""
    return f"REASSIGN OWNED BY {identifier(role)} TO {heir}; DROP OWNED BY {identifier(role)};"

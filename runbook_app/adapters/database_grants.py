"""Owners and privileges of a database's objects: read, and brought back by the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from runbook_app.adapters.psql import Psql

Privilege = tuple[str, str, bool]
"""Grantee (`PUBLIC`, or quoted), privilege, and whether it may be passed on."""


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    owner: str
    """Quoted; empty where an owner is no matter of its own."""
    privileges: tuple[Privilege, ...]


Objects = dict[str, Owned]
"""By what stands after ON in GRANT, such as `TABLE public.customers`."""


def _privileges(acl: str, kind: str, owner: str) -> str:
    """Privileges as JSON; where none were ever granted the defaults of that kind of object."""
    whole = f"coalesce({acl}, acldefault('{kind}', {owner}))" if kind else acl
    return f"""(
        SELECT coalesce(json_agg(json_build_array(
                   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(g.rolname) END,
                   a.privilege_type, a.is_grantable)), '[]'::json)
        FROM aclexplode({whole}) a LEFT JOIN pg_roles g ON g.oid = a.grantee)"""  # noqa: S608 - constants of ours


def _own(catalog: str, oid: str) -> str:
    """Not part of an extension, and not the server's own."""
    return f"""NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{catalog}'::regclass
                AND d.objid = {oid} AND d.deptype IN ('e', 'i'))"""


_OURS = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
_QUERY = f"""
SELECT 'SCHEMA ' || quote_ident(n.nspname) AS object, quote_ident(o.rolname) AS owner,
       {_privileges("n.nspacl", "n", "n.nspowner")} AS privileges
FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner WHERE {_OURS}
UNION ALL
SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END
       || quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(o.rolname),
       CASE c.relkind WHEN 'S' THEN {_privileges("c.relacl", "s", "c.relowner")}
                      ELSE {_privileges("c.relacl", "r", "c.relowner")} END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND {_OURS}
  AND {_own("pg_class", "c.oid")}
UNION ALL
SELECT 'COLUMN ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ' '
       || quote_ident(a.attname), '', {_privileges("a.attacl", "", "")}
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND {_OURS}
UNION ALL
SELECT 'ROUTINE ' || quote_ident(n.nspname) || '.' || quote_ident(p.proname)
       || '(' || pg_get_function_identity_arguments(p.oid) || ')', quote_ident(o.rolname),
       {_privileges("p.proacl", "f", "p.proowner")}
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner
WHERE {_OURS} AND {_own("pg_proc", "p.oid")} AND p.prokind IN ('f', 'p', 'w')
UNION ALL
SELECT 'TYPE ' || quote_ident(n.nspname) || '.' || quote_ident(t.typname), quote_ident(o.rolname),
       {_privileges("t.typacl", "T", "t.typowner")}
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_roles o ON o.oid = t.typowner
WHERE t.typtype IN ('d', 'e', 'r') AND {_OURS} AND {_own("pg_type", "t.oid")}
UNION ALL
SELECT 'DATABASE ' || quote_ident(b.datname), quote_ident(o.rolname),
       {_privileges("b.datacl", "d", "b.datdba")}
FROM pg_database b JOIN pg_roles o ON o.oid = b.datdba
UNION ALL
SELECT 'DEFAULT ' || quote_ident(o.rolname) || ' ' || coalesce(quote_ident(n.nspname), '-') || ' '
       || CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
            WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' ELSE 'SCHEMAS' END, '',
       {_privileges("d.defaclacl", "", "")}
FROM pg_default_acl d JOIN pg_roles o ON o.oid = d.defaclrole
LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
"""  # noqa: S608 - constants of ours


async def read_objects(psql: Psql) -> Objects:
    rows = await psql.rows(_QUERY)
    return {
        name: Owned(owner=owner, privileges=tuple(sorted((g, p, may) for g, p, may in privileges)))
        for name, owner, privileges in rows
    }


def owners_back(before: Objects, now: Objects) -> Iterator[str]:
    """Statements that give objects back to whom they belonged."""
    for name, was in before.items():
        if was.owner and name in now and now[name].owner != was.owner:
            yield f"ALTER {name} OWNER TO {was.owner};"


def privileges_back(before: Objects, now: Objects) -> Iterator[str]:
    """Statements that grant and revoke what differs, of objects that are still there."""
    nothing = Owned(owner="", privileges=())
    for name in sorted(before.keys() | now.keys()):
        implied = name.startswith(("COLUMN ", "DEFAULT "))
        if not implied and (name not in before or name not in now):
            continue
        was, is_ = _granted(before.get(name, nothing)), _granted(now.get(name, nothing))
        for (grantee, privilege), may in is_.items():
            if was.get((grantee, privilege)) != may:
                yield _statement(name, "REVOKE", privilege, grantee, may=False)
        for (grantee, privilege), may in was.items():
            if is_.get((grantee, privilege)) != may:
                yield _statement(name, "GRANT", privilege, grantee, may=may)


def _granted(owned: Owned) -> Mapping[tuple[str, str], bool]:
    return {(grantee, privilege): may for grantee, privilege, may in owned.privileges}


def _statement(name: str, verb: str, privilege: str, grantee: str, *, may: bool) -> str:
    to = "TO" if verb == "GRANT" else "FROM"
    end = f"{to} {grantee}{' WITH GRANT OPTION' if may else ''};"
    kind, _, rest = name.partition(" ")
    if kind == "COLUMN":
        table, column = _split(rest)
        return f"{verb} {privilege} ({column}) ON TABLE {table} {end}"
    if kind == "DEFAULT":
        role, place = _split(rest.rpartition(" ")[0])
        scope = "" if place == "-" else f" IN SCHEMA {place}"
        what = rest.rpartition(" ")[2]
        return f"ALTER DEFAULT PRIVILEGES FOR ROLE {role}{scope} {verb} {privilege} ON {what} {end}"
    return f"{verb} {privilege} ON {name} {end}"


def _split(text: str) -> tuple[str, str]:
    """Two names divided by a blank, of which a quoted one may hold blanks itself."""
    inside = False
    for place, character in enumerate(text):
        if character == '"':
            inside = not inside
        elif character == " " and not inside:
            return text[:place], text[place + 1 :]
    return text, ""

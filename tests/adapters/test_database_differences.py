"""Statements that bring roles, owners and privileges back, and what tells two databases apart."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace

import msgspec
import pytest

from runbook_app.adapters.database_copy import _compressed, _decompressed, _hold, _new_keys, _Taken
from runbook_app.adapters.database_grants import Owned, owners_back, privileges_back
from runbook_app.adapters.database_roles import Role, Roles, added, let_go, roles_back
from runbook_app.adapters.database_sums import differences
from runbook_app.adapters.psql import literal, refusal
from runbook_app.domain.errors import ActionError
from runbook_app.domain.scram import verifier
from runbook_app.ports.database import TableSum, VolumeCopy

PLAIN = (False, True, False, False, True, False, False)
APP = Role(flags=PLAIN, limit=-1, until=None, verifier="SCRAM-SHA-256$old")


def roles(**found: Role) -> Roles:
    return Roles(roles=found, members={}, settings={})


def statements(before: Roles, now: Roles, *kept: str) -> list[str]:
    return list(roles_back(before, now, kept=kept))


def test_equal_roles_need_nothing() -> None:
    assert statements(roles(app=APP), roles(app=APP)) == []


def test_a_verifier_comes_back_unless_the_plan_keeps_it() -> None:
    now = roles(app=msgspec.structs.replace(APP, verifier="SCRAM-SHA-256$new"))
    back = ["""ALTER ROLE "app" PASSWORD 'SCRAM-SHA-256$old';"""]
    assert statements(roles(app=APP), now) == back
    assert statements(roles(app=APP), now, "app") == []


def test_a_dropped_role_is_made_again_whole() -> None:
    limited = msgspec.structs.replace(APP, until="2031-01-01", verifier=None)
    assert statements(roles(app=limited), roles()) == [
        'CREATE ROLE "app";',
        (
            'ALTER ROLE "app" NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION'
            " NOBYPASSRLS CONNECTION LIMIT -1;"
        ),
        """ALTER ROLE "app" VALID UNTIL '2031-01-01';""",
        'ALTER ROLE "app" PASSWORD NULL;',
    ]


def test_memberships_and_settings_come_back() -> None:
    before = Roles(
        roles={}, members={"team\tapp": True}, settings={"ROLE app": ("search_path=a, b", "x.y=1")}
    )
    now = Roles(roles={}, members={"mig\tapp": False}, settings={"DATABASE d": ("work_mem=8MB",)})
    assert statements(before, now) == [
        "REVOKE mig FROM app;",
        "GRANT team TO app WITH ADMIN OPTION;",
        "ALTER DATABASE d RESET ALL;",
        "ALTER ROLE app RESET ALL;",
        "ALTER ROLE app SET search_path TO a, b;",
        "ALTER ROLE app SET x.y TO '1';",
    ]


def test_an_added_role_leaves_what_it_owns_to_an_heir() -> None:
    assert added(roles(app=APP), roles(app=APP, mig=APP)) == ["mig"]
    assert let_go("mig", "app") == 'REASSIGN OWNED BY "mig" TO app; DROP OWNED BY "mig";'


def owned(owner: str, *privileges: tuple[str, str, bool]) -> Owned:
    return Owned(owner=owner, privileges=privileges)


def test_owners_and_privileges_come_back_by_their_difference() -> None:
    before = {
        "TABLE public.a": owned("app", ("app", "SELECT", False), ("PUBLIC", "SELECT", True)),
        "TABLE public.gone": owned("app"),
    }
    now = {
        "TABLE public.a": owned("mig", ("app", "SELECT", False), ("svc", "UPDATE", False)),
        "TABLE public.new": owned("mig", ("svc", "SELECT", False)),
    }
    assert list(owners_back(before, now)) == ["ALTER TABLE public.a OWNER TO app;"]
    assert list(privileges_back(before, now)) == [
        "REVOKE UPDATE ON TABLE public.a FROM svc;",
        "GRANT SELECT ON TABLE public.a TO PUBLIC WITH GRANT OPTION;",
    ]


def test_columns_and_defaults_are_revoked_also_where_none_were_before() -> None:
    now = {
        'COLUMN public."odd name" "a b"': owned("", ("svc", "UPDATE", False)),
        'DEFAULT "odd role" public TABLES': owned("", ("svc", "SELECT", False)),
        "DEFAULT mig - FUNCTIONS": owned("", ("PUBLIC", "EXECUTE", False)),
    }
    assert list(privileges_back({}, now)) == [
        'REVOKE UPDATE ("a b") ON TABLE public."odd name" FROM svc;',
        (
            'ALTER DEFAULT PRIVILEGES FOR ROLE "odd role" IN SCHEMA public'
            " REVOKE SELECT ON TABLES FROM svc;"
        ),
        "ALTER DEFAULT PRIVILEGES FOR ROLE mig REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;",
    ]


TABLES = {"d.a": TableSum(rows=2, checksum="7"), "d.b": TableSum(rows=1, checksum="1")}


def test_tables_that_differ_are_told_apart_by_what_differs() -> None:
    now = {"d.a": TableSum(rows=2, checksum="8"), "d.c": TableSum(rows=0, checksum="0")}
    assert list(differences(TABLES, now)) == [
        "d.a: other content in its 2 rows",
        "d.b: is missing",
        "d.c: was not there before",
    ]


def test_a_copy_is_held_against_what_did_not_move_meanwhile() -> None:
    copy = VolumeCopy(
        name="db",
        taken_at="",
        volume="v",
        path="p",
        size=1,
        stored=1,
        sha256="",
        tables={},
        moved=(),
    )
    other = {**TABLES, "d.a": TableSum(rows=3, checksum="9")}
    with pytest.raises(ActionError, match="3 rows instead of 2"):
        _hold(_Taken(copy=copy, path="p", expected=TABLES), other)
    _hold(_Taken(copy=replace(copy, moved=("d.a",)), path="p", expected=TABLES), other)


def test_new_rows_are_named_by_their_keys_a_few_of_them() -> None:
    assert list(_new_keys("t", [("1", "a")], [("1", "a")])) == []
    assert list(_new_keys("t", [], [("1", "a")])) == ["t: 1 rows (key 1/a)"]
    (many,) = _new_keys("t", [], [(str(n),) for n in range(12)])
    assert many == "t: 12 rows (key 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …)"


def test_what_is_compressed_in_pieces_comes_back() -> None:
    pieces = [bytes([n]) * 10_000 for n in range(20)]
    packed = list(_compressed(iter(pieces)))
    assert sum(map(len, packed)) < 20_000
    assert b"".join(_decompressed(iter(packed))) == b"".join(pieces)


def test_a_refusal_has_the_server_s_words_and_code_but_not_the_statement() -> None:
    said = b"psql:<stdin>:1: ERROR:  42501: permission denied for table a\nLINE 1: secret\n"
    assert refusal(said).sqlstate == "42501"
    assert refusal(said).message == "The database refused: permission denied for table a."
    assert refusal(b"").message == "The database's client failed: it said nothing"


@pytest.mark.parametrize(
    ("text", "quoted"), [("it's", "'it''s'"), ("a\\b'", "E'a\\\\b'''"), ("", "''")]
)
def test_a_text_is_quoted(text: str, quoted: str) -> None:
    assert literal(text) == quoted


def test_a_verifier_is_what_scram_asks_for() -> None:
    kind, rest = verifier("pencil", b"W" * 16).split("$", 1)
    salt, keys = rest.split("$")
    stored, server = (base64.b64decode(key) for key in keys.split(":"))
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", b"W" * 16, 4096)
    client = hmac.digest(salted, b"Client Key", "sha256")
    assert (kind, salt) == ("SCRAM-SHA-256", f"4096:{base64.b64encode(b'W' * 16).decode()}")
    assert hashlib.sha256(client).digest() == stored
    assert hmac.digest(salted, b"Server Key", "sha256") == server
    with pytest.raises(ValueError, match="ascii"):
        verifier("schlüssel", b"W" * 16)

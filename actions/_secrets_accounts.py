"""An account of the application itself, and the tokens that it is given."""

# ruff: noqa: S608 - names are plain identifiers, values are quoted
from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from actions import _compose_parts as parts
from actions import _database_sql as sql
from actions._secrets_store import Store
from runbook_app.domain.errors import ActionError, NotMeasured
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run
from runbook_app.ports.capabilities import Response

_PROGRAM = """
import importlib, json, sys
order = json.load(sys.stdin)
module = importlib.import_module(order["module"])
old = any(module.verify_password(value, order["hash"]) for value in order["old"])
new = module.verify_password(order["new"], order["hash"])
made = module.hash_password(order["new"]) if old else ""
print(json.dumps({"old": old, "new": new, "hash": made}))
"""
_LONGEST_WAIT = 120


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hash of an account's password stands, and how it is made."""

    variable: str
    """Of the application's service, such as ADMIN_EMAIL: which account."""
    secret: str = "admin_password"  # noqa: S105  # the name of one
    table: str = "public.users"
    key: str = "email"
    column: str = "password_hash"
    module: str = "src.core.security"
    """Has `hash_password` and `verify_password`."""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """How a token is had, and where one is needed."""

    url: str
    variable: str
    path: str
    """Of an endpoint that wants a token."""
    ca: str = ""
    secret: str = "admin_password"  # noqa: S105
    signed_with: str = "jwt_secret"
    login: str = "/api/v1/auth/login"


async def exchange(run: Run, account: Account, store: Store, service: str) -> None:
    """Give the account its new password, unless its old one is none of the repository's."""
    stored = await _hash(run, account)
    said = await _ask(run, account, store, service, stored)
    if said["new"] or not said["old"]:
        run.log(f"{account.variable}: the password is none that stood in the project's files")
        return
    run.secrets.register(_before(account), stored)
    run.secrets.register(_set(account), said["hash"])
    await _write(run, account, said["hash"])


async def has_new(run: Run, account: Account, store: Store, service: str) -> bool:
    said = await _ask(run, account, store, service, await _hash(run, account))
    return bool(said["new"] or not said["old"])


async def put_back(run: Run, account: Account) -> None:
    before = run.secrets.known(_before(account))
    if not before:
        run.log("no password of an account was exchanged")
    elif await _hash(run, account) not in run.secrets.known(_set(account)):
        run.log("the account's password is not the one that the item gave it, and is left alone")
    else:
        await _write(run, account, before[-1])


async def is_back(run: Run, account: Account) -> Finding:
    if await _hash(run, account) in run.secrets.known(_set(account)):
        return run.not_done("the account has the password that the item gave it")
    return run.done("the account has no password of this item")


def _before(account: Account) -> str:
    return f"hash of {account.secret} before"


def _set(account: Account) -> str:
    return f"hash of {account.secret} set"


async def _ask(
    run: Run, account: Account, store: Store, service: str, stored: str
) -> Mapping[str, Any]:
    """Let the application's own code say which password a hash is of, and make the new one."""
    order = {
        "module": account.module,
        "hash": stored,
        "old": store.old_values(account.secret),
        "new": store.value(account.secret),
    }
    result = await run.containers.execute(
        service or run.plan.target.api_service,
        ["python3", "-c", _PROGRAM],
        stdin=json.dumps(order).encode(),
        log=False,
    )
    if not result.ok:
        said = result.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ActionError(
            f"{account.module} can't hash a password: {said[-1] if said else 'no output'}",
            hint="Name the module that has hash_password and verify_password.",
        )
    found: Mapping[str, Any] = json.loads(result.stdout)
    return found


async def _hash(run: Run, account: Account) -> str:
    sql.plain("column", account.key, account.column)
    rows = await run.database.query(
        f"SELECT {account.column} AS hash FROM {_table(account)} "
        f"WHERE {account.key} = {sql.text(address(run, account.variable))}",
        superuser=True,
    )
    if len(rows) != 1:
        raise ActionError(
            f"{len(rows)} accounts in {account.table} are the one of {account.variable}.",
            hint="Name the account in the plan, or leave it out.",
        )
    return str(rows[0][0])


async def _write(run: Run, account: Account, new: str) -> None:
    await run.database.superuser(
        f"UPDATE {_table(account)} SET {account.column} = {sql.text(new)} "
        f"WHERE {account.key} = {sql.text(address(run, account.variable))};",
        secret=True,
    )
    run.log(f"{account.table}: the password of {account.variable} is another one now")


def _table(account: Account) -> str:
    return ".".join(sql.name(part) for part in account.table.split("."))


def address(run: Run, variable: str) -> str:
    """Who it is, as the application's service says."""
    service = parts.service(run.compose.document(), run.plan.target.api_service)
    found = parts.variable(service, variable)
    if not found:
        raise NotMeasured(f"The service has no variable {variable}.", hint="Mend the plan.")
    return found


async def old_refused(run: Run, login: Login, store: Store) -> None:
    """Try the password and the signing key from before, each beside the one in its place."""
    answer = await _sign_in(run, login, store.value(login.secret))
    if answer.status != 200:
        raise NotMeasured(f"The new password of {login.variable} is answered {answer.status}.")
    run.require(f"{login.variable} gets in with its new password", True, "200")
    for old in store.retired(login.secret):
        status = (await _sign_in(run, login, old)).status
        run.equals(f"{login.variable} with its old password", status, 401)
    token = str(json.loads(answer.body)["access_token"])
    run.secrets.register("access token", token)
    control = await _use(run, login, signed(token, store.value(login.signed_with)))
    if control != 200:
        raise NotMeasured(f"A token signed by us with the new key is answered {control}.")
    run.require("a token signed with the new key is taken", True, "200")
    for old in store.retired(login.signed_with):
        run.equals(
            "the same signed with the old key", await _use(run, login, signed(token, old)), 401
        )


async def _sign_in(run: Run, login: Login, password: str) -> Response:
    body = {"email": address(run, login.variable), "password": password}
    return await _patiently(run, login, "POST", login.login, json_=body)


async def _use(run: Run, login: Login, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await _patiently(run, login, "GET", login.path, headers=headers)).status


async def _patiently(
    run: Run,
    login: Login,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    json_: object | None = None,
) -> Response:
    """Ask, and wait as long as a rate limit says."""
    ca = run.files.path(login.ca) if login.ca else None
    waited = 0
    while True:
        answer = await run.http.request(
            method, f"{login.url}{path}", ca=ca, headers=headers, json=json_
        )
        pause = int(answer.header("retry-after") or "1")
        if answer.status != 429 or waited + pause > _LONGEST_WAIT:
            return answer
        run.progress(f"waiting {pause} s for the rate limit of {path}")
        await asyncio.sleep(pause)
        waited += pause


def signed(token: str, key: str) -> str:
    """Sign the claims of a JSON web token (HS256) with another key."""
    claims = token.rpartition(".")[0]
    mac = hmac.digest(key.encode(), claims.encode(), hashlib.sha256)
    return f"{claims}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

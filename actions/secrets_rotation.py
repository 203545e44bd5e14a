"""Credentials that stood in the repository: exchanged, kept in files, the old ones refused."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any, Literal

from actions import _compose_parts as parts
from actions import _radius
from actions import _secrets_accounts as accounts
from actions._comments import before as comment_before
from actions._database_names import Names
from actions._database_secrets import ignore
from actions._database_sql import name as sql_name
from actions._database_sql import text as sql_text
from actions._published import published_of
from actions._secrets_accounts import Account, Login
from actions._secrets_manifest import FOLDER, Entry, held
from actions._secrets_present import present
from actions._secrets_store import Store, is_of, password_verifier
from runbook_app.domain.blast import Affected
from runbook_app.domain.errors import ActionError, DatabaseRefused, NotMeasured
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, check, effect
from runbook_app.ports.database import Login as DatabaseLogin

APPLICATION, SERVER = "secrets/api", "secrets/database"
APPLICATION_UID, SERVER_UID = 10001, 999
VERIFIER = "application_verifier"
RETIRED: dict[str, list[str]] = {
    "db_password": ["DB_PASSWORD", "POSTGRES_PASSWORD"],
    "jwt_secret": ["JWT_SECRET"],
    "admin_password": ["ADMIN_PASSWORD"],
}
_IF_OLD = ", if it has its old one"
INVALID_PASSWORD = "28P01"  # noqa: S105  # an SQLSTATE


@effect
async def credentials(
    run: Run,
    *,
    manifest: list[Entry],
    application: str = APPLICATION,
    server: str = SERVER,
    application_uid: int = APPLICATION_UID,
    server_uid: int = SERVER_UID,
    database: str = "db_password",
    retired: dict[str, list[str]] = RETIRED,
) -> None:
    """Make a new value for each secret that stood in the project's files, each in a file.

    A secret that has its file already (the key of encrypted columns) keeps it unchanged. The
    database's container is given the verifier of the application's password alone.
    """
    store = _store(run, manifest, application, application_uid, retired)
    path = f"{server}/{VERIFIER}"
    await store.make()
    await ignore(run, [path])
    if not run.files.exists(path) or not is_of(store.value(database), run.files.read(path)):
        data = password_verifier(store.value(database))
        await run.files.write(path, data, mode=0o600, uid=server_uid)
    run.secrets.register("verifier of the application's password", run.files.read(path).decode())
    run.log(f"{len(store.entries)} secrets in {application}, new: {', '.join(retired)}")


@credentials.check
async def _(
    run: Run,
    *,
    manifest: list[Entry],
    application: str = APPLICATION,
    server: str = SERVER,
    application_uid: int = APPLICATION_UID,
    server_uid: int = SERVER_UID,
    database: str = "db_password",
    retired: dict[str, list[str]] = RETIRED,
) -> Finding:
    store = _store(run, manifest, application, application_uid, retired)
    problems = store.problems()
    path = f"{server}/{VERIFIER}"
    state = run.files.state(path)
    if state is None or (state.mode, state.uid) != (0o600, server_uid):
        problems.append(f"{path} is missing, or not the server's alone")
    elif store.has(database) and not is_of(store.value(database), run.files.read(path)):
        problems.append(f"{path} is of another password")
    if not problems:
        store.register()
        return run.done(f"{len(store.entries)} files, 0600, each its container's")
    # What is missing is made, and what is there is kept: running it again is always right.
    return run.not_done("; ".join(problems))


@effect
async def compose(
    run: Run,
    *,
    manifest: list[Entry],
    service: str = "",
    application: str = APPLICATION,
    server: str = SERVER,
    folder: str = FOLDER,
) -> None:
    """Take the secrets out of the Compose file; the containers find them in files."""
    changed = await run.compose.edit(
        lambda document: _take_out(run, document, manifest, service, application, server, folder)
    )
    run.log(f"{run.compose.file}: {'edited' if changed else 'already so'}")


@compose.check
async def _(
    run: Run,
    *,
    manifest: list[Entry],
    service: str = "",
    **_: Any,
) -> Finding:
    document = run.compose.document()
    api = parts.service(document, service or run.plan.target.api_service)
    database = parts.service(document, Names.of(run).service)
    left = [e.variable for e in manifest if parts.variable(api, e.variable) is not None]
    left += [v for v in ("POSTGRES_PASSWORD",) if parts.variable(database, v) is not None]
    if left:
        return run.not_done(f"{run.compose.file} still has {', '.join(left)}")
    if parts.variable(api, "SECRETS_BACKEND") not in ("file", "vault"):
        return run.not_done(f"{run.compose.file} says nothing of the secrets' files")
    return run.done(f"{run.compose.file} has no secret")


def _take_out(
    run: Run,
    document: parts.Document,
    manifest: list[Entry],
    service: str,
    application: str,
    server: str,
    folder: str,
) -> None:
    api = parts.service(document, service or run.plan.target.api_service)
    for entry in manifest:
        parts.remove_variable(api, entry.variable)
    fresh = parts.variable(api, "SECRETS_BACKEND") is None
    parts.set_variable(api, "SECRETS_BACKEND", "file")
    parts.set_variable(api, "SECRETS_DIR", folder)
    if fresh:
        said = "Secrets are files, one each, which git ignores; none stands here."
        comment_before(api["environment"], "SECRETS_BACKEND", said, indent=6)
    parts.mount(api, application, folder)
    database = parts.service(document, Names.of(run).service)
    parts.remove_variable(database, "POSTGRES_PASSWORD")
    parts.set_variable(database, "POSTGRES_PASSWORD_FILE", f"{FOLDER}/{VERIFIER}")
    parts.mount(database, server, FOLDER)


@effect
async def exchange(
    run: Run,
    *,
    manifest: list[Entry],
    account: Account | None = None,
    service: str = "",
    application: str = APPLICATION,
    server: str = SERVER,
    application_uid: int = APPLICATION_UID,
    retired: dict[str, list[str]] = RETIRED,
    timeout: timedelta = timedelta(minutes=3),
) -> None:
    """Exchange the application's password in the database, and bring the stack up with the new
    secrets; then exchange the password of `account`.

    The role of the application gets the verifier of its new password, and `account`, which was
    made with a password of the repository, the hash of its new one. The application's own code
    makes that: it has to run, and may not while an exchange that was cut short is taken up again.

    Not restored: the row of `account`.
    """
    store = _store(run, manifest, application, application_uid, retired)
    store.register()
    if not await _radius.runs(run, Names.of(run).service):
        # An exchange was cut short while the database was made anew, with its new password.
        await run.compose.up(timeout=timeout)
    wanted = _wanted_verifier(run, server)
    if await _stored_verifier(run) != wanted:
        role = Names.of(run).application
        await run.database.superuser(
            f"ALTER ROLE {sql_name(role)} PASSWORD {sql_text(wanted)};", secret=True
        )
        run.log(f"{role} has a new password")
    run.output(
        "rollback_remark",
        "The credentials from before the item are valid again, published ones too: "
        "exchange them by hand, or run the item again.",
    )
    await run.compose.up(timeout=timeout)
    if account is not None:
        await accounts.exchange(run, account, store, service)


@exchange.check
async def _(
    run: Run,
    *,
    manifest: list[Entry],
    account: Account | None = None,
    service: str = "",
    application: str = APPLICATION,
    server: str = SERVER,
    application_uid: int = APPLICATION_UID,
    retired: dict[str, list[str]] = RETIRED,
    **_: Any,
) -> Finding:
    # Each part says itself whether it is to be done, so that running it again is always right.
    store = _store(run, manifest, application, application_uid, retired)
    if problems := store.problems():
        return run.not_done("; ".join(problems))
    if differences := await run.compose.settled():
        return run.not_done("; ".join(differences))
    if await _stored_verifier(run) != _wanted_verifier(run, server):
        return run.not_done(f"{Names.of(run).application} has another password")
    if account is not None and not await accounts.has_new(run, account, store, service):
        return run.not_done(f"{account.variable}: it has another password")
    return run.done("the stack runs with the new secrets alone")


@exchange.blast_radius
async def _(
    run: Run,
    *,
    manifest: list[Entry],
    account: Account | None = None,
    service: str = "",
    application: str = APPLICATION,
    server: str = SERVER,
    application_uid: int = APPLICATION_UID,
    retired: dict[str, list[str]] = RETIRED,
    timeout: timedelta = timedelta(minutes=3),
) -> list[Affected]:
    store = _store(run, manifest, application, application_uid, retired)
    found, how = [], "gets another password"
    names = Names.of(run)
    answers = await _radius.runs(run, names.service)
    api = service or run.plan.target.api_service
    if not answers:
        found.append(Affected(kind="role", name=names.application, how=f"{how}{_IF_OLD}"))
    elif await _stored_verifier(run) != _wanted_verifier(run, server):
        found.append(Affected(kind="role", name=names.application, how=how))
    if account is not None:
        if not (answers and await _radius.runs(run, api)):
            found.append(Affected(kind="account", name=account.variable, how=f"{how}{_IF_OLD}"))
        elif not await accounts.has_new(run, account, store, service):
            found.append(Affected(kind="account", name=account.variable, how=how))
    return found + await _radius.stack(run, timeout)


def _wanted_verifier(run: Run, server: str) -> str:
    return run.files.read(f"{server}/{VERIFIER}").decode().strip()


async def _stored_verifier(run: Run) -> str:
    role = sql_text(Names.of(run).application)
    rows = await run.database.query(
        f"SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = {role}",  # noqa: S608
        superuser=True,
    )
    return str(rows[0][0]) if rows else ""


@effect
async def accounts_back(run: Run, *, account: Account) -> None:
    """Give an account its password from before the item back, if nobody changed it since.

    A published password opens it again: the report of the rollback says so.
    """
    await accounts.put_back(run, account)


@accounts_back.check
async def _(run: Run, *, account: Account) -> Finding:
    return await accounts.is_back(run, account)


@check
async def old_refused(
    run: Run,
    *,
    manifest: list[Entry],
    login: Login,
    application: str = APPLICATION,
    application_uid: int = APPLICATION_UID,
    retired: dict[str, list[str]] = RETIRED,
) -> None:
    """Find every credential of the repository refused, and the one in its place accepted."""
    store = dataclasses.replace(
        _store(run, manifest, application, application_uid, retired),
        present=await present(run, manifest, application),
        published=await _published(run, retired),
    )
    for name in retired:
        if not store.retired(name):
            raise NotMeasured(
                f"No old value of {name} is known: neither this session came upon one, nor has the"
                " repository's history one.",
                hint="Is the name of its variable right in 'retired'?",
            )
    await _old_database_password(run, store)
    await accounts.old_refused(run, login, store)


async def _published(run: Run, retired: dict[str, list[str]]) -> dict[str, list[str]]:
    """What an earlier session made worthless: the repository's history keeps it."""
    if await run.git.state() == "no repository":
        return {}
    variables = dict.fromkeys(variable for names in retired.values() for variable in names)
    return await published_of(run, [*variables])


async def _old_database_password(run: Run, store: Store) -> None:
    user = Names.of(run).application
    now = DatabaseLogin(user=user, password=store.value("db_password"))
    try:
        await run.database.query("SELECT 1 AS one", login=now)
    except DatabaseRefused as error:
        raise NotMeasured(f"The new password of {user} is refused: {error.message}") from error
    run.require(f"{user} gets in with its new password", True, "let in")
    for old in store.retired("db_password"):
        try:
            await run.database.query(
                "SELECT 1 AS one", login=DatabaseLogin(user=user, password=old)
            )
        except DatabaseRefused as error:
            if error.sqlstate != INVALID_PASSWORD and "password" not in error.message:
                raise NotMeasured(f"Refused for another reason: {error.message}") from error
            run.require(f"{user} is refused with its old password", True, error.message)
        else:
            run.require(f"{user} is refused with its old password", False, "let in")


@check
async def files_private(
    run: Run,
    *,
    manifest: list[Entry],
    application: str = APPLICATION,
    server: str = SERVER,
    application_uid: int = APPLICATION_UID,
    server_uid: int = SERVER_UID,
    backend: Literal["file", "vault"] = "file",
    vault: str = "secrets/vault",
) -> None:
    """Find each secret's file readable by its container's account alone, and ignored by git.

    With Vault as the backend there is none of the application's, but what it signs in with.
    """
    names = [f"{application}/{entry.name}" for entry in manifest]
    if backend == "vault":
        left = [name for name in names if run.files.exists(name)]
        run.require("no secret of the application in a file", not left, ", ".join(left) or "none")
        names = [f"{vault}/role_id", f"{vault}/secret_id"]
    wanted = dict.fromkeys(names, application_uid)
    wanted[f"{server}/{VERIFIER}"] = server_uid
    for path, uid in wanted.items():
        state = run.files.state(path)
        seen = f"{state.mode:04o} of uid {state.uid}" if state else "absent"
        run.equals(path, seen, f"0600 of uid {uid}")
    if await run.git.state() != "no repository":
        ignored = set(await run.git.ignored([*wanted]))
        tracked = [path for path in wanted if path not in ignored]
        run.require("ignored by git", not tracked, ", ".join(tracked) or "all of them")


def _store(
    run: Run, manifest: list[Entry], folder: str, uid: int, retired: dict[str, list[str]]
) -> Store:
    unknown = [name for name in retired if name not in {entry.name for entry in manifest}]
    if unknown:
        raise ActionError(f"The manifest has no {', '.join(unknown)}.", hint="Mend the plan.")
    return Store(run=run, entries=held(manifest), folder=folder, uid=uid, retired_by=retired)

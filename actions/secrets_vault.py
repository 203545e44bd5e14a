"""Secrets in Vault: a server in the project, filled, read by the application alone, left again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from actions import _compose_parts as parts
from actions import _radius
from actions._comments import before as comment_before
from actions._database_secrets import ignore
from actions._secrets_manifest import FOLDER, Entry, held
from actions._secrets_present import present
from actions._vault import FAILED, PLACE, Vault, missing, policies, unmount
from runbook_app.domain.blast import Affected
from runbook_app.domain.errors import ActionError, NeedsRecipient, NotMeasured
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, check, effect

Backend = Literal["file", "vault"]
APPLICATION, APPLICATION_UID = "secrets/api", 10001
TOKEN_LIFE, TOKEN_LONGEST = timedelta(minutes=15), timedelta(hours=1)
REVOKER = "Vault token that can revoke the application's role"
KEYS = "vault-keys"
START = timedelta(minutes=3)
OTHER_NAME = "runbook-probe.invalid"
_KEY_VALUE = ("metadata", "delete", "undelete", "destroy")
_OTHER = "the secrets are kept in files: nothing to do"


def _vault(
    run: Run,
    *,
    service: str = "vault",
    directory: str = "vault",
    credentials: str = "secrets/vault",
    mount: str = "secret",
    path: str = "accounts",
    role: str = "api",
    application_uid: int = APPLICATION_UID,
) -> Vault:
    return Vault(
        run=run,
        service=service,
        directory=directory,
        credentials=credentials,
        mount=mount,
        path=path,
        role=role,
        application_uid=application_uid,
    )


@effect
async def server(run: Run, *, backend: Backend, timeout: timedelta = START, **given: Any) -> None:
    """Put a Vault server with TLS beside the application, and start it."""
    if backend != "vault":
        run.log(_OTHER)
        return
    await _recipient(run)
    vault = _vault(run, **given)
    await vault.write()
    await run.compose.edit(vault.add)
    await run.compose.up(timeout=timeout)


@server.blast_radius
async def _(
    run: Run, *, backend: Backend, timeout: timedelta = START, **given: Any
) -> list[Affected]:
    if backend != "vault":
        return []
    service = _vault(run, **given).service
    found = await _radius.stack(run, timeout)
    if service not in run.compose.document()["services"]:
        found.append(Affected(kind="container", name=service, how=_radius.MADE))
    return found


async def _recipient(run: Run) -> None:
    """Go on only when there is somebody to seal its keys to.

    Raises:
        NeedsRecipient: there is none, and a person said so.
    """
    if run.secrets.recipient():
        return
    await run.ask(
        "Vault's root token and unseal key are written down nowhere in plain, and there is no key"
        f" or passphrase to seal them to. Stop here. {NeedsRecipient.WAYS}",
        choices=("stop",),
        person_required=True,
    )
    raise NeedsRecipient(
        "There is no key or passphrase to seal Vault's root token and unseal key to."
    )


@server.check
async def _(run: Run, *, backend: Backend, **given: Any) -> Finding:
    if backend != "vault":
        return run.done(_OTHER)
    given.pop("timeout", None)
    vault = _vault(run, **given)
    services = run.compose.document().get("services") or {}
    if vault.service not in services:
        return run.not_done(f"{run.compose.file} has no service {vault.service}")
    if problems := vault.keys.problems():
        return run.not_done("; ".join(problems))
    if differences := await run.compose.settled():
        return run.not_done("; ".join(differences))
    return run.done(f"{vault.service} runs")


@effect
async def initialise(run: Run, *, backend: Backend, manifest: list[Entry], **given: Any) -> None:
    """Initialise and unseal Vault, and store the secrets with a role that may only read them.

    Root token and unseal key exist in memory, and sealed to the operator. An initialisation that
    was cut short is begun anew: its keys may be nobody's, and the files still hold all secrets.

    Not restored: what Vault holds.
    """
    if backend != "vault":
        run.log(_OTHER)
        return
    await _recipient(run)
    vault = _vault(run, **given)
    if (await vault.status())["initialized"]:
        if not await vault.cut_short():
            raise ActionError(
                f"{vault.service} is initialised already, and its keys are the operator's.",
                hint="Roll the item back: its volume goes with it. Then run it again.",
            )
        run.log(f"the initialisation of {vault.service} was cut short; it begins anew")
        await vault.empty(START)
    await vault.begin()
    answer = await vault.bao(
        "operator", "init", "-key-shares=1", "-key-threshold=1", "-format=json"
    )
    keys = json.loads(answer.stdout)
    root, unseal = str(keys["root_token"]), str(keys["unseal_keys_b64"][0])
    path = run.secrets.seal(KEYS, json.dumps({"root_token": root, "unseal_key": unseal}).encode())
    run.log(f"root token and unseal key: {path}, sealed to the key {run.secrets.recipient()}")
    await vault.bao("write", "sys/unseal", "key=-", data=unseal.encode())
    await _open(vault, root)
    await _fill(vault, root, manifest)
    await _role(vault, root)
    await vault.finish()


async def _open(vault: Vault, root: str) -> None:
    await vault.bao("secrets", "enable", "-version=2", f"-path={vault.mount}", "kv", token=root)
    await vault.bao("auth", "enable", "approle", token=root)
    for name, text in policies(vault).items():
        await vault.bao("policy", "write", name, "-", token=root, data=text.encode())


async def _fill(vault: Vault, root: str, manifest: list[Entry]) -> None:
    values = await present(vault.run, held(manifest), APPLICATION)
    if lacking := [entry.name for entry in manifest if entry.required and entry.name not in values]:
        raise ActionError(f"{', '.join(lacking)} can't be stored: nobody knows the value.")
    order = json.dumps({"data": values}).encode()
    await vault.bao("write", f"{vault.mount}/data/{vault.path}", "-", token=root, data=order)


async def _role(vault: Vault, root: str) -> None:
    """Make the application's role with short-lived tokens, and what it signs in with."""
    run = vault.run
    await vault.bao(
        *("write", f"auth/approle/role/{vault.role}", f"token_policies={vault.role}"),
        *("token_no_default_policy=false", f"token_ttl={_seconds(TOKEN_LIFE)}"),
        f"token_max_ttl={_seconds(TOKEN_LONGEST)}",
        token=root,
    )
    role = f"auth/approle/role/{vault.role}"
    found = await vault.bao("read", "-field=role_id", f"{role}/role-id", token=root)
    made = await vault.bao("write", "-f", "-field=secret_id", f"{role}/secret-id", token=root)
    revoker = await vault.bao(
        *("token", "create", "-orphan", f"-policy={vault.role}-revoke", "-ttl=24h", "-field=token"),
        token=root,
    )
    run.secrets.register(REVOKER, revoker.text.strip())
    run.secrets.register("secret_id of the application", made.text.strip())
    names = {"role_id": found.text.strip(), "secret_id": made.text.strip()}
    await ignore(run, [f"{vault.credentials}/{name}" for name in names])
    for name, value in names.items():
        await run.files.write(
            f"{vault.credentials}/{name}", value.encode(), mode=0o600, uid=vault.application_uid
        )
    authority = run.files.read(vault.keys.ca)
    await run.files.write(
        f"{vault.credentials}/ca.pem", authority, mode=0o600, uid=vault.application_uid
    )


def _seconds(time: timedelta) -> str:
    return f"{int(time.total_seconds())}s"


@initialise.check
async def _(run: Run, *, backend: Backend, **given: Any) -> Finding:
    if backend != "vault":
        return run.done(_OTHER)
    given.pop("manifest", None)
    vault = _vault(run, **given)
    state = await vault.status()
    if not state["initialized"]:
        return run.not_done(f"{vault.service} is not initialised")
    if await vault.cut_short():
        return run.partly(f"{vault.service} was being initialised, which was cut short")
    if state["sealed"] or missing(
        run, [f"{vault.credentials}/{n}" for n in ("role_id", "secret_id")]
    ):
        return run.partly(f"{vault.service} is initialised, and not filled or unsealed")
    return run.done(f"{vault.service} is initialised, unsealed, and has what the application needs")


@effect
async def compose(run: Run, *, backend: Backend, manifest: list[Entry], **given: Any) -> None:
    """Let the application take its secrets from Vault, from its next start on."""
    if backend != "vault":
        run.log(_OTHER)
        return
    vault = _vault(run, **given)
    await run.compose.edit(lambda document: _use(run, vault, document, manifest))


def _use(run: Run, vault: Vault, document: parts.Document, manifest: list[Entry]) -> None:
    api = parts.service(document, run.plan.target.api_service)
    for variable in ("SECRETS_DIR", *(f"{entry.variable}_FILE" for entry in manifest)):
        parts.remove_variable(api, variable)
    fresh = parts.variable(api, "VAULT_ADDR") is None
    for variable, value in vault.variables().items():
        parts.set_variable(api, variable, value)
    if fresh:
        said = "Secrets come from Vault; these say where it is, and how to sign in."
        comment_before(api["environment"], "VAULT_ADDR", said, indent=6)
    unmount(api, FOLDER)
    parts.mount(api, vault.credentials, PLACE)
    depends = api.get("depends_on")
    if isinstance(depends, dict):
        depends.setdefault(vault.service, {"condition": "service_healthy"})


@compose.check
async def _(run: Run, *, backend: Backend, **_: Any) -> Finding:
    if backend != "vault":
        return run.done(_OTHER)
    api = parts.service(run.compose.document(), run.plan.target.api_service)
    if parts.variable(api, "SECRETS_BACKEND") != "vault":
        return run.not_done("the application's service says nothing of Vault")
    return run.done("the application's service is told where Vault is")


@effect
async def move_in(
    run: Run, *, backend: Backend, manifest: list[Entry], folder: str = APPLICATION
) -> None:
    """Remove the files of secrets that are in Vault, once the application runs without them."""
    if backend != "vault":
        run.log(_OTHER)
        return
    answer = await _values_in_vault(run, manifest)
    for entry in manifest:
        path = f"{folder}/{entry.name}"
        if run.files.exists(path):
            if answer.get(entry.name) != run.files.read(path).decode().strip():
                raise ActionError(
                    f"Vault does not give the application what {path} holds; it was not removed.",
                    hint="See the application's log.",
                )
            await run.files.remove(path)


async def _values_in_vault(run: Run, manifest: list[Entry]) -> dict[str, str]:
    """As the application itself reads them, from no file."""
    return await present(run, manifest, "runbook_probe_none")


@move_in.check
async def _(
    run: Run, *, backend: Backend, manifest: list[Entry], folder: str = APPLICATION
) -> Finding:
    if backend != "vault":
        return run.done(_OTHER)
    left = [e.name for e in manifest if run.files.exists(f"{folder}/{e.name}")]
    if left:
        return run.not_done(f"still in files: {', '.join(left)}")
    return run.done("no secret of the application is in a file")


@effect
async def switch_back(
    run: Run,
    *,
    backend: Backend,
    manifest: list[Entry],
    folder: str = APPLICATION,
    uid: int = APPLICATION_UID,
    timeout: timedelta = START,
    **given: Any,
) -> None:
    """Go back from Vault to files, when files are the backend now.

    Vault goes on running with what it holds, so that a rollback finds it unsealed.
    """
    if backend == "vault" or not _uses_vault(run):
        run.log("the application does not leave Vault: nothing to do")
        return
    vault = _vault(run, **given)
    await _take_out(run, vault, manifest, folder, uid, timeout)
    run.log(f"{vault.service} still runs: remove service and volume by hand once nobody goes back")


@switch_back.check
async def _(run: Run, *, backend: Backend, **_: Any) -> Finding:
    if backend != "vault" and _uses_vault(run):
        return run.not_done("the application takes its secrets from Vault")
    return run.done(f"the application's backend is {backend}, or is going to be")


@switch_back.blast_radius
async def _(run: Run, *, backend: Backend, timeout: timedelta = START, **_: Any) -> list[Affected]:
    if backend == "vault" or not _uses_vault(run):
        return []
    return await _radius.stack(run, timeout, [run.plan.target.api_service])


@effect
async def leave(
    run: Run,
    *,
    manifest: list[Entry],
    folder: str = APPLICATION,
    uid: int = APPLICATION_UID,
    timeout: timedelta = START,
    **given: Any,
) -> None:
    """Go back to files: values out of Vault, restart, revoke the role; only then may Vault stop."""
    vault = _vault(run, **given)
    if _uses_vault(run):
        await _take_out(run, vault, manifest, folder, uid, timeout)
    await _revoke(run, vault)


async def _take_out(
    run: Run,
    vault: Vault,
    manifest: list[Entry],
    folder: str,
    uid: int,
    timeout: timedelta,
) -> None:
    values = await present(run, manifest, folder)
    if lacking := [e.name for e in manifest if e.required and e.name not in values]:
        names = f"{', '.join(lacking)} can't be had from Vault"
        if (await vault.status())["sealed"]:
            raise ActionError(
                f"{names}: {vault.service} is sealed.",
                hint=await vault.how_to_unseal(KEYS),
            )
        raise ActionError(f"{names}.", hint="Start the application, then repeat.")
    for name, value in values.items():
        await run.files.write(f"{folder}/{name}", value.encode(), mode=0o600, uid=uid)
    await run.compose.edit(lambda document: _use_files(run, vault, document, folder))
    await run.compose.up(timeout=timeout)


def _uses_vault(run: Run) -> bool:
    api = parts.service(run.compose.document(), run.plan.target.api_service)
    return parts.variable(api, "SECRETS_BACKEND") == "vault"


def _use_files(run: Run, vault: Vault, document: parts.Document, folder: str) -> None:
    api = parts.service(document, run.plan.target.api_service)
    for variable in vault.variables():
        parts.remove_variable(api, variable)
    parts.set_variable(api, "SECRETS_BACKEND", "file")
    parts.set_variable(api, "SECRETS_DIR", FOLDER)
    unmount(api, PLACE)
    parts.mount(api, folder, FOLDER)
    depends = api.get("depends_on")
    if isinstance(depends, dict):
        depends.pop(vault.service, None)


async def _revoke(run: Run, vault: Vault) -> None:
    tokens = run.secrets.known(REVOKER)
    if not tokens or not await _radius.runs(run, vault.service):
        return
    words = ("delete", f"auth/approle/role/{vault.role}")
    answer = await vault.bao(*words, token=tokens[-1], may_fail=True)
    run.log(f"the application's role: {'revoked' if answer.ok else 'not revoked, see its log'}")


@leave.check
async def _(run: Run, **_: Any) -> Finding:
    if _uses_vault(run):
        return run.not_done("the application takes its secrets from Vault")
    return run.done("the application takes no secret from Vault")


@check
async def hardened(run: Run, *, backend: Backend, **given: Any) -> None:
    """Find Vault serving, behind TLS, and the application's token short-lived and read-only."""
    run.measure("secrets are kept in", backend)
    if backend != "vault":
        run.measure("Vault", "not asked: the plan's variable secrets_backend says 'file'")
        return
    await serving.function(run, **given)
    await tls.function(run, **given)
    vault = _vault(run, **given)
    if (await vault.status())["sealed"]:
        return  # nobody signs in
    token = await _signed_in(vault)
    await _life(vault, token, TOKEN_LONGEST)
    await _rights(vault, token)


@check
async def serving(run: Run, **given: Any) -> None:
    """Find Vault initialised and unsealed, its data on disk."""
    state = await _vault(run, **given).status()
    run.require("initialised", state["initialized"], str(state["initialized"]))
    run.require("unsealed", not state["sealed"], "sealed" if state["sealed"] else "yes")
    run.equals("storage", str(state.get("storage_type", "")), "raft")


@check
async def tls(run: Run, **given: Any) -> None:
    """Find Vault answering over TLS alone, with a certificate that its own CA alone vouches for."""
    vault = _vault(run, **given)
    try:
        await vault.status()
    except NotMeasured as error:
        run.require("answers where its CA is trusted", False, error.message)
    else:
        run.require("answers where its CA is trusted", True, vault.address)
    for what, environment, words in (
        ("without TLS nobody is answered", {"BAO_ADDR": "http://localhost:8200"}, "HTTPS server"),
        ("not trusted without its CA", {"BAO_CACERT": ""}, "unknown authority"),
        ("not trusted under another name", {"BAO_TLS_SERVER_NAME": OTHER_NAME}, "is valid for"),
    ):
        code, said = await _asked_with(vault, environment)
        run.require(what, code == FAILED and words in said, said)


async def _asked_with(vault: Vault, environment: Mapping[str, str]) -> tuple[int, str]:
    """Ask for its state as a client that is set up in another way; exit code, and the last word."""
    answer = await vault.run.containers.execute(
        vault.service, ["bao", "status"], environment=environment, log=False
    )
    said = (answer.stdout + answer.stderr).decode("utf-8", "replace").strip().splitlines()
    return answer.exit_code, said[-1][-120:] if said else "nothing"


async def _signed_in(vault: Vault) -> str:
    """Sign in as the application does.

    Raises:
        NotMeasured: it can't.
    """
    names = [f"{vault.credentials}/{name}" for name in ("role_id", "secret_id")]
    if missing(vault.run, names):
        raise NotMeasured("The application has nothing to sign in to Vault with.")
    if (await vault.status())["sealed"]:
        raise NotMeasured(
            f"{vault.service} is sealed: nobody can sign in.", hint=await vault.how_to_unseal(KEYS)
        )
    role_id, secret_id = (vault.run.files.read(name).decode() for name in names)
    token = await vault.sign_in(role_id, secret_id)
    if not token:
        raise NotMeasured("The application's own credentials are refused.")
    other = await vault.sign_in(role_id, role_id)
    vault.run.require("sign-in with another secret_id", not other, "let in" if other else "refused")
    return token


@check
async def token_short(run: Run, *, longest: timedelta = TOKEN_LONGEST, **given: Any) -> None:
    """Find the application's token to live shortly, renewals included."""
    vault = _vault(run, **given)
    await _life(vault, await _signed_in(vault), longest)


async def _life(vault: Vault, token: str, longest: timedelta) -> None:
    run = vault.run
    looked = await vault.bao("token", "lookup", "-format=json", token=token)
    data = json.loads(looked.stdout)["data"]
    limit = longest.total_seconds()
    run.measure("life of its token", int(data["creation_ttl"]), "s", at_least=1, at_most=limit)
    renewed = await vault.bao(
        *("write", "-format=json", "auth/token/renew-self", "increment=24h"), token=token
    )
    life = int(json.loads(renewed.stdout)["auth"]["lease_duration"])
    run.measure("renewed for as long as it is let", life, "s", at_least=1, at_most=limit)


@check
async def least_privilege(run: Run, **given: Any) -> None:
    """Find the application let to read its own entry, and nothing else.

    What would change something is asked of the server, never tried: a token with too many rights
    would do it.
    """
    vault = _vault(run, **given)
    await _rights(vault, await _signed_in(vault))


async def _rights(vault: Vault, token: str) -> None:
    run = vault.run
    looked = await vault.bao("token", "lookup", "-format=json", token=token)
    own = [name for name in json.loads(looked.stdout)["data"]["policies"] if name != "default"]
    run.equals("its policies", ", ".join(own), vault.role)
    place = f"{vault.mount}/data/{vault.path}"
    if not (await vault.bao("read", place, token=token, may_fail=True)).ok:
        raise NotMeasured("The application's token can't even read its own entry.")
    run.measure("control", f"it reads {place}")
    for what, words in {
        "list entries": ("list", f"{vault.mount}/metadata"),
        "read another entry": ("read", f"{vault.mount}/data/runbook_probe_other"),
        "read policies": ("read", f"sys/policies/acl/{vault.role}"),
    }.items():
        answer = await vault.bao(*words, token=token, may_fail=True)
        said = (answer.stderr + answer.stdout).decode("utf-8", "replace")
        refused = not answer.ok and "permission denied" in said
        run.require(f"can't {what}", refused, "permission denied" if refused else "let")
    for path, allowed in (await _capabilities(vault, token, place)).items():
        wanted = "read" if path == place else "deny"
        run.equals(f"rights on {path}", ", ".join(allowed), wanted)


async def _capabilities(vault: Vault, token: str, place: str) -> dict[str, list[str]]:
    """What the server lets a token do, by path: its own entry, and what would change something."""
    keys = (f"{vault.mount}/{kind}/{vault.path}" for kind in _KEY_VALUE)
    role = f"auth/approle/role/{vault.role}"
    paths = [place, *keys, role, f"{role}/secret-id", "auth/token/create", "sys/policies/acl/root"]
    order = json.dumps({"paths": paths}).encode()
    told = await vault.bao(
        *("write", "-format=json", "sys/capabilities-self", "-"), token=token, data=order
    )
    found = json.loads(told.stdout)["data"]
    return {path: found[path] for path in paths}

"""Vault as the backend, on a target of fakes whose server answers as the client prints it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from actions import secrets_vault as vault
from runbook_app.domain.errors import ActionError, NeedsRecipient, NotMeasured
from runbook_app.domain.measure import Finding, Progress
from runbook_app.ports.capabilities import ExecResult
from runbook_app.testing.capabilities import container, result
from tests.actions.secrets_target import MANIFEST, SecretsTarget
from tests.actions.test_secrets_rotation import made, taken_out

Command = Callable[[str, str, bytes], ExecResult]
GIVEN = {"backend": "vault"}
WITH = {**GIVEN, "manifest": MANIFEST}
ROOT, UNSEAL, REVOKER = "s.root-token-root", "unseal-key-unseal", "s.revoker-revoker"
SECRET_ID = "secret-id-secret-id"  # of the fake
REFUSALS = "HTTP request to an HTTPS server; unknown authority; certificate is valid for vault"
"""Of a client without TLS, without our CA, and with another name."""


class Server:
    """Knows just enough of Vault to be initialised, filled and asked."""

    def __init__(self, there: SecretsTarget) -> None:
        self.initialised, self.sealed, self.begun = False, True, False
        self.stored: dict[str, str] = {}
        self.asked: list[str] = []
        self.life = 900
        """Seconds, of the application's token."""
        self.rights = {"secret/data/accounts": ["read"]}
        """Of the application's token, by path."""
        self.there = there
        there.fake.containers.on_execute = self.answer
        there.fake.containers.running["vault"] = container("vault")

    def answer(self, service: str, argv: Sequence[str], stdin: bytes) -> ExecResult:
        if service != "vault":
            return result(json.dumps(self.stored))
        if argv[:2] == ["bao", "status"]:
            return self._status(argv)
        if len(argv) == 3:
            return self._in_its_container(argv[2])
        token, _, data = stdin.partition(b"\n")
        words = " ".join(argv[4:])
        self.asked.append(words)
        return self._command(words, token.decode(), data)

    def _status(self, argv: Sequence[str]) -> ExecResult:
        if len(argv) == 2:
            return result(exit_code=1, stderr=REFUSALS)
        state = {"initialized": self.initialised, "sealed": self.sealed, "storage_type": "raft"}
        return result(json.dumps(state), exit_code=2 if self.sealed else 0)

    def _in_its_container(self, script: str) -> ExecResult:
        if script.startswith("test -e"):
            return result(exit_code=0 if self.begun else 1)
        if script.startswith("find"):
            self.initialised, self.sealed = False, True
        else:
            self.begun = script.startswith("touch")
        return result()

    def _command(self, words: str, token: str, data: bytes) -> ExecResult:
        if words.startswith("operator init"):
            self.initialised = True
            return result(json.dumps({"root_token": ROOT, "unseal_keys_b64": [UNSEAL]}))
        if words == "write sys/unseal key=-":
            self.sealed = data.decode() != UNSEAL
        elif words.startswith("write -field=token"):
            right = json.loads(data)["secret_id"] == SECRET_ID
            return result("s.application-token" if right else "", exit_code=0 if right else 2)
        elif words.startswith("token lookup"):
            found = {"creation_ttl": self.life, "policies": ["default", "api"]}
            return result(json.dumps({"data": found}))
        elif "auth/token/renew-self" in words:
            return result(json.dumps({"auth": {"lease_duration": self.life}}))
        elif token == "s.application-token":
            return self._as_application(words, data)
        elif words == "write secret/data/accounts -" and token == ROOT:
            self.stored = json.loads(data)["data"]
        return result(
            _FIELDS.get(words.rsplit(" ", maxsplit=1)[-1] if "role_id" in words else words, "")
        )

    def _as_application(self, words: str, data: bytes) -> ExecResult:
        if "capabilities-self" in words:
            paths = json.loads(data)["paths"]
            found = {path: self.rights.get(path, ["deny"]) for path in paths}
            return result(json.dumps({"data": found}))
        what, path = words.split(" ")
        assert what in ("read", "list"), "a check that tries what it must not do, may do it"
        if what in self.rights.get(path, []):
            return result("{}")
        return result(exit_code=2, stderr="* permission denied")


_FIELDS = {
    "read -field=role_id auth/approle/role/api/role-id": "role-id-role-id",
    "write -f -field=secret_id auth/approle/role/api/secret-id": SECRET_ID,
    "token create -orphan -policy=api-revoke -ttl=24h -field=token": REVOKER,
}


@pytest.fixture
async def server(tmp_path, monkeypatch) -> Server:
    there = SecretsTarget(tmp_path, monkeypatch)
    await made(there)
    return Server(there)


async def filled(server: Server) -> None:
    await server.there.fake.apply(vault.server, **GIVEN)
    await server.there.fake.apply(vault.initialise, **WITH)


async def progress(server: Server, action, **given) -> Progress:
    found: Finding = await action.checker(server.there.fake.run, **given)
    return found.progress


@pytest.mark.parametrize("action", [vault.server, vault.initialise, vault.compose, vault.move_in])
async def test_with_files_as_the_backend_nothing_is_done(server, action):
    before = list(server.there.fake.history.lines)
    given = {"backend": "file"} if action is vault.server else {**WITH, "backend": "file"}
    await server.there.fake.apply(action, **given)
    assert server.there.fake.history.lines == before
    assert await progress(server, action, **given) is Progress.DONE


async def test_without_a_key_to_seal_to_nothing_is_begun(server):
    server.there.fake.secrets.seals_to = ""
    before = list(server.there.fake.history.lines)
    with pytest.raises(NeedsRecipient, match="no key or passphrase to seal"):
        await server.there.fake.apply(vault.server, **GIVEN)
    assert len(server.there.fake.recorder.questions) == 1
    assert server.there.fake.history.lines == before
    with pytest.raises(NeedsRecipient):
        await server.there.fake.apply(vault.initialise, **WITH)
    assert server.asked == []


async def test_the_server_is_reached_on_the_stacks_network_alone(server):
    await server.there.fake.apply(vault.server, **GIVEN)
    service = server.there.fake.compose.document()["services"]["vault"]
    assert "ports" not in service
    assert service["networks"] == ["backend"]
    state = server.there.fake.files.state("vault/certs/key.pem")
    assert (state.mode, state.uid) == (0o600, 10002)


async def test_root_token_and_unseal_key_are_sealed_and_written_nowhere(server):
    await filled(server)
    sealed = json.loads(server.there.fake.secrets.sealed["vault-keys"])
    assert sealed == {"root_token": ROOT, "unseal_key": UNSEAL}
    said = " ".join([*server.there.fake.recorder.lines, *server.asked])
    files = [p.read_bytes() for p in server.there.fake.folder.rglob("*") if p.is_file()]
    for value in (ROOT, UNSEAL):
        assert value not in said
        assert not [content for content in files if value.encode() in content]


async def test_the_secrets_are_stored_unchanged(server):
    await filled(server)
    assert server.stored["column_key"] == server.there.column_key
    assert set(server.stored) == {entry.name for entry in MANIFEST}
    assert await progress(server, vault.initialise, **WITH) is Progress.DONE


async def test_a_vault_that_is_somebodys_already_is_not_touched(server):
    server.initialised = True
    with pytest.raises(ActionError, match="is initialised already"):
        await server.there.fake.apply(vault.initialise, **WITH)
    assert server.asked == []
    assert await progress(server, vault.initialise, **WITH) is Progress.PARTLY


@pytest.mark.parametrize("last", ["operator init", "write sys/unseal", "token create"])
async def test_an_initialisation_that_was_cut_short_begins_anew(server, last):
    answer: Command = server._command

    def cut(words: str, token: str, data: bytes) -> ExecResult:
        done = answer(words, token, data)
        if words.startswith(last):
            raise ActionError("the engine is gone")
        return done

    server._command = cut
    with pytest.raises(ActionError, match="engine is gone"):
        await filled(server)
    assert await progress(server, vault.initialise, **WITH) is Progress.PARTLY
    server._command = answer
    await server.there.fake.apply(vault.initialise, **WITH)
    assert not server.begun
    assert await progress(server, vault.initialise, **WITH) is Progress.DONE


async def test_the_application_is_told_where_and_finds_no_files(server):
    await filled(server)
    await taken_out(server.there)
    await server.there.fake.apply(vault.compose, **WITH)
    api = server.there.fake.compose.document()["services"]["api"]
    assert api["environment"]["VAULT_ADDR"] == "https://vault:8200"
    assert "SECRETS_DIR" not in api["environment"]
    assert "./secrets/vault:/run/vault:ro" in api["volumes"]
    assert not [volume for volume in api["volumes"] if ":/run/secrets:" in volume]
    await server.there.fake.apply(vault.move_in, **WITH)
    assert [*(server.there.fake.folder / "secrets/api").iterdir()] == []
    assert await progress(server, vault.move_in, **WITH) is Progress.DONE


async def test_a_file_that_vault_does_not_give_back_is_kept(server):
    await filled(server)
    server.stored["column_key"] = "another"
    with pytest.raises(ActionError, match="it was not removed"):
        await server.there.fake.apply(vault.move_in, **WITH)
    assert server.there.value("column_key") == server.there.column_key


async def test_leaving_goes_back_to_files_before_the_role_is_revoked(server):
    await filled(server)
    await taken_out(server.there)
    await server.there.fake.apply(vault.compose, **WITH)
    await server.there.fake.apply(vault.move_in, **WITH)
    server.asked.clear()
    ups = server.there.fake.history.changes.count("up")
    await server.there.fake.apply(vault.leave, manifest=MANIFEST)
    assert server.there.value("column_key") == server.there.column_key
    api = server.there.fake.compose.document()["services"]["api"]
    assert api["environment"]["SECRETS_BACKEND"] == "file"
    assert "VAULT_ADDR" not in api["environment"]
    assert server.there.fake.history.changes.count("up") == ups + 1
    assert server.asked == ["delete auth/approle/role/api"]
    assert await progress(server, vault.leave) is Progress.DONE


@pytest.mark.parametrize("backend", ["vault", "file"])
async def test_files_are_gone_back_to_only_where_they_are_the_backend_again(server, backend):
    await filled(server)
    await taken_out(server.there)
    await server.there.fake.apply(vault.compose, **WITH)
    await server.there.fake.apply(vault.move_in, **WITH)
    server.asked.clear()
    given = {**WITH, "backend": backend}
    told = Progress.DONE if backend == "vault" else Progress.NOT_DONE
    assert await progress(server, vault.switch_back, **given) is told
    await server.there.fake.apply(vault.switch_back, **given)
    api = server.there.fake.compose.document()["services"]["api"]
    assert api["environment"]["SECRETS_BACKEND"] == backend
    assert server.there.fake.files.exists("secrets/api/column_key") is (backend == "file")
    # A rollback of this goes back to a Vault that is as it was.
    assert server.asked == []
    assert "vault" in server.there.fake.compose.document()["services"]
    assert await progress(server, vault.switch_back, **given) is Progress.DONE


async def test_without_vault_leaving_does_nothing(server):
    before = list(server.there.fake.history.lines)
    await server.there.fake.apply(vault.leave, manifest=MANIFEST)
    assert (server.there.fake.history.lines, server.asked) == (before, [])


async def hardened(server: Server) -> list[str]:
    return await server.there.fake.measure(vault.hardened, **GIVEN)


async def test_a_read_only_token_passes_and_every_further_right_is_found(server):
    await filled(server)
    assert await hardened(server) == []
    server.rights = {
        "secret/data/accounts": ["read", "update"],
        "secret/metadata": ["list"],
        "secret/destroy/accounts": ["update"],
        "auth/approle/role/api/secret-id": ["create", "update"],
    }
    assert await hardened(server) == [
        "can't list entries",
        "rights on secret/data/accounts",
        "rights on secret/destroy/accounts",
        "rights on auth/approle/role/api/secret-id",
    ]


async def test_a_sealed_vault_fails_the_check(server):
    await filled(server)
    server.sealed = True
    assert await hardened(server) == ["unsealed"]


async def test_a_token_of_a_day_fails_the_check(server):
    await filled(server)
    server.life = 86_400
    assert await hardened(server) == ["life of its token", "renewed for as long as it is let"]


async def test_credentials_that_are_refused_say_nothing_about_rights(server):
    await filled(server)
    server.there.write("secrets/vault/secret_id", "another", uid=10001)
    with pytest.raises(NotMeasured, match="own credentials are refused"):
        await hardened(server)

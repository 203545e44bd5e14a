from __future__ import annotations

import stat
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from actions import _certificates, tls
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Finding, Progress
from runbook_app.testing.run import FakeTarget
from tests.actions.servers import Answer, issued, server_context, serving, written

MAKE = tls.generate_certificate


@pytest.fixture(autouse=True)
def as_ordinary_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root could give the key away; then these tests would depend on who runs them."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)


async def found(target: FakeTarget, **parameters: object) -> Finding:
    assert MAKE.checker
    return await MAKE.checker(target.run, **parameters)


@pytest.mark.parametrize("key_type", ["ecdsa-p256", "rsa-2048"])
async def test_a_client_that_trusts_the_ca_alone_accepts_the_certificate(
    networked: FakeTarget, key_type: str
) -> None:
    await networked.apply(MAKE, key_type=key_type)
    certs = networked.folder / "certs"
    with serving(lambda _: Answer(body=b"hello"), tls=server_context(certs)) as port:
        for host in ("localhost", "127.0.0.1"):
            answer = await networked.run.http.request(
                "GET", f"https://{host}:{port}/", ca=certs / "ca.pem"
            )
            assert answer.body == b"hello"


async def test_nobody_but_its_owner_reads_the_key(target: FakeTarget) -> None:
    await target.apply(MAKE)
    mode = (target.folder / "certs/key.pem").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


async def test_root_gives_the_key_to_the_account_that_nginx_runs_as(
    target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    await target.apply(MAKE)
    assert target.files.owners == {"certs/key.pem": 33}


async def test_the_key_is_ignored_by_git_before_it_exists(target: FakeTarget) -> None:
    (target.folder / ".gitignore").write_text("# Ours.\n*.log")
    await target.apply(MAKE)
    assert (target.folder / ".gitignore").read_text() == (
        "# Ours.\n*.log\n# Private key of the staging certificate.\n/certs/key.pem\n"
    )
    lines = target.history.lines
    assert lines.index("write .gitignore 0644") < lines.index("write certs/key.pem 0600")


async def test_an_ignored_key_leaves_gitignore_alone(target: FakeTarget) -> None:
    target.git.ignores.add("certs/key.pem")
    await target.apply(MAKE)
    assert not target.files.exists(".gitignore")


async def test_no_key_is_made_while_git_would_track_it(target: FakeTarget) -> None:
    target.git.root = None
    with pytest.raises(ActionError, match="so no key was made"):
        await target.apply(MAKE)
    assert not (target.folder / "certs").exists()


async def test_without_a_repository_nothing_is_ignored(target: FakeTarget) -> None:
    target.git.why_not = "no repository"
    await target.apply(MAKE)
    assert not target.files.exists(".gitignore")


async def test_each_file_is_captured_before_it_is_written(target: FakeTarget) -> None:
    await target.apply(MAKE)
    for name in ("certs/key.pem", "certs/cert.pem", "certs/ca.pem"):
        captured = target.history.lines.index(f"capture file {name}")
        assert target.history.lines[captured + 1].startswith(f"write {name}")


async def test_the_keys_text_is_registered_as_a_secret(target: FakeTarget) -> None:
    await target.apply(MAKE)
    assert target.secrets.registered["TLS private key"].encode() == target.files.read(
        "certs/key.pem"
    )


async def test_a_second_run_changes_nothing(target: FakeTarget) -> None:
    await target.apply(MAKE)
    before = list(target.history.lines)
    target.secrets.registered.clear()
    await target.apply(MAKE)
    assert target.history.lines == before
    assert target.secrets.registered


async def test_the_ca_can_sign_nothing_any_more(target: FakeTarget) -> None:
    await target.apply(MAKE)
    ca = x509.load_pem_x509_certificate(target.files.read("certs/ca.pem"))
    for path in target.folder.rglob("*.pem"):
        if b"PRIVATE KEY" in path.read_bytes():
            key = load_pem_private_key(path.read_bytes(), None)
            assert key.public_key() != ca.public_key()


async def test_fingerprint_and_end_are_left_for_later_steps(target: FakeTarget) -> None:
    await target.apply(MAKE, days=30)
    leaf = x509.load_pem_x509_certificates(target.files.read("certs/cert.pem"))[0]
    assert target.recorder.outputs == {
        "fingerprint": _certificates.fingerprint(leaf),
        "not_after": leaf.not_valid_after_utc.isoformat(),
    }
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=30)


async def test_the_check_tells_done_from_not_done(target: FakeTarget) -> None:
    assert (await found(target)).progress is Progress.NOT_DONE
    await target.apply(MAKE)
    assert (await found(target)).progress is Progress.DONE


@pytest.mark.parametrize("name", ["ca.pem", "cert.pem", "key.pem"])
async def test_a_missing_file_is_partly(target: FakeTarget, name: str) -> None:
    await target.apply(MAKE)
    (target.folder / "certs" / name).unlink()
    finding = await found(target)
    assert finding.progress is Progress.PARTLY
    assert finding.evidence == f"certs/{name} is missing"


@pytest.mark.parametrize(
    ("weakness", "evidence"),
    [
        ({"names": ["localhost", "nginx"]}, "lacks 127.0.0.1, ::1"),
        ({"days": 3650}, "lives 3650 days, not 89"),
        ({"days": 0}, "not valid now"),
        ({"key_type": "rsa-2048"}, "is rsa-2048, not ecdsa-p256"),
    ],
)
async def test_the_check_sees_a_weak_certificate(
    target: FakeTarget, weakness: dict[str, Any], evidence: str
) -> None:
    sound: dict[str, Any] = {"names": ["localhost", "nginx", "127.0.0.1", "::1"]}
    written(target.folder, issued(**(sound | weakness)))
    finding = await found(target)
    assert finding.progress is Progress.PARTLY
    assert evidence in finding.evidence


async def test_the_check_sees_a_key_of_another_certificate(target: FakeTarget) -> None:
    await target.apply(MAKE)
    (target.folder / "certs/key.pem").write_bytes(issued().key)
    assert "the key is not the certificate's" in (await found(target)).evidence


async def test_the_check_sees_a_certificate_of_another_ca(target: FakeTarget) -> None:
    await target.apply(MAKE)
    (target.folder / "certs/ca.pem").write_bytes(issued().ca)
    assert "not signed by the CA" in (await found(target)).evidence


async def test_the_check_sees_a_key_that_others_can_read(target: FakeTarget) -> None:
    await target.apply(MAKE)
    (target.folder / "certs/key.pem").chmod(0o644)
    assert "mode 0644, not 0600" in (await found(target)).evidence


async def test_the_check_sees_a_file_that_is_no_certificate(target: FakeTarget) -> None:
    await target.apply(MAKE)
    (target.folder / "certs/cert.pem").write_text("nonsense")
    finding = await found(target)
    assert finding.progress is Progress.PARTLY
    assert "can't be read" in finding.evidence


async def test_a_broken_set_is_made_anew(target: FakeTarget) -> None:
    await target.apply(MAKE)
    (target.folder / "certs/cert.pem").write_text("nonsense")
    await target.apply(MAKE)
    assert (await found(target)).progress is Progress.DONE

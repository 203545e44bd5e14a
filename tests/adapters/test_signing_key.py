"""The operator's signing key: made once, private, and never replaced."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from runbook_app.adapters.signing_key import FilePublicKey, FileSigner, public_file
from runbook_app.domain.errors import JournalError, UsageError


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "signing.key"


def test_the_first_signature_makes_a_private_key_and_its_public_one_beside_it(
    key_file: Path,
) -> None:
    keyid, signature = FileSigner(key_file).sign(b"words")
    public = key_file.with_name("signing.pub")
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert public.stat().st_mode & 0o777 == 0o600
    assert key_file.parent.stat().st_mode & 0o777 == 0o700
    assert b"PRIVATE" not in public.read_bytes()
    assert sorted(path.name for path in key_file.parent.iterdir()) == ["signing.key", "signing.pub"]
    key = FilePublicKey.load(public)
    assert key.keyid == keyid
    assert key.verifies(b"words", signature)
    assert not key.verifies(b"other words", signature)
    assert not key.verifies(b"words", signature[:-1])
    assert not key.verifies(b"words", b"")


def test_the_key_is_kept(key_file: Path) -> None:
    first = FileSigner(key_file).sign(b"words")
    assert FileSigner(key_file).sign(b"words") == first


def test_two_processes_that_make_it_at_once_use_the_same_key(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = FileSigner(key_file), FileSigner(key_file)
    made = first.sign(b"words")
    looks, load = [1], second._load
    monkeypatch.setattr(second, "_load", lambda: None if looks and looks.pop() else load())
    assert second.sign(b"words") == made, "it saw no key, and the first one's was there by then"


def test_a_public_key_that_was_lost_or_altered_is_written_again(key_file: Path) -> None:
    keyid, _ = FileSigner(key_file).sign(b"")
    public_file(key_file).write_text("other")
    FileSigner(key_file).sign(b"")
    assert FilePublicKey.load(public_file(key_file)).keyid == keyid


def test_the_key_s_id_is_what_openssl_makes_of_the_public_key(key_file: Path) -> None:
    keyid, _ = FileSigner(key_file).sign(b"")
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", public_file(key_file), "-outform", "DER"],
        capture_output=True,
        check=True,
    ).stdout
    assert hashlib.sha256(der).hexdigest() == keyid


def private(key: Ed25519PrivateKey, encryption: KeySerializationEncryption) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def rsa() -> bytes:
    key = generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        rsa(),
        private(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"x")),
    ],
    ids=["empty", "garbage", "RSA", "with a passphrase"],
)
def test_a_damaged_key_is_not_replaced(key_file: Path, damaged: bytes) -> None:
    key_file.parent.mkdir()
    key_file.write_bytes(damaged)
    with pytest.raises(JournalError, match=r"signing\.key"):
        FileSigner(key_file).sign(b"")
    assert key_file.read_bytes() == damaged


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(JournalError, match=r"signing\.key"):
        FileSigner(tmp_path / "home" / "signing.key").sign(b"")


def test_another_kind_of_public_key_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "key.pub"
    key = generate_private_key(65537, 2048).public_key()
    path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(UsageError, match="not Ed25519"):
        FilePublicKey.load(path)
    path.write_bytes(b"\x00" * 100)
    with pytest.raises(UsageError, match="no public key"):
        FilePublicKey.load(path)
    with pytest.raises(UsageError, match="can't be read"):
        FilePublicKey.load(tmp_path)

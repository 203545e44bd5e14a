"""What is sealed to a recipient's key is opened by that key alone."""

from __future__ import annotations

import json
import os

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from runbook_app.adapters.passphrase import Derivation
from runbook_app.adapters.recipient import Recipient, make_pair, recipient, recipient_of, unseal
from runbook_app.adapters.sealed_file import read
from runbook_app.domain.errors import NeedsRecipient, UsageError
from runbook_app.engine.known_secrets import KnownSecrets
from runbook_app.engine.redaction import Redactor
from runbook_app.testing.artefacts import MemoryArtefacts

PLAIN = os.urandom(40)
FIRST = """\
{
  "format": "runbook-sealed-1",
  "recipient": "eedd883da0a94515",
  "ephemeral": "FyNDcMViZ0uexIURs7ERk7xdqrQ5pdfjNCK6SXxyOGY=",
  "nonce": "rykyqjECd4y9B+D3",
  "ciphertext": "MNGgHmKrF4C25O1M5YG8MyjVCxFtuTelFBD/suHx168Aa6B4wS7QY3yLzA=="
}
"""
"""What the first version sealed to the key of the bytes 0 to 31."""
DEEP = b'{"x":' + b"[" * 1_000_000


def test_what_is_sealed_is_opened_by_its_own_key_alone(tmp_path):
    sealed = recipient(make_pair(tmp_path / "one")).seal(PLAIN)
    assert PLAIN not in sealed
    assert unseal(read(sealed), tmp_path / "one") == PLAIN
    make_pair(tmp_path / "other")
    with pytest.raises(UsageError, match="is another one"):
        unseal(read(sealed), tmp_path / "other")


def test_what_the_first_version_sealed_still_opens(tmp_path):
    key = X25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "one").write_bytes(pem)
    assert unseal(read(FIRST.encode()), tmp_path / "one") == b"sealed by the first version"
    assert json.loads(Recipient(key.public_key()).seal(b"")).keys() == json.loads(FIRST).keys()


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"\xff", FIRST.replace("-1", "-2").encode(), DEEP],
    ids=["empty", "no fields", "no text", "later format", "deep"],
)
def test_what_is_no_sealed_file_is_refused(data):
    with pytest.raises(UsageError, match="no sealed file of this program"):
        read(data)


@pytest.mark.parametrize("part", ["nonce", "ciphertext", "ephemeral"])
def test_what_was_altered_does_not_open(tmp_path, part):
    sealed = json.loads(recipient(make_pair(tmp_path / "one")).seal(PLAIN))
    letter = "A" if sealed[part][0] != "A" else "B"
    sealed[part] = letter + sealed[part][1:]
    with pytest.raises(UsageError, match="altered"):
        unseal(read(json.dumps(sealed).encode()), tmp_path / "one")


def test_a_pair_that_is_there_is_kept_and_its_private_key_is_private(tmp_path):
    public = make_pair(tmp_path / "keys" / "one")
    before = public.read_bytes(), (tmp_path / "keys" / "one").read_bytes()
    assert make_pair(tmp_path / "keys" / "one") == public
    assert (public.read_bytes(), (tmp_path / "keys" / "one").read_bytes()) == before
    assert (tmp_path / "keys" / "one").stat().st_mode & 0o777 == 0o600


def test_a_private_key_is_no_recipient(tmp_path):
    make_pair(tmp_path / "one")
    with pytest.raises(UsageError, match="is the private key"):
        recipient(tmp_path / "one")
    (tmp_path / "text").write_text("no key")
    with pytest.raises(UsageError, match="is no X25519 public key"):
        recipient(tmp_path / "text")
    with pytest.raises(UsageError, match="can't be read"):
        recipient(tmp_path / "none")


def test_a_session_keeps_whom_it_seals_to_and_how_a_passphrases_key_is_derived(tmp_path):
    assert recipient_of(tmp_path) is None
    derivation = Derivation(salt=bytes(16), n=2, r=1)
    key = derivation.private_key(b"words").public_key()
    for to in (Recipient(key), Recipient(key, derivation)):
        to.keep(tmp_path)
        kept = recipient_of(tmp_path)
        assert kept is not None
        assert kept.pem == to.pem
        assert read(kept.seal(PLAIN)).passphrase == read(to.seal(PLAIN)).passphrase


def test_a_session_seals_into_its_folder_and_only_to_a_key(tmp_path):
    artefacts = MemoryArtefacts()
    to = recipient(make_pair(tmp_path / "one"))
    path = KnownSecrets(Redactor(), artefacts, to).seal("root-token", PLAIN)
    assert unseal(read(artefacts.get(path)), tmp_path / "one") == PLAIN
    with pytest.raises(NeedsRecipient, match="no key or passphrase to seal it to"):
        KnownSecrets(Redactor(), artefacts).seal("root-token", PLAIN)

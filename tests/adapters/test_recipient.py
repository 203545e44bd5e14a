"""What is sealed to a recipient's key is opened by that key alone."""

from __future__ import annotations

import json
import os

import pytest

from runbook_app.adapters.recipient import make_pair, recipient, unseal
from runbook_app.domain.errors import NeedsRecipient, UsageError
from runbook_app.engine.known_secrets import KnownSecrets
from runbook_app.engine.redaction import Redactor
from runbook_app.testing.artefacts import MemoryArtefacts

PLAIN = os.urandom(40)


def test_what_is_sealed_is_opened_by_its_own_key_alone(tmp_path):
    sealed = recipient(make_pair(tmp_path / "one")).seal(PLAIN)
    assert PLAIN not in sealed
    assert unseal(sealed, tmp_path / "one") == PLAIN
    make_pair(tmp_path / "other")
    with pytest.raises(UsageError, match="is another one"):
        unseal(sealed, tmp_path / "other")


@pytest.mark.parametrize("part", ["nonce", "ciphertext", "ephemeral"])
def test_what_was_altered_does_not_open(tmp_path, part):
    sealed = json.loads(recipient(make_pair(tmp_path / "one")).seal(PLAIN))
    letter = "A" if sealed[part][0] != "A" else "B"
    sealed[part] = letter + sealed[part][1:]
    with pytest.raises(UsageError, match="altered"):
        unseal(json.dumps(sealed).encode(), tmp_path / "one")


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


def test_a_session_seals_into_its_folder_and_only_to_a_key(tmp_path):
    artefacts = MemoryArtefacts()
    to = recipient(make_pair(tmp_path / "one"))
    path = KnownSecrets(Redactor(), artefacts, to).seal("root-token", PLAIN)
    assert unseal(artefacts.get(path), tmp_path / "one") == PLAIN
    with pytest.raises(NeedsRecipient, match="no key to seal it to"):
        KnownSecrets(Redactor(), artefacts).seal("root-token", PLAIN)

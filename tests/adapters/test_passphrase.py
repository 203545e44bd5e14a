"""What is sealed to a passphrase is opened by it alone, on any machine, from its file alone."""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_app.adapters import passphrase, recipient
from runbook_app.adapters.passphrase import Derivation, first_line, new, normalised
from runbook_app.adapters.recipient import Recipient, from_passphrase, unseal_by_passphrase
from runbook_app.adapters.sealed_file import read
from runbook_app.domain.errors import EnvironmentLacks, UsageError

PLAIN = os.urandom(40)
WORDS = "correct horse battery staple"
CHEAP = Derivation(salt=bytes(range(16)), n=2, r=1)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
derivations = st.builds(
    Derivation,
    salt=st.binary(min_size=16, max_size=16),
    n=st.sampled_from([2, 16, 64]),
    r=st.integers(1, 8),
    p=st.integers(1, 4),
)


def sealed_to(text: str, derivation: Derivation = CHEAP) -> bytes:
    key = derivation.private_key(normalised(text)).public_key()
    return Recipient(key, derivation).seal(PLAIN)


def opened(sealed: bytes, text: str) -> bytes:
    found = read(sealed)
    assert found.passphrase is not None
    return unseal_by_passphrase(found, found.passphrase, normalised(text))


@given(texts, texts, derivations)
def test_the_passphrase_alone_opens_what_was_sealed_to_it(text, other, derivation):
    sealed = sealed_to(text, derivation)
    assert opened(sealed, text) == PLAIN
    if normalised(other) != normalised(text):
        with pytest.raises(UsageError, match="is not the passphrase") as refused:
            opened(sealed, other)
        assert refused.value.exit_code == 2
        assert refused.value.hint


@given(texts)
def test_the_same_text_is_the_same_passphrase_however_its_accents_are_made(text):
    forms = {normalised(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}
    assert forms == {normalised(text)}


@given(st.binary(max_size=60), derivations)
def test_the_key_is_what_scrypt_makes_of_it(text, derivation):
    made = hashlib.scrypt(
        text, salt=derivation.salt, n=derivation.n, r=derivation.r, p=derivation.p, dklen=32
    )
    assert derivation.private_key(text).private_bytes_raw() == made


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=12), derivations)
@settings(max_examples=30)
def test_neither_the_public_key_nor_the_sealed_file_gives_the_passphrase_away(
    tmp_path_factory, text, derivation
):
    private = derivation.private_key(text.encode())
    folder = tmp_path_factory.mktemp("session")
    Recipient(private.public_key(), derivation).keep(folder)
    kept = recipient.recipient_of(folder)
    assert kept is not None
    sealed = kept.seal(PLAIN)
    assert opened(sealed, text) == PLAIN
    for data in (sealed, (folder / recipient.FILE).read_bytes()):
        assert text.encode() not in data
        assert private.private_bytes_raw() not in data


def test_a_guess_costs_128_mib_and_each_recipient_has_its_own_salt():
    one, other = from_passphrase(new(WORDS)), from_passphrase(new(WORDS))
    assert one.fingerprint != other.fingerprint
    sealed = one.seal(PLAIN)
    cost = json.loads(sealed)["passphrase"]
    assert 128 * cost["n"] * cost["r"] == 128 << 20
    assert opened(sealed, WORDS) == PLAIN


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("nonce", "altered"),
        ("ciphertext", "altered"),
        ("ephemeral", "altered"),
        ("recipient", "is not the passphrase"),
        ("salt", "is not the passphrase"),
    ],
)
def test_what_was_altered_does_not_open(part, said):
    sealed = json.loads(sealed_to(WORDS))
    where = sealed["passphrase"] if part == "salt" else sealed
    where[part] = ("0" if where[part][0] != "0" else "1") + where[part][1:]
    with pytest.raises(UsageError, match=said):
        opened(json.dumps(sealed).encode(), WORDS)


@pytest.mark.parametrize(
    "change",
    [
        {"n": 1 << 21},
        {"n": 1 << 62},
        {"n": 1 << 90},
        {"n": 3},
        {"n": 1},
        {"n": 0},
        {"n": -2},
        {"n": 16.5},
        {"n": "16"},
        {"n": True},
        {"n": None},
        {"r": 9},
        {"r": 0},
        {"p": 5},
        {"p": 0},
        {"salt": ""},
        {"salt": "AAAA"},
        {"salt": "A" * 2000},
        {"salt": "not base64 at all?!"},
        {"kdf": "md5"},
        {"kdf": None},
        {"pepper": 1},
    ],
    ids=str,
)
def test_a_hostile_file_is_refused_before_anything_is_derived(tmp_path, monkeypatch, change):
    sealed = json.loads(sealed_to(WORDS))
    public = Recipient(CHEAP.private_key(b"").public_key(), CHEAP).pem
    monkeypatch.setattr(passphrase, "Scrypt", None)
    sealed["passphrase"] |= change
    with pytest.raises(UsageError, match="no sealed file of this program"):
        read(json.dumps(sealed).encode())
    key = tmp_path / "hostile.pub"
    begin = public.index(b"-----BEGIN")
    key.write_bytes(
        b"Passphrase: %b\n%b" % (json.dumps(sealed["passphrase"]).encode(), public[begin:])
    )
    with pytest.raises(UsageError, match="is no X25519 public key"):
        recipient.recipient(key)


@given(st.recursive(st.none() | st.booleans() | st.integers() | texts, st.lists))
def test_what_is_no_derivation_is_no_sealed_file(value):
    sealed = json.loads(sealed_to(WORDS))
    sealed["passphrase"] = value
    if value is None:
        assert read(json.dumps(sealed).encode()).passphrase is None
    else:
        with pytest.raises(UsageError, match="no sealed file"):
            read(json.dumps(sealed).encode())


def test_a_machine_with_too_little_memory_lacks_something(monkeypatch):
    class Starved:
        def __init__(self, **_: object) -> None: ...

        def derive(self, _: bytes) -> bytes:
            raise MemoryError

    monkeypatch.setattr(passphrase, "Scrypt", Starved)
    with pytest.raises(EnvironmentLacks, match="128 MiB") as lacking:
        Derivation.new().private_key(b"")
    assert lacking.value.exit_code == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "fewer than 12 characters"),
        ("elevenchars", "fewer than 12 characters"),
        ("e\u0301levenchars", "fewer than 12 characters"),
        ("x" * 40, "fewer than 5 different"),
        ("abab" * 10, "fewer than 5 different"),
        (" " * 40, "fewer than 5 different"),
        ("long enough, but\x1b[D", "is no text, as an arrow key gives"),
        ("long enough, but\x00", "is no text"),
        ("long enough, but\udc80", "no text in UTF-8"),
        ("long enough, but " + "é" * 504, "more than 1024 bytes"),
    ],
)
def test_a_passphrase_that_is_easy_to_guess_or_to_mistype_is_refused(text, said):
    with pytest.raises(UsageError, match=said):
        new(text)


def test_a_passphrase_may_be_long_and_in_any_script():
    for text in (WORDS, "twelve chars", "пароль из шести слов", "long " + "é" * 509 + "."):
        assert new(text) == unicodedata.normalize("NFC", text).encode()


@pytest.mark.parametrize(
    "data",
    [b"%b", b"%b\n", b"%b\r\n", b"%b\nanother line", b"\xef\xbb\xbf%b\r\n"],
    ids=["bare", "unix", "dos", "two lines", "byte order mark"],
)
def test_the_first_line_of_a_private_file_is_taken(tmp_path, data):
    path = tmp_path / "words"
    path.touch(0o600)
    path.write_bytes(data % f" {WORDS} é ".encode())
    assert first_line(path) == f" {WORDS} é "


def test_a_pipe_from_a_password_manager_is_taken():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "wb") as stream:
        stream.write(f"{WORDS}\n".encode())
        stream.flush()
        assert first_line(Path(f"/dev/fd/{reading}")) == WORDS


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601])
def test_a_file_that_is_open_to_others_is_refused(tmp_path, mode):
    path = tmp_path / "words"
    path.write_text(WORDS)
    path.chmod(mode)
    with pytest.raises(UsageError, match=f"open to others than its owner: its mode is {mode:04o}"):
        first_line(path)


def test_a_file_that_holds_no_text_is_refused(tmp_path):
    path = tmp_path / "words"
    path.touch(0o600)
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(UsageError, match="no text in UTF-8"):
        first_line(path)
    path.write_bytes(b"x" * (1 << 20))
    with pytest.raises(UsageError, match="more than 1024 bytes"):
        normalised(first_line(path))
    for missing, said in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(UsageError, match=said):
            first_line(missing)

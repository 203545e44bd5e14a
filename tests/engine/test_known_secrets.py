"""A secret that one engine learned is masked by the next."""

from __future__ import annotations

from pathlib import Path

from runbook_app.adapters.artefacts import FolderArtefacts
from runbook_app.adapters.sealer import FileKeySealer
from runbook_app.engine.known_secrets import KnownSecrets
from runbook_app.engine.redaction import Redactor

SECRET = "correct-horse-battery"


def known(base: Path) -> tuple[KnownSecrets, Redactor]:
    redactor = Redactor()
    artefacts = FolderArtefacts(base / "session", FileKeySealer(base / "key"))
    return KnownSecrets(redactor, artefacts), redactor


def test_the_next_engine_masks_what_the_first_one_learned(tmp_path: Path) -> None:
    first, _ = known(tmp_path)
    first.register("PASSWORD", SECRET)
    _, redactor = known(tmp_path)
    assert redactor.text(f"it is {SECRET}") == "it is [secret:PASSWORD]"


def test_no_file_holds_it_in_the_clear(tmp_path: Path) -> None:
    first, _ = known(tmp_path)
    first.register("PASSWORD", SECRET)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert all(SECRET.encode() not in path.read_bytes() for path in files)


def test_values_are_given_back_by_name_oldest_first_also_to_another_engine(tmp_path):
    secrets, _ = known(tmp_path)
    for name, value in (
        ("password", "first " * 3),
        ("other", "x" * 20),
        ("password", "second " * 3),
    ):
        secrets.register(name, value)
    again, _ = known(tmp_path)
    for one in (secrets, again):
        assert one.known("password") == ["first " * 3, "second " * 3]
        assert one.known("unknown") == []

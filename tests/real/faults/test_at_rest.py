"""What a session leaves on disk: private, and without a secret in the clear."""

from __future__ import annotations

import base64
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from .stage import GATE_PLAN, RUNBOOK, Gate, Stage

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

SEALED = b"RBSEAL1\n"


@pytest.fixture
def done(stage: Stage, gate: Gate) -> Stage:
    """A whole run, begun under the usual umask."""
    gate.open()
    options = ("--target", str(stage.root), "--yes", "--set", f"gate={gate.url}")
    command = ["sh", "-c", 'umask 022; exec "$0" "$@"', str(RUNBOOK), "run", str(GATE_PLAN)]
    result = stage.call([*command, *options])
    assert result.returncode == 0, result.stdout + result.stderr
    (stage.home.parent / "printed").write_text(result.stdout + result.stderr)
    return stage


def secrets_of(stage: Stage) -> Iterator[tuple[str, bytes]]:
    """What the run made, and what lay in the target before it."""
    for key in ("certs/key.pem", "more/key.pem"):
        lines = (stage.root / key).read_text().splitlines()
        assert "PRIVATE KEY" in lines[0]
        yield from ((f"{key} line {n}", line.encode()) for n, line in enumerate(lines[1:-1], 1))
    compose = (stage.root / "docker-compose.staging.yml").read_text()
    found = re.findall(
        r'(DB_PASSWORD|JWT_SECRET|ADMIN_PASSWORD|POSTGRES_PASSWORD): "(.+)"', compose
    )
    assert len(found) == 4
    for name, value in found:
        yield name, value.encode()
        yield f"{name} in base64", base64.b64encode(value.encode()).rstrip(b"=")


def holders(stage: Stage, folder: Path) -> list[str]:
    """Files with a secret in them, and which."""
    secrets = [(name, value) for name, value in secrets_of(stage) if len(value) >= 16]
    return [
        f"{path.relative_to(folder)}: {name}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for name, value in secrets
        if value in path.read_bytes()
    ]


def test_no_file_of_the_session_holds_a_secret_in_the_clear(done: Stage) -> None:
    sealed = list((done.folder / "captures").glob("*.sealed"))
    assert sealed
    assert all(path.read_bytes().startswith(SEALED) for path in sealed)
    assert holders(done, done.home.parent) == []
    assert holders(done, done.root) != [], "the search itself finds what is there"


def test_the_session_is_private_whatever_the_umask(done: Stage) -> None:
    assert done.runbook("export").returncode == 0
    places = [done.home, *done.home.rglob("*")]
    modes = {
        str(path.relative_to(done.home)): oct(stat.S_IMODE(path.lstat().st_mode)) for path in places
    }
    folders = {name: mode for name, mode in modes.items() if (done.home / name).is_dir()}
    assert {name: mode for name, mode in folders.items() if mode != "0o700"} == {}
    files = {name: mode for name, mode in modes.items() if name not in folders}
    assert {name: mode for name, mode in files.items() if mode != "0o600"} == {}
    assert {"journal.db", "logs.db", "engine.log", "signal.json"} <= {Path(f).name for f in files}

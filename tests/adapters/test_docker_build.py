"""A build context is what the docker command would send, the same on every machine."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from runbook_app.adapters.docker_build import pack
from runbook_app.domain.errors import ActionError


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in ("Dockerfile", "a.txt", "src/main.py", "src/cache/x.pyc", "secret.env"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def packed(context: Path, dockerfile: str = "Dockerfile") -> tarfile.TarFile:
    archive = io.BytesIO()
    pack(context, dockerfile, archive)
    archive.seek(0)
    return tarfile.open(fileobj=archive)


def test_what_dockerignore_names_stays_out(context):
    (context / ".dockerignore").write_text("# comment\n*\n!src\nsrc/cache\n")
    names = set(packed(context).getnames())
    assert names >= {"Dockerfile", ".dockerignore", "src/main.py"}
    assert not names & {"a.txt", "secret.env", "src/cache/x.pyc"}


def test_without_a_dockerignore_everything_goes_in(context):
    assert {"a.txt", "src/cache/x.pyc", "secret.env"} <= set(packed(context).getnames())


def test_owners_are_root_and_modes_are_kept(context):
    (context / "a.txt").chmod(0o751)
    if os.geteuid() == 0:  # any other account's files are not root's anyway
        os.chown(context / "a.txt", 1234, 1234)
    entry = packed(context).getmember("a.txt")
    assert (entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, "", "")
    assert entry.mode & 0o777 == 0o751


def test_the_order_does_not_depend_on_the_disk(context):
    names = packed(context).getnames()
    assert names == sorted(names)


def test_a_link_stays_a_link(context):
    (context / "link").symlink_to("a.txt")
    assert packed(context).getmember("link").linkname == "a.txt"


def test_a_missing_dockerfile_is_named(context):
    with pytest.raises(ActionError, match=r"docker/api/Dockerfile"):
        packed(context, "docker/api/Dockerfile")

"""Each property of the target's files counts, and each exclusion is listed with its reason."""

import os

import pytest

from runbook_app.adapters.fingerprint import _file_exclusions, _files
from runbook_app.adapters.fingerprint_database import schema_fields

LEFT_OUT = ("PROGRESS.md", "docs/AUDIT.md")


@pytest.fixture
def root(tmp_path):
    for name in ("compose.yml", "nginx/nginx.conf", "docs/guide.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("compose.yml")
    return tmp_path


def changed(root, change) -> set[str]:
    before = _files(root, LEFT_OUT)
    change()
    after = _files(root, LEFT_OUT)
    return {n for n in before.keys() | after.keys() if before.get(n) != after.get(n)}


def test_a_byte_counts(root):
    file = root / "nginx/nginx.conf"
    assert changed(root, lambda: file.write_text("nginx/nginx.conF")) == {"file:nginx/nginx.conf"}


def test_a_mode_counts(root):
    assert changed(root, lambda: (root / "compose.yml").chmod(0o600)) == {"file:compose.yml"}
    assert changed(root, lambda: (root / "nginx").chmod(0o700)) == {"folder:nginx"}


def test_an_owner_counts(root, monkeypatch):
    """Changing an owner takes root, so what the disk says is changed instead."""
    before = _files(root, LEFT_OUT)
    scandir = os.scandir

    class Entry:
        def __init__(self, entry):
            self._entry = entry

        def __getattr__(self, name):
            return getattr(self._entry, name)

        def stat(self, *, follow_symlinks):
            status = list(self._entry.stat(follow_symlinks=follow_symlinks))
            status[4] += 1 if self._entry.name == "compose.yml" else 0
            return os.stat_result(status)

    monkeypatch.setattr(os, "scandir", lambda path: [Entry(e) for e in scandir(path)])
    after = _files(root, LEFT_OUT)
    assert {n for n in before if before[n] != after[n]} == {"file:compose.yml"}


def test_a_file_that_is_added_or_removed_counts(root):
    assert changed(root, lambda: (root / "new").write_text("")) == {"file:new"}
    assert changed(root, (root / "docs/guide.md").unlink) == {"file:docs/guide.md"}


def test_an_empty_folder_counts(root):
    assert changed(root, (root / "certs").mkdir) == {"folder:certs"}


def test_a_links_aim_counts(root):
    def change():
        (root / "link").unlink()
        (root / "link").symlink_to("nginx")

    assert changed(root, change) == {"file:link"}


def test_what_is_no_file_counts(root):
    assert changed(root, lambda: os.mkfifo(root / "pipe")) == {"file:pipe"}


def test_the_history_and_the_sessions_own_record_do_not_count(root):
    def change():
        (root / ".git").mkdir()
        (root / ".git/HEAD").write_text("x")
        (root / "PROGRESS.md").write_text("x")
        (root / "docs/AUDIT.md").write_text("x")

    assert changed(root, change) == set()


def test_a_file_of_the_same_name_elsewhere_counts(root):
    assert changed(root, lambda: (root / "docs/PROGRESS.md").write_text("x"))


def test_each_exclusion_has_a_reason():
    listed = {exclusion.field: exclusion.reason for exclusion in _file_exclusions(LEFT_OUT)}
    assert {"file:.git", "file:PROGRESS.md", "file:docs/AUDIT.md"} <= listed.keys()
    assert all(listed.values())


DUMP = """--
-- PostgreSQL database dump
--

\\restrict RaNdOm

SET statement_timeout = 0;

--
-- Name: users; Type: TABLE; Schema: public; Owner: app
--

CREATE TABLE public.users (id integer);

--
-- Name: pgcrypto; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION pgcrypto;

\\unrestrict RaNdOm
"""


def test_a_schema_is_compared_object_by_object():
    before = dict(schema_fields(DUMP))
    after = dict(schema_fields(DUMP.replace("id integer", "id bigint")))
    assert before.keys() == {
        "schema:preamble",
        "schema:TABLE public.users",
        "schema:EXTENSION pgcrypto",
    }
    assert {name for name in before if before[name] != after[name]} == {"schema:TABLE public.users"}


def test_the_random_token_of_a_dump_does_not_count():
    assert dict(schema_fields(DUMP)) == dict(schema_fields(DUMP.replace("RaNdOm", "OtHeR")))


def test_objects_of_one_name_are_kept_apart():
    twice = DUMP + DUMP.partition("--\n-- Name: users")[1] + DUMP.partition("--\n-- Name: users")[2]
    assert "schema:TABLE public.users (2)" in dict(schema_fields(twice))

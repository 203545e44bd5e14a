"""An item's commit holds its own paths and nothing of the operator's; tested on real git."""

import os
import subprocess
from pathlib import Path

import pytest

from runbook_app.adapters.children import Children
from runbook_app.adapters.git import GitRepository
from runbook_app.domain.errors import ActionError


@pytest.fixture(autouse=True)
def own_configuration(tmp_path, monkeypatch):
    """Nothing of this account's git settings counts."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [n for n in os.environ if n.startswith("GIT_") and n != "GIT_CONFIG_NOSYSTEM"]:
        monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "EMAIL"):
        monkeypatch.delenv(name, raising=False)


def git(folder: Path, *arguments: str, may_fail: bool = False) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=not may_fail, capture_output=True, text=True
    )
    return done.stdout


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one commit of four files."""
    root = tmp_path / "target"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Operator")
    git(root, "config", "user.email", "operator@example.com")
    for name in ("compose.yml", "other.txt", "staged.txt", "old.txt"):
        put(root / name, f"{name} at first\n")
    put(root / ".gitignore", "*.pem\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root


async def forget(_: object) -> None:
    """Record nothing."""


def repository(root: Path) -> GitRepository:
    return GitRepository(root, Children(forget))


def committed(root: Path) -> set[str]:
    return set(git(root, "show", "--name-status", "--format=", "HEAD").split("\n")) - {""}


async def test_a_commit_holds_exactly_the_paths_given(root):
    put(root / "compose.yml", "changed\n")
    put(root / "certs/cert.crt", "new\n")
    (root / "old.txt").unlink()
    put(root / "other.txt", "modified by the operator\n")
    put(root / "note.txt", "untracked by the operator\n")
    paths = ["compose.yml", "certs/cert.crt", "old.txt"]

    commit = await repository(root).commit(paths, "feat: tls\n\nItem: tls\n")

    assert commit == git(root, "rev-parse", "HEAD").strip()
    assert committed(root) == {"M\tcompose.yml", "A\tcerts/cert.crt", "D\told.txt"}
    assert git(root, "log", "-1", "--format=%B").strip() == "feat: tls\n\nItem: tls"
    assert git(root, "status", "--porcelain") == " M other.txt\n?? note.txt\n"


async def test_what_the_operator_had_staged_stays_staged(root):
    put(root / "staged.txt", "staged\n")
    git(root, "add", "staged.txt")
    put(root / "staged.txt", "staged, then changed\n")
    put(root / "fresh.txt", "staged and new\n")
    git(root, "add", "fresh.txt")
    before = git(root, "diff", "--cached"), git(root, "diff")
    put(root / "compose.yml", "changed\n")

    await repository(root).commit(["compose.yml"], "feat: tls")

    assert committed(root) == {"M\tcompose.yml"}
    assert (git(root, "diff", "--cached"), git(root, "diff")) == before


async def test_a_removal_that_the_operator_had_staged_can_be_committed(root):
    git(root, "rm", "-q", "old.txt")
    await repository(root).commit(["old.txt"], "feat: tls")
    assert committed(root) == {"D\told.txt"}


async def test_a_folder_stands_for_what_is_in_it(root):
    put(root / "nginx/nginx.conf", "x\n")
    put(root / "nginx/key.pem", "x\n")
    await repository(root).commit(["nginx"], "feat: tls")
    assert committed(root) == {"A\tnginx/nginx.conf"}


async def test_ignored_files_are_never_committed(root):
    put(root / "key.pem", "private\n")
    assert await repository(root).commit(["key.pem"], "feat: tls") == ""
    assert await repository(root).ignored(["key.pem", "compose.yml"]) == ["key.pem"]


async def test_nothing_changed_makes_no_commit(root):
    head = git(root, "rev-parse", "HEAD")
    assert await repository(root).commit(["compose.yml", "absent.txt"], "feat: tls") == ""
    assert git(root, "rev-parse", "HEAD") == head


async def test_a_name_that_looks_like_a_pattern_is_taken_literally(root):
    put(root / "a[1]*.txt", "odd\n")
    put(root / "a1x.txt", "matches the pattern\n")
    await repository(root).commit(["a[1]*.txt"], "feat: odd")
    assert git(root, "status", "--porcelain") == "?? a1x.txt\n"


async def test_names_with_blanks_and_accents_are_committed(root):
    put(root / "mit Umläuten.txt", "x\n")
    await repository(root).commit(["mit Umläuten.txt"], "feat: odd")
    assert git(root, "status", "--porcelain") == ""


async def test_the_first_commit_of_a_repository_can_be_made(tmp_path, root):
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    git(empty, "config", "user.name", "Operator")
    git(empty, "config", "user.email", "operator@example.com")
    put(empty / "a.txt", "x\n")
    assert await repository(empty).head() == ""
    assert (
        await repository(empty).commit(["a.txt"], "first")
        == git(empty, "rev-parse", "HEAD").strip()
    )


async def test_a_target_inside_a_repository_uses_its_own_paths(root):
    inside = root / "deploy"
    put(inside / "compose.yml", "x\n")
    assert await repository(inside).dirty(["compose.yml"]) == ["compose.yml"]
    await repository(inside).commit(["compose.yml"], "feat: inside")
    assert committed(root) == {"A\tdeploy/compose.yml"}
    await repository(inside).exclude(["PROGRESS.md"])
    put(inside / "PROGRESS.md", "x\n")
    assert git(root, "status", "--porcelain") == ""


async def test_dirty_names_changed_removed_and_untracked_paths_only(root):
    put(root / "compose.yml", "changed\n")
    (root / "old.txt").unlink()
    put(root / "new.txt", "x\n")
    put(root / "key.pem", "x\n")
    paths = ["compose.yml", "old.txt", "new.txt", "key.pem", "other.txt", "absent"]
    assert await repository(root).dirty(paths) == ["compose.yml", "old.txt", "new.txt"]


def hook(root: Path, name: str, text: str) -> None:
    file = root / ".git" / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


async def test_hooks_run(root):
    hook(root, "commit-msg", 'echo "checked by hook" >> "$1"')
    put(root / "compose.yml", "changed\n")
    await repository(root).commit(["compose.yml"], "feat: tls")
    assert "checked by hook" in git(root, "log", "-1", "--format=%B")


async def test_a_refusing_hook_is_quoted_and_leaves_everything_as_it_was(root):
    hook(root, "pre-commit", "echo 'no trailing blanks, please' >&2; exit 1")
    put(root / "staged.txt", "staged\n")
    git(root, "add", "staged.txt")
    put(root / "compose.yml", "changed\n")
    put(root / "new.txt", "new\n")
    before = git(root, "status", "--porcelain"), git(root, "ls-files", "--stage")

    with pytest.raises(ActionError, match="no trailing blanks, please"):
        await repository(root).commit(["compose.yml", "new.txt"], "feat: tls")

    assert (git(root, "status", "--porcelain"), git(root, "ls-files", "--stage")) == before
    assert git(root, "rev-list", "--count", "HEAD").strip() == "1"


async def test_no_repository_is_said_and_asks_nothing_else(tmp_path):
    put(tmp_path / "plain/a.txt", "x\n")
    plain = repository(tmp_path / "plain")
    assert await plain.state() == "no repository"
    assert await plain.dirty(["a.txt"]) == []
    assert await plain.ignored(["a.txt"]) == []
    assert await plain.head() == ""
    assert await plain.find_commit("Item: tls") == ""
    await plain.exclude(["PROGRESS.md"])
    with pytest.raises(ActionError, match="no repository"):
        await plain.commit(["a.txt"], "feat: tls")


async def test_a_usable_repository_has_no_complaint(root):
    assert await repository(root).state() == ""


async def test_a_detached_head_is_said(root):
    git(root, "checkout", "-q", "--detach")
    assert await repository(root).state() == "HEAD is detached"


@pytest.mark.parametrize("name", ["user.name", "user.email"])
async def test_a_missing_identity_is_said_with_the_command_that_sets_it(root, name):
    git(root, "config", "--unset", name)
    put(root / "compose.yml", "changed\n")
    with pytest.raises(ActionError, match=f"{name} is not set: git config --global {name}"):
        await repository(root).commit(["compose.yml"], "feat: tls")


async def test_an_unfinished_merge_is_said(root):
    git(root, "checkout", "-qb", "side")
    put(root / "compose.yml", "side\n")
    git(root, "commit", "-qam", "side")
    git(root, "checkout", "-q", "main")
    put(root / "compose.yml", "main\n")
    git(root, "commit", "-qam", "main")
    git(root, "merge", "side", may_fail=True)
    assert await repository(root).state() == "a merge is in progress"


async def test_a_repository_of_another_account_is_said_with_the_way_out(root, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    state = await repository(root).state()
    assert f"git config --global --add safe.directory {root}" in state


async def test_the_environment_of_an_enclosing_git_is_left_aside(root, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert await repository(root).state() == ""


async def test_a_locked_index_is_an_error_in_gits_words(root):
    put(root / ".git/index.lock", "")
    put(root / "compose.yml", "changed\n")
    with pytest.raises(ActionError, match=r"index\.lock"):
        await repository(root).commit(["compose.yml"], "feat: tls")


async def test_a_commit_is_found_by_a_whole_line_of_its_message(root):
    put(root / "compose.yml", "1\n")
    wanted = await repository(root).commit(["compose.yml"], "feat: 1\n\nRunbook-Item: tls")
    put(root / "compose.yml", "2\n")
    await repository(root).commit(["compose.yml"], "feat: 2\n\nRunbook-Item: tls-2")
    assert await repository(root).find_commit("Runbook-Item: tls") == wanted
    assert await repository(root).find_commit("Runbook-Item: t.s") == ""


async def test_unstaging_has_the_index_hold_what_head_holds_and_leaves_the_files(root):
    put(root / "compose.yml", "staged\n")
    put(root / "new.txt", "staged\n")
    put(root / "mine.txt", "staged by me\n")
    git(root, "add", "compose.yml", "new.txt", "mine.txt")
    await repository(root).unstage(["compose.yml", "new.txt", "gone.txt"])
    assert git(root, "diff", "--cached", "--name-only").split() == ["mine.txt"]
    assert (root / "compose.yml").read_text() == "staged\n"
    assert (root / "new.txt").read_text() == "staged\n"


async def test_excluding_lists_each_path_once_and_keeps_what_is_there(root):
    exclude = root / ".git/info/exclude"
    put(exclude, "*.swp")
    for _ in range(2):
        await repository(root).exclude(["PROGRESS.md", "odd [1].md"])
    put(root / "PROGRESS.md", "x\n")
    put(root / "odd [1].md", "x\n")
    put(root / "docs/PROGRESS.md", "another one\n")
    assert exclude.read_text().startswith("*.swp\n/PROGRESS.md\n")
    assert len(exclude.read_text().splitlines()) == 3
    assert git(root, "status", "--porcelain", "-uall") == "?? docs/PROGRESS.md\n"


async def test_excluding_works_in_a_linked_worktree(root, tmp_path):
    linked = tmp_path / "linked"
    git(root, "worktree", "add", "-q", "-b", "linked", str(linked))
    await repository(linked).exclude(["PROGRESS.md"])
    put(linked / "PROGRESS.md", "x\n")
    assert git(linked, "status", "--porcelain") == ""


async def test_a_hook_may_use_patterns_of_its_own(root):
    hook(root, "pre-commit", "test -n \"$(git diff --cached --name-only -- '*.yml')\"")
    put(root / "compose.yml", "changed\n")
    assert await repository(root).commit(["compose.yml"], "feat: tls")

"""Actions of other packages: found by their entry points, imported when a plan names them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from runbook_app import __version__
from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.cli import commands
from runbook_app.domain.errors import EnvironmentLacks, PlanError
from tests.plans.conftest import HEAD, ITEM

ACTIONS = """\
from runbook_app.ports.action import check

@check
async def ping(run, *, url: str = "http://localhost") -> None:
    '''Find an answer.'''

async def forgotten(run) -> None:
    '''An action that nobody declared.'''
"""


class Site:
    """A folder of installed packages on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        package: str,
        points: str,
        *,
        code: str = ACTIONS,
        version: str = "1.2.0",
        needs: str = "",
    ) -> Path:
        module = package.replace("-", "_")
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata + (f"Requires-Dist: {needs}\n" if needs else ""))
        (info / "entry_points.txt").write_text(f"[runbook.actions]\n{points}\n")
        file = self.folder / f"{module}.py"
        file.write_text(code)
        return file


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def refused(name: str) -> EnvironmentLacks:
    with pytest.raises(EnvironmentLacks) as caught:
        InstalledActions().get(name)
    return caught.value


def test_an_action_has_the_name_of_its_entry_point(site):
    site.install("redis-tools", "redis = redis_tools")
    registry = InstalledActions()
    action = registry.get("redis.ping")
    assert action is not None
    assert action.name == "redis.ping"
    assert registry.parameters(action) == {"url": str}
    assert registry.get("redis.nothing") is None
    assert "redis.ping" in registry.names()
    assert registry.problems() == []


def test_a_package_may_spread_its_actions_over_its_modules(site):
    folder = site.folder / "many"
    folder.mkdir()
    (folder / "__init__.py").write_text("from many.parts import ping\n")
    (folder / "parts.py").write_text(ACTIONS)
    site.install("many-tools", "many = many", code="")
    assert "many.ping" in InstalledActions().names()


def test_two_packages_with_the_same_name_are_both_named_and_neither_is_called(site):
    site.install("redis-tools", "redis = redis_tools")
    site.install("other-redis", "redis = other_redis", version="3.0")
    error = refused("redis.ping")
    assert "redis-tools 1.2.0" in error.message
    assert "other-redis 3.0" in error.message
    assert "Uninstall all but one" in error.hint


BROKEN = {
    "import": (
        {"code": "import a_module_that_is_not_there\n"},
        "ModuleNotFoundError: No module named 'a_module_that_is_not_there'",
        "Install what it needs, or another version of bad-tools, or uninstall it.",
    ),
    "ended": ({"code": "raise SystemExit(3)\n"}, "SystemExit: 3", "uninstall it"),
    "syntax": ({"code": "def (:\n"}, "SyntaxError", "uninstall it"),
    "object": ({"points": "bad = bad_tools:ping"}, "which is no module", "Have it name a module"),
    "no_module": ({"points": "bad = not_there_at_all"}, "ModuleNotFoundError", "uninstall it"),
    "newer": (
        {"needs": f"runbook-app>{__version__}"},
        f"needs runbook-app >{__version__}; this is {__version__}",
        "Install a version of bad-tools that fits this one.",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_package_is_named_with_what_to_do(site, kind):
    given, words, hint = BROKEN[kind]
    site.install("bad-tools", **{"points": "bad = bad_tools", **given})
    error = refused("bad.ping")
    assert "bad-tools 1.2.0" in error.message
    assert words in error.message
    assert hint in error.hint
    (problem,) = InstalledActions().problems()
    assert problem.message == error.message


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_package_breaks_no_plan_that_does_not_name_it(site, kind, tmp_path):
    given, _, _ = BROKEN[kind]
    site.install("bad-tools", **{"points": "bad = bad_tools", **given})
    site.install("good-tools", "good = good_tools")
    path = plan(tmp_path, "good.ping")
    assert read_plan(path, InstalledActions(), {}, None).items
    listed = CliRunner().invoke(commands, ["actions"])
    assert listed.exit_code == 0
    assert "good.ping" in listed.stdout
    assert "[good-tools 1.2.0]" in listed.stdout
    assert "bad-tools 1.2.0" in listed.stderr


def test_a_function_that_nobody_declared_is_no_action(site):
    site.install("redis-tools", "redis = redis_tools")
    error = refused("redis.forgotten")
    assert "redis_tools.forgotten of the package redis-tools 1.2.0 is a function" in error.message
    assert "@effect, @check or @probe" in error.hint


def test_a_version_that_fits_is_taken(site):
    site.install("redis-tools", "redis = redis_tools", needs=f"runbook-app>={__version__}")
    assert InstalledActions().get("redis.ping") is not None


def test_our_own_modules_win_and_what_they_hide_is_named(site):
    site.install("tls-tools", "tls = tls_tools")
    registry = InstalledActions()
    own = registry.get("tls.generate_certificate")
    assert own is not None
    assert own.function.__module__ == "actions.tls"
    error = refused("tls.ping")
    assert "tls-tools 1.2.0" in error.message
    assert "entry point renamed" in error.hint
    assert "tls.ping" not in registry.names()


def test_a_name_that_no_plan_can_say_is_a_problem_of_its_package(site):
    site.install("odd-tools", "odd-name = odd_tools")
    (problem,) = InstalledActions().problems()
    assert "odd-tools 1.2.0 calls its actions 'odd-name'" in problem.message


def plan(folder: Path, action: str) -> Path:
    path = folder / "plan.yaml"
    text = ITEM.replace("sample.write", action).replace("        with: {path: a.txt}\n", "")
    path.write_text(HEAD + text)
    return path


def test_a_plan_that_names_a_broken_package_says_why_at_the_line(site, tmp_path):
    site.install("bad-tools", "bad = bad_tools", code="import a_module_that_is_not_there\n")
    with pytest.raises(PlanError) as caught:
        read_plan(plan(tmp_path, "bad.ping"), InstalledActions(), {}, None)
    (mistake,) = caught.value.mistakes
    assert mistake.position.line == 15
    assert "bad-tools 1.2.0" in mistake.message
    assert "uninstall it" in mistake.message


def imported(site: Site, path: Path) -> set[str]:
    program = (
        "import sys; from pathlib import Path\n"
        "from runbook_app.adapters.plans import read_plan\n"
        "from runbook_app.adapters.registry import InstalledActions\n"
        "registry = InstalledActions()\n"
        "plan = read_plan(Path(sys.argv[1]), registry, {}, None)\n"
        "registry.sources(plan.actions())\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{site.folder}:{Path.cwd()}", "PATH": "/usr/bin:/bin"},
    )
    return set(done.stdout.split())


def test_a_package_is_imported_by_the_plans_that_name_it_alone(site, tmp_path):
    site.install("redis-tools", "redis = redis_tools")
    site.install("other-tools", "other = other_tools")
    loaded = imported(site, plan(tmp_path, "redis.ping"))
    assert "redis_tools" in loaded
    assert "other_tools" not in loaded
    ours = imported(site, plan(tmp_path, "database.sessions"))
    assert {"redis_tools", "other_tools", "packaging", "importlib.metadata"}.isdisjoint(ours)


def test_where_an_action_came_from_is_known_with_version_and_digest(site):
    file = site.install("redis-tools", "redis = redis_tools")
    (brought,) = InstalledActions().sources(["http.status", "redis.ping", "no.such"])
    assert (brought.package, brought.version, brought.actions) == (
        "redis-tools",
        "1.2.0",
        ("redis.ping",),
    )
    assert brought.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_digest_of_a_package_holds_every_module_of_it(site):
    folder = site.folder / "many"
    folder.mkdir()
    (folder / "__init__.py").write_text("from many.parts import ping\n")
    (folder / "parts.py").write_text(ACTIONS)
    site.install("many-tools", "many = many", code="")
    (before,) = InstalledActions().sources(["many.ping"])
    (folder / "parts.py").write_text(f"{ACTIONS}# changed\n")
    (after,) = InstalledActions().sources(["many.ping"])
    assert before.sha256 != after.sha256


def test_the_schema_has_the_actions_of_packages_when_it_is_asked_for_them(site):
    site.install("redis-tools", "redis = redis_tools")
    run = CliRunner()
    assert "redis.ping" not in run.invoke(commands, ["schema"]).stdout
    asked = run.invoke(commands, ["schema", "--plugins"])
    assert asked.exit_code == 0
    assert '"redis.ping"' in asked.stdout
    site.install("bad-tools", "bad = bad_tools", code="import a_module_that_is_not_there\n")
    asked = run.invoke(commands, ["schema", "--plugins"])
    assert "bad-tools 1.2.0" in asked.stderr
    assert '"redis.ping"' in asked.stdout


def test_an_action_of_a_package_is_described_with_its_package(site):
    site.install("redis-tools", "redis = redis_tools")
    described = CliRunner().invoke(commands, ["actions", "redis.ping"])
    assert described.stdout.startswith("redis.ping (check) of the package redis-tools 1.2.0\n")
    missing = CliRunner().invoke(commands, ["actions", "redis.pnig"])
    assert missing.exit_code == 2
    assert "Did you mean 'redis.ping'?" in missing.stderr

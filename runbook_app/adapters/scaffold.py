"""Beginnings of packages of actions and of plans: files that pass their own tests as they are."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from pathlib import Path

from runbook_app import __version__
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.errors import UsageError

TEMPLATES = Path(__file__).with_name("scaffolds")

_ACTION = re.compile(r"(?P<module>[a-z][a-z0-9_]{0,29})\.(?P<function>[a-z][a-z0-9_]{0,29})")
_PLAN = re.compile(r"(?=.{1,40}$)[a-z][a-z0-9]*(-[a-z0-9]+)*")


def new_action(name: str, into: Path) -> list[Path]:
    """Write a package that brings the action `name`, in a folder of its own below `into`.

    Raises:
        UsageError: the name can't be an action's, or something is there already.
    """
    match = _ACTION.fullmatch(name)
    if match is None or any(keyword.iskeyword(part) for part in match.groups()):
        raise UsageError(
            f"{name!r} can't be the name of an action.",
            hint="Write module.function, each of up to 30 small letters, digits and underscores.",
        )
    module, function = match["module"], match["function"]
    if module in InstalledActions(group="").modules():
        raise UsageError(
            f"{module!r} is a module of this program's own actions.",
            hint="Give yours another name: plans could not call it.",
        )
    words = {
        "module": module,
        "function": function,
        "dashed": module.replace("_", "-"),
        "version": __version__,
    }
    root, package = into / f"runbook-{words['dashed']}", f"runbook_{module}"
    files = {
        root / "pyproject.toml": "action/pyproject.toml",
        root / package / "__init__.py": "action/init.py",
        root / package / "py.typed": "",
        root / package / "actions.py": "action/actions.py",
        root / "tests" / "test_actions.py": "action/test_actions.py",
        root / "plans" / f"{words['dashed']}.yaml": "action/plan.yaml",
    }
    return _write(files, words, free=root)


def new_plan(name: str, into: Path) -> list[Path]:
    """Write a plan and a test of it into `into`.

    Raises:
        UsageError: the name can't be a plan's, or something is there already.
    """
    if not _PLAN.fullmatch(name):
        raise UsageError(
            f"{name!r} can't be the name of a plan.",
            hint="Write up to 40 small letters and digits, with dashes between: kernel-settings",
        )
    words = {"name": name, "title": name.replace("-", " ").capitalize()}
    test = f"test_{name.replace('-', '_')}.py"
    files = {into / f"{name}.yaml": "plan/plan.yaml", into / test: "plan/test_plan.py"}
    return _write(files, words)


def _write(
    files: Mapping[Path, str], words: Mapping[str, str], *, free: Path | None = None
) -> list[Path]:
    for path in (free, *files):
        if path is not None and (path.exists() or path.is_symlink()):
            raise UsageError(
                f"{path} is there already; nothing was written.",
                hint="Give another name, or another folder with --into.",
            )
    for path, template in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(_filled(template, words) if template else "")
        except OSError as error:
            raise UsageError(f"{path} can't be written: {error.strerror}.") from error
    return list(files)


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
    for name, value in words.items():
        text = text.replace(f"@@{name}@@", value)
    return text

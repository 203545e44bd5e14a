"""Where the files that ship with the program are, in a checkout and in an installed wheel alike."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_ROOT = _PACKAGE.parent


def sample_target() -> Path:
    """Return the folder of the sample target that `runbook demo` copies."""
    packaged = _PACKAGE / "sample_target"
    return packaged if packaged.is_dir() else _ROOT / "examples" / "staging"


def shipped_plans() -> Path:
    """Return the folder of the shipped plans, with their guides in `guides/`."""
    return _ROOT / "plans"

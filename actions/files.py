"""Files of the target."""

from __future__ import annotations

from runbook_app.domain.errors import ActionError
from runbook_app.ports.action import Run, check


@check
async def present(run: Run, *, path: str) -> None:
    """Find a file."""
    state = run.files.state(path)
    run.require(f"{path} present", state is not None, f"{state.size} bytes" if state else "absent")


@check
async def mode(run: Run, *, path: str, mode: str, owner: int | None = None) -> None:
    """Hold a file's mode, written in octal such as `0600`, and its owner to what they must be."""
    try:
        wanted = int(mode, 8)
    except ValueError as error:
        raise ActionError(
            f"{mode!r} is no file mode.", hint="Write it in octal: '0600'."
        ) from error
    state = run.files.state(path)
    if state is None:
        run.fail(f"{path} is missing.", hint="Run the step that makes it.")
        return
    run.equals(f"mode of {path}", f"{state.mode:04o}", f"{wanted:04o}")
    if owner is not None:
        run.equals(f"owner of {path}", state.uid, owner)

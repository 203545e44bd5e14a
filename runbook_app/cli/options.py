"""Options and arguments that several commands share."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runbook_app.domain.errors import UsageError

if TYPE_CHECKING:
    from runbook_app.domain.events import DoneBefore
    from runbook_app.domain.plan import Plan

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_FOLDER = click.Path(path_type=Path, file_okay=False)


def _reason(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001 - as above
    given: str | None,
) -> str:
    reason = " ".join((given or "").split())
    if given is not None and (not reason or reason.startswith("-")):
        raise click.BadParameter("say why, for the record: --take-over 'its engine hangs'.")
    return reason


take_over: Decorator = click.option(
    "--take-over",
    callback=_reason,
    metavar="REASON",
    help="End the engine that holds the target, at a safe point if it can, and drive here. REASON,"
    " who was displaced and since when go on record.",
)
target: Decorator = click.option(
    "--target",
    type=_FOLDER,
    default=Path(),
    metavar="DIR",
    help="The project's folder.  [default: the current folder]",
)
session: Decorator = click.argument("session", required=False)
plan: Decorator = click.argument("plan", metavar="PLAN")
yes: Decorator = click.option(
    "--yes",
    is_flag=True,
    help="Nobody is there: record confirmations as assumed, by nobody. The signal says so.",
)
as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="JSON for programs.")
unknown: Decorator = click.option(
    "--unknown",
    type=click.Choice(["check", "retry", "rollback"]),
    default=None,
    help="What to do with a step that was running when the engine died.",
)
items: Decorator = click.option(
    "--item", "items", multiple=True, metavar="ID", help="Only this item; may be repeated."
)
until: Decorator = click.option(
    "--until", default="", metavar="STEP", help="End with this step, written ITEM.STEP."
)
window: Decorator = click.option(
    "--window-from",
    "window",
    type=click.Choice(["now"]),
    default=None,
    help="Let the plan's window begin now, whatever date it states.",
)
passphrase_file: Decorator = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Take the passphrase from the first line of FILE, which you alone may read.",
)


def seal_to(function: Callable[..., object]) -> Callable[..., object]:
    """`--seal-to WHOM`, and `--passphrase-file FILE` for one who is not asked."""
    whom = click.option(
        "--seal-to",
        default=None,
        metavar="KEY",
        help="Public key that secrets for the operator alone are sealed to (`runbook recipient`);"
        " or the word passphrase, to be asked for one.",
    )
    return whom(passphrase_file(function))


def _pairs(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001 - as above
    given: tuple[str, ...],
) -> dict[str, str]:
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (equals and name.strip()):
            raise click.BadParameter(f"{text!r} is not written name=value.")
        values[name.strip()] = value
    return values


overrides: Decorator = click.option(
    "--set",
    "overrides",
    multiple=True,
    callback=_pairs,
    metavar="NAME=VALUE",
    help="Set a variable of the plan; may be repeated.",
)


def plan_path(given: str) -> Path:
    """The plan's file: a path, or the name of a shipped plan.

    Raises:
        UsageError: there is no such file.
    """
    from runbook_app.resources import shipped_plans

    path = Path(given).expanduser()
    shipped = shipped_plans()
    for candidate in (path, shipped / path.name, shipped / f"{path.name}.yaml"):
        if candidate.is_file() and (candidate == path or len(path.parts) == 1):
            return candidate
    if path.is_dir():
        raise UsageError(f"{given} is a folder, not a plan file.", hint=_shipped(shipped))
    raise UsageError(f"There is no plan file {given}.", hint=_shipped(shipped))


def _shipped(folder: Path) -> str:
    names = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
    return f"Give a path, or the name of a shipped plan: {names}." if names else ""


def check_scope(plan: Plan, items: tuple[str, ...], until: str) -> None:
    """Refuse ids that the plan doesn't have, and a scope that can't be run, before anything is.

    Raises:
        UsageError: naming the first mistake.
    """
    for name in items:
        check_item(plan, name)
        missing = [step.call.action for step in plan.item(name).missing]
        if missing:
            raise UsageError(
                f"Item {name} can't be run here: these actions are not installed:"
                f" {', '.join(sorted(set(missing)))}."
            )
    steps = [step.id for _, step in plan.steps()]
    if until and until not in steps:
        raise UsageError(f"The plan has no step {until!r}.", hint=_closest(until, steps))
    if until and items and until.partition(".")[0] not in items:
        raise UsageError(
            f"Step {until} is not in the items given.",
            hint=f"Add --item {until.partition('.')[0]}, or leave --item out.",
        )


def check_item(plan: Plan, name: str) -> None:
    """Raise `UsageError` for an item that the plan doesn't have."""
    known = [item.id for item in plan.items]
    if name not in known:
        raise UsageError(f"The plan has no item {name!r}.", hint=_closest(name, known))


def check_needs(
    plan: Plan, items: tuple[str, ...], find_done: Callable[[str], DoneBefore | None]
) -> tuple[DoneBefore, ...]:
    """What the items of a new session's scope need beside them, as earlier sessions did it.

    Raises:
        UsageError: naming what is missing.
    """
    found: dict[str, DoneBefore] = {}
    for name in items:
        missing = []
        for need in plan.item(name).needs:
            if need in items or need in found or not plan.item(need).steps:
                continue
            if done := find_done(need):
                found[need] = done
            else:
                missing.append(need)
        if missing:
            more = " ".join(f"--item {need}" for need in missing)
            raise UsageError(
                f"Item {name} needs {', '.join(missing)}, which no session has done here,"
                " or which has drifted since.",
                hint=f"Add {more}.",
            )
    return tuple(found.values())


def _closest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    return f"{meant}It has: {', '.join(known)}."


def logs(function: Callable[..., object]) -> Callable[..., object]:
    """`--logs WHICH`, and `-q` for none."""
    none = click.option("-q", "--quiet", "logs", flag_value="none", help="The same as --logs none.")
    which = click.option(
        "--logs",
        type=click.Choice(["steps", "all", "none"]),
        default="steps",
        show_default=True,
        help="Which log lines are printed; all has the containers' as well. All are stored.",
    )
    return which(none(function))

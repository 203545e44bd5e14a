"""`check`, `render`, `schema` and `actions`: plans and what they can call."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_app import bootstrap
from runbook_app.cli import complain, mistakes, options
from runbook_app.domain.clock import format_duration
from runbook_app.domain.errors import PlanError, UsageError
from runbook_app.domain.plan import ActionKind, Plan
from runbook_app.domain.sanitise import neutralise
from runbook_app.domain.variables import expected
from runbook_app.ports.action import Action

if TYPE_CHECKING:
    from runbook_app.adapters.registry import InstalledActions

_variables_of: options.Decorator = click.option(
    "--target",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="DIR",
    help="Take variables from this project as well.",
)


@click.command()
@click.argument("plans", metavar="PLAN...", nargs=-1, required=True)
@_variables_of
@options.overrides
@options.window
@options.as_json
def check_command(
    plans: tuple[str, ...],
    target: Path | None,
    overrides: dict[str, str],
    window: str | None,
    as_json: bool,
) -> None:
    """Validate each PLAN: every mistake at once, with its line.

    With --json there is an object for each plan, one after the other.
    """

    def load(path: Path) -> Plan:
        return bootstrap.load_plan(
            path, target, overrides, window_from_now=window == "now", stand_in=True
        )

    sound = [_checked(path, load, target, as_json) for path in map(options.plan_path, plans)]
    if not all(sound):
        sys.exit(PlanError.exit_code)


def _checked(path: Path, load: Callable[[Path], Plan], target: Path | None, as_json: bool) -> bool:
    """Tell what is wrong with a plan; whether it can be used."""
    from runbook_app.adapters.plans import lint

    plan: Plan | None = None
    try:
        plan = load(path)
        found = lint(path, plan, target)
    except PlanError as error:
        found = error.mistakes
    if as_json:
        click.echo(mistakes.as_json(str(path), found, plan.sha256 if plan else ""))
    else:
        mistakes.show(found)
        for text in _summary(plan) if plan else ():
            click.echo(neutralise(text))
    return plan is not None


def _summary(plan: Plan) -> list[str]:
    steps = list(plan.steps())
    missing = sorted({step.call.action for _, step in steps if not step.available})
    lines = [f"{plan.title} {plan.version}: {len(plan.items)} items, {len(steps)} steps, no errors"]
    if missing:
        lines.append(f"not installed here: {', '.join(missing)}")
    lines += [
        f"asked when a session begins: {question.name}, {expected(question)}: {question.text}"
        for question in plan.questions
    ]
    return [*lines, f"SHA-256 {plan.sha256}"]


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Write it there instead of to standard output.",
)
@click.option("--plugins", is_flag=True, help="Include the actions that other packages bring.")
def schema_command(output: Path | None, plugins: bool) -> None:
    """Print the JSON Schema of plans, with the shipped actions, for editors."""
    from runbook_app.adapters.plan_file.schema import schema_text
    from runbook_app.adapters.registry import InstalledActions

    registry = InstalledActions() if plugins else InstalledActions(group="")
    text = schema_text(registry)
    if plugins:
        _complain_of(registry)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} can't be written: {error.strerror}.") from error


@click.command()
@options.plan
@_variables_of
@options.overrides
@options.window
def render_command(
    plan: str, target: Path | None, overrides: dict[str, str], window: str | None
) -> None:
    """Write PLAN as a procedure in Markdown, to be read, or ticked off by hand."""
    from runbook_app.domain.procedure import procedure

    path = options.plan_path(plan)
    loaded = bootstrap.load_plan(
        path, target, overrides, window_from_now=window == "now", stand_in=True
    )
    click.echo(neutralise(procedure(loaded)), nl=False)


@click.command()
@click.argument("name", required=False)
def actions_command(name: str | None) -> None:
    """Describe the action NAME, or list all that plans can call."""
    from runbook_app.adapters.registry import InstalledActions

    registry = InstalledActions()
    if name is None:
        _list(registry)
        return
    action = registry.get(name)
    if action is None:
        from runbook_app.adapters.plan_file.calls import closest_action

        meant = closest_action(name, registry.names())
        raise UsageError(
            f"There is no action {name!r}.",
            hint=(f"Did you mean {meant!r}? " if meant else "")
            + "`runbook actions` lists those installed.",
        )
    click.echo(neutralise(_describe(registry, action)))


def _complain_of(registry: InstalledActions) -> None:
    for problem in registry.problems():
        complain(problem.message, problem.hint)


def _list(registry: InstalledActions) -> None:
    names = registry.names()
    _complain_of(registry)
    width = max((len(name) for name in names), default=0)
    for name in names:
        if action := registry.get(name):
            plugin = registry.plugin(name)
            of = f"  [{plugin.title}]" if plugin else ""
            line = f"{name:{width}}  {action.kind.value:6}  {action.summary}{of}"
            click.echo(neutralise(line))
    if not names:
        click.echo("No actions are installed.", err=True)
        sys.exit(5)


def _describe(registry: InstalledActions, action: Action) -> str:
    from runbook_app.adapters.parameter_types import type_words

    plugin = registry.plugin(action.name)
    of = f" of the package {plugin.title}" if plugin else ""
    lines = [f"{action.name} ({action.kind.value}){of}"]
    lines += ["", inspect.getdoc(action.function) or "", "", *_effects(action)]
    parameters = inspect.signature(action.function).parameters
    types = registry.parameters(action)
    if types:
        lines += ["", "Parameters:"]
    for name, kind in types.items():
        default = parameters[name].default
        needed = name in registry.required(action)
        text = "required" if needed else f"default {_default(default)}"
        lines.append(f"  {name}: {type_words(kind)}, {text}")
    return "\n".join(lines).rstrip()


def _effects(action: Action) -> list[str]:
    """What an action of this kind captures, checks and rolls back."""
    if action.kind is ActionKind.CHECK:
        return ["Changes nothing: nothing is captured, and there is nothing to roll back."]
    if action.kind is ActionKind.PROBE:
        return ["Writes in order to measure and cleans up: there is nothing to roll back."]
    check = "of its own, asked after each run and after a crash" if action.checker else "none"
    lines = [
        "Captures: what it is about to change, before it changes it.",
        f"Check: {check}.",
        "Rollback: what was captured is restored.",
    ]
    if action.foresees is not None:
        lines.append("Blast radius: told with live numbers, and confirmed before it begins.")
    if action.undoes is not None:
        lines[2] = "Rollback: of its own, then what was captured is restored."
    if action.not_restored and action.undoes is not None:
        lines[2] = f"{lines[2][:-1]}, but not {action.not_restored}."
    elif action.not_restored:
        lines[2] = (
            f"Rollback: what was captured is restored, but not {action.not_restored};"
            " the item needs steps under 'rollback'."
        )
    return lines


def _default(value: object) -> str:
    return format_duration(value) if isinstance(value, timedelta) else repr(value)

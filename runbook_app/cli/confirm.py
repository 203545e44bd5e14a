"""`confirm`: a step that can lock people out stays, because somebody came in anew."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runbook_app import bootstrap
from runbook_app.cli import complain, options
from runbook_app.cli.drive import headless
from runbook_app.domain import guard as guards
from runbook_app.domain.errors import RunbookError, UsageError
from runbook_app.domain.measure import Progress
from runbook_app.headless.confirm import ConfirmDriver
from runbook_app.headless.parting import Exit
from runbook_app.ports.session import Session


@click.command()
@click.argument("names", nargs=-1, metavar="[SESSION] STEP")
@options.target
@options.as_json
@options.logs
def confirm_command(names: tuple[str, ...], target: Path, as_json: bool, logs: str) -> None:
    """Keep STEP (ITEM.STEP), which reverts by itself unless it is confirmed.

    Run it from a new shell. It runs the step's check over connections of its own first: when that
    fails, nothing is confirmed. SESSION is its id, or the beginning of it; by default the latest
    on --target.
    """
    if len(names) not in (1, 2):
        raise UsageError(
            f"confirm takes a step, or a session and a step; {len(names)} were given.",
            hint="For example: runbook confirm firewall.rules",
        )
    session = bootstrap.open_session(names[0] if len(names) == 2 else None, target)
    step = names[-1]
    _require_guarded(session, step)
    seen, problem = _look(session, step)
    if problem:
        complain(f"Not confirmed: over new connections the check of step {step} says {problem}")
        session.refresh()
        complain(guards.words(session.state, session.reverts_in()))
        session.close()
        sys.exit(Exit.FAILED)
    how = f"runbook confirm; its own check: done{f': {seen}' if seen else ''}"
    code = headless(
        session,
        lambda printer, interrupts: ConfirmDriver(session, printer, step, how, interrupts).run(),
        as_json=as_json,
        logs=logs,
    )
    sys.exit(code)


def _require_guarded(session: Session, step: str) -> None:
    item = session.state.guarded
    if item is not None and item.guard is not None and item.guard.step == step:
        return
    waits = item.guard.step if item and item.guard else ""
    hint = f"Step {waits} does: {guards.command(session.state, waits)}" if waits else ""
    known = {found.id: found for found in session.state.steps()}
    if step not in known:
        raise UsageError(f"The plan has no step {step!r}.", hint=hint)
    if words := guards.confirmed_words(known[step]):
        raise UsageError(f"Step {step} is confirmed already: {words}.", hint=hint)
    if reason := guards.reverted(session.state.items[known[step].item]):
        raise UsageError(f"It is too late: step {step} was reverted, {reason}.", hint=hint)
    raise UsageError(f"Step {step} waits for no confirmation.", hint=hint)


def _look(session: Session, step: str) -> tuple[str, str]:
    """What the step's check saw; or, beside it, why it does not say that it is done."""
    click.echo(f"Running the check of step {step} over new connections …", err=True)
    try:
        found = bootstrap.check_afresh(session.folder, step)
    except RunbookError as error:
        return "", f"that it could not run: {error}"
    if found.progress is Progress.DONE:
        return found.evidence, ""
    return "", f"{found.progress}: {found.evidence}"

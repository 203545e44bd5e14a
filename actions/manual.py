"""What only a person can say or do."""

from __future__ import annotations

from runbook_app.ports.action import Run, check


@check
async def confirm(run: Run, *, text: str, person_required: bool = False) -> None:
    """Ask the operator to confirm a statement."""
    confirmed = await run.confirm(text, person_required=person_required)
    run.equals(text, "yes" if confirmed else "no", "yes")


@check
async def instruct(run: Run, *, text: str, person_required: bool = True) -> None:
    """Ask the operator to do something that the program can't, and to say when it is done."""
    answer = await run.ask(text, choices=("done", "not done"), person_required=person_required)
    run.equals(text, answer, "done")

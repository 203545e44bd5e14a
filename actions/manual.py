"""What only a person can say or do."""

from __future__ import annotations

from runbook_app.ports.action import Run, check


@check
async def confirm(run: Run, *, text: str, person_required: bool = False) -> None:
    """Ask the operator to confirm a statement."""
    confirmed = await run.confirm(text, person_required=person_required)
    run.equals(text, "yes" if confirmed else "no", "yes")


@check
async def instruct(run: Run, *, text: str = "", person_required: bool = True) -> None:
    """Ask the operator to do something that the program can't, and to say when it is done.

    Without `text` the step's own title and instructions are shown.
    """
    name, words = _asked(run, text)
    answer = await run.ask(words, choices=("done", "not done"), person_required=person_required)
    run.equals(name, answer, "done")


def _asked(run: Run, text: str) -> tuple[str, str]:
    """What the result is called, and what is asked."""
    step = next((step for _, step in run.plan.steps() if step.id == run.step), None)
    if text or step is None:
        return text or run.step, text or run.step
    return step.title, f"{step.title}\n{step.instructions}".strip()

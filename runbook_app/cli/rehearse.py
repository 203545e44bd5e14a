"""`rehearse`: a plan's items tried out, and undone, on a copy of the target."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_app import bootstrap
from runbook_app.cli import asking, options, sealing
from runbook_app.domain.errors import RunbookError, UsageError
from runbook_app.domain.sanitise import neutralise
from runbook_app.headless.parting import Exit

if TYPE_CHECKING:
    from runbook_app.adapters.recipient import Recipient
    from runbook_app.adapters.rehearsal import Rehearsal
    from runbook_app.adapters.rehearsal_names import Names
    from runbook_app.adapters.rehearsal_record import Begun
    from runbook_app.domain.events import DoneBefore
    from runbook_app.domain.plan import Plan
    from runbook_app.domain.rehearsal import Footing
    from runbook_app.engine.client import SessionClient
    from runbook_app.headless.rehearsal import Rehearsed

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.argument("plan", metavar="PLAN", required=False)
@options.target
@options.items
@options.overrides
@options.seal_to
@options.logs
@click.option("--keep", is_flag=True, help="Leave the copy and its session, for looking at.")
@click.option(
    "--workdir",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="DIR",
    help="Where the copy's folder is made.  [default: in the program's own home]",
)
@click.option("--remove", is_flag=True, help="Only remove the copies that were kept or left.")
def rehearse_command(
    plan: str | None,
    target: Path,
    items: tuple[str, ...],
    overrides: dict[str, str],
    seal_to: str | None,
    passphrase_file: Path | None,
    logs: str,
    keep: bool,
    workdir: Path | None,
    remove: bool,
) -> None:
    """Run PLAN on a copy of the target, and roll every item back there, with its proof.

    The target is read and never written to. The copy has a Compose project, ports and networks
    of its own, and is removed at the end. Exit code 0 only when every item ran and its rollback
    is proven.
    """
    with _ending_signals():
        _remove_left(kept=remove)
        if remove:
            return
        if plan is None:
            raise UsageError("Name the plan: runbook rehearse PLAN --target DIR")
        recipient = sealing.chosen(seal_to, passphrase_file)
        work = _Work(options.plan_path(plan), target, items, overrides, recipient, logs=logs)
        sys.exit(work.run(workdir, keep=keep))


class _Work:
    """One rehearsal, from what is asked for to its badges."""

    def __init__(
        self,
        path: Path,
        target: Path,
        items: tuple[str, ...],
        overrides: dict[str, str],
        seal_to: Recipient | None,
        *,
        logs: str,
    ) -> None:
        self._path = path
        self._target = target.expanduser().resolve()
        self._items = items
        self._overrides = overrides
        self._seal_to = seal_to
        self._logs = logs

    def run(self, workdir: Path | None, *, keep: bool) -> int:
        self._overrides = asking.answers_for_reading(self._path, self._target, self._overrides)
        plan = bootstrap.load_plan(self._path, self._target, self._overrides, window_from_now=True)
        options.check_scope(plan, self._items, "")
        done = options.check_needs(
            plan,
            self._items,
            lambda need: bootstrap.find_done_before(plan.id, need, self._target),
        )
        from runbook_app.cli.drive import require_environment

        require_environment(self._target)
        rehearsal = bootstrap.rehearsal(plan, self._target, workdir=workdir, say=_say)
        try:
            with bootstrap.only_driver(self._target, "(a rehearsal, while it copies)"):
                names, footing = asyncio.run(rehearsal.plan_names())
                copy = asyncio.run(rehearsal.make(names))
            found = self._on_copy(rehearsal, plan, copy, names, done)
            self._record(plan, footing, found)
        except KeyboardInterrupt:
            _say("The rehearsal was ended.")
            return Exit.FAILED
        finally:
            with _undisturbed():
                _leave(rehearsal, keep=keep)
        return Exit.DONE if all(result.good for result in found) else Exit.FAILED

    def _on_copy(
        self,
        rehearsal: Rehearsal,
        plan: Plan,
        copy: Path,
        names: Names,
        done: tuple[DoneBefore, ...],
    ) -> list[Rehearsed]:
        from runbook_app.adapters.rehearsal_names import overrides

        given = {**self._overrides, **overrides(plan.variables, names)}
        session = bootstrap.create_session(
            self._path,
            copy,
            given,
            window_from_now=True,
            done_before=done,
            seal_to=self._seal_to,
        )
        rehearsal.remember(session.id)
        found = self._drive(rehearsal, session)
        from runbook_app.headless.rehearsal import table

        for line in ["", *table(found)]:
            click.echo(neutralise(line))
        return found

    def _drive(self, rehearsal: Rehearsal, session: SessionClient) -> list[Rehearsed]:
        from runbook_app.cli.drive import printer_for
        from runbook_app.headless.feed import announce
        from runbook_app.headless.rehearsal import RehearsalDriver

        printer = printer_for(session, as_json=False, logs=self._logs)
        announce(session, printer)
        driver = RehearsalDriver(session, printer, self._items, rehearsal.note_images)
        try:
            return asyncio.run(driver.run())
        finally:
            session.close()

    def _record(self, plan: Plan, footing: Footing, found: list[Rehearsed]) -> None:
        from datetime import UTC, datetime

        from runbook_app.domain.clock import to_text
        from runbook_app.domain.rehearsal import Badge

        badges = [
            Badge(
                plan=plan.id,
                item=result.item,
                at=to_text(datetime.now(UTC)),
                proven=result.ran and result.proven,
                apply_seconds=result.apply_seconds,
                rollback_seconds=result.rollback_seconds,
                footing=footing,
            )
            for result in found
            if result.to_undo
        ]
        bootstrap.rehearsal_record().award(self._target, badges)
        bootstrap.note_rehearsal(plan, self._target)


def _leave(rehearsal: Rehearsal, *, keep: bool) -> None:
    asyncio.run(rehearsal.close())
    begun = rehearsal.last
    if begun is None:
        return
    if not keep:
        _say("Removing the copy")
        bootstrap.remove_rehearsal(begun)
        return
    rehearsal.keep()
    _say(
        f"The copy is kept: {begun.copy}, Compose project {begun.names.project}, session"
        f" {begun.session or '(none)'}. Remove it with: runbook rehearse --remove"
    )


def _remove_left(*, kept: bool) -> None:
    """Remove what killed rehearsals left, and when asked for also what was kept."""
    for begun in bootstrap.rehearsal_record().begun():
        if begun.running or (begun.kept and not kept):
            continue
        _say(f"Removing the copy that the rehearsal {begun.id} left in {begun.folder}")
        with _undisturbed():
            _remove_one(begun, must=kept)


def _remove_one(begun: Begun, *, must: bool) -> None:
    try:
        bootstrap.remove_rehearsal(begun)
    except RunbookError as error:
        if must:
            raise
        _say(f"It could not be removed: {error}")


@contextlib.contextmanager
def _ending_signals() -> Iterator[None]:
    """Let SIGTERM and a lost terminal end the work as Ctrl-C does: with everything removed."""
    before = {
        number: signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
        for number in _ENDING
    }
    # A shell that starts it in the background has it ignore that one.
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    before = {n: signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, *_ENDING)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    click.echo(neutralise(text), err=True)

"""The command line: arguments in, exit codes out. Everything else is imported when it is used."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from runbook_app import __version__

COMMANDS = {
    "demo": "demo",
    "open": "screens",
    "run": "drive",
    "plan": "dryrun",
    "attach": "screens",
    "replay": "screens",
    "serve": "serve",
    "resume": "drive",
    "rollback": "undo",
    "diff": "undo",
    "confirm": "confirm",
    "rehearse": "rehearse",
    "status": "records",
    "sessions": "records",
    "report": "records",
    "export": "records",
    "verify": "verify",
    "recheck": "recheck",
    "check": "plans",
    "render": "plans",
    "import": "importing",
    "schema": "plans",
    "actions": "plans",
    "new": "scaffold",
    "score": "score",
    "doctor": "machine",
    "recipient": "recipient",
    "unseal": "recipient",
}
"""Module of this package by the command that it holds."""


class Commands(click.Group):
    """Imports a command's module when it is named, and turns our errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"runbook_app.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Exception as error:
            from runbook_app.domain.errors import PlanError, RunbookError

            if not isinstance(error, RunbookError):
                raise
            if isinstance(error, PlanError):
                from runbook_app.cli.mistakes import show

                show(error.mistakes)
            else:
                complain(error.message, error.hint)
            ctx.exit(error.exit_code)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Exit codes: 0 done, 1 a step or check failed, 2 usage or plan error, 3 waiting for a"
        " person, 4 locked by another driver, 5 the environment lacks something."
    ),
)
@click.version_option(__version__, prog_name="runbook")
@click.pass_context
def commands(ctx: click.Context) -> None:
    """Drive a security hardening: timed steps, proven rollback, an honest result.

    Without a command: the sessions to resume and the plans to start.
    """
    if ctx.invoked_subcommand is not None:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(ctx.get_help())
        return
    from runbook_app.cli.screens import show_home

    show_home()


def complain(message: str, hint: str = "") -> None:
    """Say what went wrong and what to do, on standard error, safe for a terminal."""
    from runbook_app.domain.sanitise import neutralise

    click.echo(neutralise(message), err=True)
    if hint:
        click.echo(neutralise(hint), err=True)


def main() -> None:
    commands(prog_name="runbook")

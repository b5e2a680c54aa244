"""The command line: one file per command, and the only place where an error becomes an exit code.

0 done, 1 the user's input or tasks failed, 2 wrong usage. Ctrl-C stops `up` in order, with 0;
a second Ctrl-C stops it at once, with 130.
"""

from __future__ import annotations

import importlib
import sys

import click

from queuewright.cli.counted import counted
from queuewright.cli.printing import echo
from queuewright.errors import QueuewrightError, TargetError

COMMANDS = {
    "init": "Create a small, complete project in a folder.",
    "check": "Report every problem in an environment's file at once, each with a fix.",
    "doctor": "Show what is missing before `up` can work, and how to fix it.",
    "explain": "Show what an environment's file leads to: names, routes, accounts, grants.",
    "plan": "Show the resources that `pulumi up` would build, without Pulumi's CLI or an account.",
    "up": "Run an environment on this machine.",
    "emulator": "Run only Cloud Tasks on this machine, for any project.",
    "enqueue": "Add a task to a queue.",
    "client": "Write a typed module with one class per queue, in Python or TypeScript.",
    "tasks": "List the tasks of a queue.",
    "dead-letters": "Show the tasks that a queue gave up, and send them again.",
    "queues": "List queues, with their settings and how many tasks they hold.",
    "schema": "Print the JSON schema of the environments' files.",
}


class _Commands(click.Group):
    """Imports a command's file only when it is needed: some imports are slow."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"queuewright.cli.{cmd_name.replace('-', '_')}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="queuewright", message="%(prog)s %(version)s")
def commands() -> None:
    """Cloud Tasks queues and their handlers, from one YAML file per environment.

    `pulumi up` builds the file on Google Cloud; `queuewright up` runs the same file here.
    """


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        commands(standalone_mode=True)
    except QueuewrightError as error:
        output = error.output if isinstance(error, TargetError) else ()
        echo(_shown(error), err=True, output=output)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _shown(error: QueuewrightError) -> str:
    problems = getattr(error, "problems", None)
    if problems is None:
        return f"error: {error}"
    return f"{error}\n{counted(len(problems), 'problem')}"

"""The command line: one file per command, and the only place where an error becomes an exit code.

0 done, 1 the user's input or tasks failed, 2 wrong usage. Ctrl-C ends `up` in order, with 0;
a second one ends it at once, with 130.
"""

from __future__ import annotations

import importlib
import sys

import click

from queuewright.errors import QueuewrightError

COMMANDS = {
    "init": "Make a small, complete project in a folder.",
    "check": "Say what is wrong in an environment's file, all at once.",
    "doctor": "Say what is missing before an `up` can work, and what mends it.",
    "explain": "Show what follows from an environment's file: names, routes, accounts, grants.",
    "plan": "Show the resources that `pulumi up` would build, without a CLI and an account.",
    "up": "Run an environment on this machine.",
    "emulator": "Run Cloud Tasks alone on this machine, for any project.",
    "enqueue": "Add a task to a queue.",
    "tasks": "List the tasks of a queue.",
    "queues": "List queues, with their settings and how many tasks they hold.",
    "schema": "Print the JSON schema of the environments' files.",
}


class _Commands(click.Group):
    """Loads a command's file only when it is asked for: some import much."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"queuewright.cli.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="queuewright", message="%(prog)s %(version)s")
def commands() -> None:
    """Cloud Tasks queues and their handlers from one YAML file per environment.

    `pulumi up` builds it on Google Cloud; `queuewright up` runs the very same file here.
    """


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        commands(standalone_mode=True)
    except QueuewrightError as error:
        click.echo(_shown(error), err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _shown(error: QueuewrightError) -> str:
    problems = getattr(error, "problems", None)
    if problems is None:
        return f"error: {error}"
    count = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
    return f"{error}\n{count}"

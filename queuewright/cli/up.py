"""`queuewright up`: an environment on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from queuewright.blueprint import Blueprint, blueprint
from queuewright.cli.project import (
    LOG_FORMAT,
    PORT,
    environment_argument,
    find_root,
    quiet_grpc,
)
from queuewright.cli.signals import stop_asked
from queuewright.cli.sources import with_sources_checked
from queuewright.local.state_folder import STATE_FOLDER
from queuewright.spec import STACKS, load

if TYPE_CHECKING:
    from queuewright.local.console.console import Console
    from queuewright.local.environment import Environment


@click.command("up")
@environment_argument
@click.option(
    "--grpc-port", type=PORT, default=8123, show_default=True, help="0: the system chooses."
)
@click.option(
    "--http-port", type=PORT, default=8124, show_default=True, help="0: the system chooses."
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"The folder that keeps tasks; {STATE_FOLDER} in the project's own unless given.",
)
@click.option("--memory", is_flag=True, help="Keep no tasks: start empty, leave nothing.")
@click.option("--no-reload", is_flag=True, help="Do not follow changes of files.")
@click.option("--verbose", is_flag=True, help="Print the start of each attempt, too.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one object a line.")
@LOG_FORMAT
def command(
    environment: str,
    grpc_port: int,
    http_port: int,
    state: Path | None,
    memory: bool,
    no_reload: bool,
    verbose: bool,
    as_json: bool,
    log_format: str,
) -> None:
    """Run an environment on this machine.

    Starts Cloud Tasks with the environment's queues and one process for each handler, follows
    changes of their files and of the environment's own, and stops everything on Ctrl-C.
    """
    root = find_root()

    def read() -> Blueprint:
        return blueprint(load(environment, root))

    # What is wrong with the file is said before anything else is loaded.
    blueprint(with_sources_checked(load(environment, root), root))
    quiet_grpc()
    import uvloop

    from queuewright.local.console.console import Console, LogLines
    from queuewright.local.environment import Environment, Options

    is_logged = log_format == "cloud-logging"
    options = Options(
        root=root,
        stacks=root / STACKS,
        state=(state or root / STATE_FOLDER).resolve(),
        in_memory=memory,
        grpc_port=grpc_port,
        http_port=http_port,
        reload=not no_reload,
        verbose=verbose,
        log=sys.stdout if is_logged else None,
    )
    console = Console(sys.stderr if is_logged else None, as_json=as_json)
    LogLines.of(console)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(Environment(read, options, console), console))


async def _run(environment: Environment, console: Console) -> None:
    """Start, wait for a signal, stop; whatever happens, in order."""
    from queuewright.local.console.console import ENVIRONMENT

    asked = stop_asked(environment.kill)
    asking = asyncio.create_task(asked.wait())
    starting = asyncio.create_task(environment.start())
    try:
        await asyncio.wait((starting, asking), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            _announce(environment, console)
            await asking
        else:
            starting.cancel()
            await asyncio.wait([starting])
        console.say(ENVIRONMENT, "stopping (Ctrl-C again: at once)")
    finally:
        await environment.stop()
    console.say(ENVIRONMENT, "stopped")


def _announce(environment: Environment, console: Console) -> None:
    from queuewright.local.console.console import ENVIRONMENT
    from queuewright.local.console.table import ready_table

    console.print(ready_table(environment))
    console.say(
        ENVIRONMENT,
        "ready; Ctrl-C stops",
        environment=environment.blueprint.environment,
        grpc=environment.grpc_address,
        http=environment.http_address,
    )

"""`queuewright up`: an environment on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from queuewright.blueprint import Blueprint, blueprint
from queuewright.cli.consent import ask_to_act
from queuewright.cli.project import (
    ALLOW_HOST,
    LOG_FORMAT,
    PORT,
    environment_argument,
    quiet_grpc,
    require_different_ports,
)
from queuewright.cli.signals import run_until_stopped
from queuewright.cli.sources import to_stderr, with_sources_checked
from queuewright.local import STATE_FOLDER
from queuewright.spec import STACKS, find_root, load

if TYPE_CHECKING:
    from queuewright.local.console.console import Console
    from queuewright.local.environment import Environment, Options


@click.command("up")
@environment_argument
@click.option(
    "--grpc-port",
    type=PORT,
    default=8123,
    show_default=True,
    help="The port for gRPC; 0: any free one.",
)
@click.option(
    "--http-port",
    type=PORT,
    default=8124,
    show_default=True,
    help="The port for REST; 0: any free one.",
)
@click.option(
    "--pubsub-port",
    type=PORT,
    default=8085,
    show_default=True,
    help="The port for Pub/Sub, if the environment has pull queues; 0: any free one.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder that keeps tasks and the handlers' packages. "
    f"Default: {STATE_FOLDER} in the project's folder.",
)
@click.option("--memory", is_flag=True, help="Keep no tasks: start empty, leave none.")
@click.option(
    "--no-reload", is_flag=True, help="Do not follow edits; end when a handler does not start."
)
@click.option("--verbose", is_flag=True, help="Also print the start of each attempt.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option(
    "--yes",
    is_flag=True,
    help="Start an environment other than dev although its handlers would act with your own "
    "Google credentials.",
)
@ALLOW_HOST
@LOG_FORMAT
def command(
    environment: str,
    grpc_port: int,
    http_port: int,
    pubsub_port: int,
    state: Path | None,
    memory: bool,
    no_reload: bool,
    verbose: bool,
    as_json: bool,
    yes: bool,
    allowed_hosts: tuple[str, ...],
    log_format: str,
) -> None:
    """Run an environment on this machine.

    Starts Cloud Tasks with the environment's queues, and a process for each handler. Follows
    edits of the handlers' files and of the environment's file. Ctrl-C stops everything.
    """
    require_different_ports(
        {"--grpc-port": grpc_port, "--http-port": http_port, "--pubsub-port": pubsub_port}
    )
    root = find_root()

    shown: set[str] = set()

    def read(warn: Callable[[str], None]) -> Blueprint:
        def warn_once(warning: str) -> None:
            if warning not in shown:
                shown.add(warning)
                warn(warning)

        return blueprint(with_sources_checked(load(environment, root), root, warn_once))

    # Mistakes in the file are reported before anything else is loaded.
    plan = read(to_stderr)
    ask_to_act(environment, plan.project, yes=yes)
    quiet_grpc()
    import uvloop

    from queuewright.local.console.opening import opened_console
    from queuewright.local.environment import Options

    options = Options(
        root=root,
        stacks=root / STACKS,
        state=(state or root / STATE_FOLDER).resolve(),
        in_memory=memory,
        grpc_port=grpc_port,
        http_port=http_port,
        pubsub_port=pubsub_port,
        reload=not no_reload,
        verbose=verbose,
        allowed_hosts=allowed_hosts,
    )
    with (
        opened_console(as_json=as_json, has_log=log_format == "cloud-logging") as (console, log),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_run(read, replace(options, log=log), console))


async def _run(
    read: Callable[[Callable[[str], None]], Blueprint], options: Options, console: Console
) -> None:
    from queuewright.local.console.console import ENVIRONMENT
    from queuewright.local.environment import Environment
    from queuewright.local.processes.groups import ProcessGroups

    loop = asyncio.get_running_loop()

    def warn(warning: str) -> None:
        text = warning.removeprefix("warning: ")
        loop.call_soon_threadsafe(console.say, ENVIRONMENT, text, "warning")

    async with ProcessGroups.opened() as groups:
        await run_until_stopped(
            Environment.started(partial(read, warn), options, console, groups),
            on_ready=partial(_announce, console),
            say=partial(console.say, ENVIRONMENT),
            at_once=groups.kill,
        )


def _announce(console: Console, environment: Environment) -> None:
    from queuewright.local.console.console import ENVIRONMENT

    console.print(environment.table)
    if held := environment.held:
        names = ", ".join(f"`{key}`" for key in held)
        text = (
            f"not started, see above: {names}; tasks for {'it' if len(held) == 1 else 'them'} wait"
        )
        console.say(ENVIRONMENT, text, "warning")
    console.say(
        ENVIRONMENT,
        "ready; Ctrl-C stops",
        environment=environment.blueprint.environment,
        grpc=environment.grpc_address,
        http=environment.http_address,
        pubsub=environment.pull_queues.address,
    )

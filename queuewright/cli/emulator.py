"""`queuewright emulator`: only Cloud Tasks on this machine, for any project."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from queuewright.cli.project import (
    ALLOW_HOST,
    LOG_FORMAT,
    PORT,
    quiet_grpc,
    require_different_ports,
)
from queuewright.cli.signals import run_until_stopped
from queuewright.local import STATE_FOLDER
from queuewright.local.pull_queues.options import DEFAULT_PORT, PubSubOptions
from queuewright.origins import is_loopback
from queuewright.spec import EmulatorSpec, load_emulator
from queuewright.terminal import shell_word

if TYPE_CHECKING:
    from queuewright.local.console.console import Console
    from queuewright.local.emulator import Emulator

OPEN = (
    "anybody who reaches {host} can create tasks, which make this machine send requests\n"
    "  hint: leave `--host` out, or make sure that only trusted machines reach it; REST answers\n"
    "  to this machine's addresses, and to the names that `--allow-host` gives"
)


@click.command("emulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=PORT, default=8123, show_default=True, help="The port for gRPC; 0: any free one."
)
@click.option(
    "--http-port",
    type=PORT,
    default=8124,
    show_default=True,
    help="The port for REST; 0: any free one.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A YAML file with queues and settings.",
)
@click.option(
    "--queue",
    "queues",
    multiple=True,
    metavar="NAME",
    help="The full name of another queue that must exist; may be repeated.",
)
@click.option(
    "--pull-queue",
    "pull_queues",
    multiple=True,
    metavar="NAME",
    help="The full name of a pull queue that must exist; may be repeated.",
)
@click.option(
    "--pubsub-port",
    type=PORT,
    metavar="PORT",
    help="Also run Pub/Sub, on this port; 0: any free one. Default with `--topic` or "
    f"`--subscription`: {DEFAULT_PORT}.",
)
@click.option(
    "--topic",
    "topics",
    multiple=True,
    metavar="NAME",
    help="The full name of a Pub/Sub topic that must exist; may be repeated.",
)
@click.option(
    "--subscription",
    "subscriptions",
    multiple=True,
    metavar="NAME[:TOPIC]",
    help="The full name of a Pub/Sub subscription that must exist, and its topic: an id in the "
    "same project, or a full name. Default: the topic with the same id. The topic is created, "
    "too. May be repeated.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder that keeps queues, tasks and messages. "
    f"Default: {STATE_FOLDER} in this folder.",
)
@click.option("--memory", is_flag=True, help="Keep nothing: start empty, leave no files.")
@click.option("--verbose", is_flag=True, help="Also print the start of each attempt.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@ALLOW_HOST
@LOG_FORMAT
def command(
    host: str,
    port: int,
    http_port: int,
    config: Path | None,
    queues: tuple[str, ...],
    pull_queues: tuple[str, ...],
    pubsub_port: int | None,
    topics: tuple[str, ...],
    subscriptions: tuple[str, ...],
    state: Path | None,
    memory: bool,
    verbose: bool,
    as_json: bool,
    allowed_hosts: tuple[str, ...],
    log_format: str,
) -> None:
    """Run only Cloud Tasks on this machine, until Ctrl-C. No project is needed.

    With `--pubsub-port`, `--topic` or `--subscription`, run Pub/Sub, too.
    """
    if memory and state is not None:
        raise click.UsageError("--memory keeps nothing, so it has no use for --state")
    if pubsub_port is None and (topics or subscriptions):
        pubsub_port = DEFAULT_PORT
    require_different_ports(
        {"--port": port, "--http-port": http_port, "--pubsub-port": pubsub_port}
    )
    spec = load_emulator(config) if config is not None else EmulatorSpec()
    quiet_grpc()
    import uvloop

    from queuewright.local.console.console import ENVIRONMENT
    from queuewright.local.console.event_printer import EventPrinter
    from queuewright.local.console.opening import opened_console
    from queuewright.local.emulator import Emulator, EmulatorOptions

    kept = None if memory else state or Path(STATE_FOLDER)
    pubsub = None
    if pubsub_port is not None:
        pubsub = PubSubOptions(pubsub_port, topics, subscriptions)
    options = EmulatorOptions(
        host, port, http_port, spec, queues, pull_queues, kept, allowed_hosts, pubsub
    )
    with (
        opened_console(as_json=as_json, has_log=log_format == "cloud-logging") as (console, log),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        if not is_loopback(host):
            console.say(ENVIRONMENT, OPEN.format(host=host), "warning")
        printer = EventPrinter(console, verbose=verbose, log=log, is_kept=not memory)
        runner.run(
            run_until_stopped(
                Emulator.started(options, console, printer),
                on_ready=partial(_announce, console),
                say=partial(console.say, ENVIRONMENT),
            )
        )


def _announce(console: Console, emulator: Emulator) -> None:
    from queuewright.local.console.console import ENVIRONMENT

    pubsub = emulator.pubsub_address
    if pubsub is not None:
        text = f"Pub/Sub: export PUBSUB_EMULATOR_HOST={shell_word(pubsub)}"
        console.say(ENVIRONMENT, text, pubsub=pubsub)
    grpc, http = emulator.grpc_address, emulator.http_address
    text = f"ready: gRPC {grpc}, REST http://{http}; Ctrl-C stops"
    console.say(ENVIRONMENT, text, grpc=grpc, http=http)

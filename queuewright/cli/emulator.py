"""`queuewright emulator`: Cloud Tasks alone on this machine, for projects that use nothing else."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from queuewright.cli.project import LOG_FORMAT, PORT, quiet_grpc
from queuewright.cli.signals import stop_asked
from queuewright.local.state_folder import STATE_FOLDER, Running, StateFolder
from queuewright.spec import EmulatorSpec, load_emulator

if TYPE_CHECKING:
    from queuewright.engine import Engine
    from queuewright.local.console.event_printer import Teller


@click.command("emulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=PORT, default=8123, show_default=True, help="gRPC; 0: any free one.")
@click.option(
    "--http-port", type=PORT, default=8124, show_default=True, help="REST; 0: any free one."
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A file of queues and settings.",
)
@click.option(
    "--queue",
    "queues",
    multiple=True,
    metavar="NAME",
    help="A queue in full that has to be there, besides those of the file; may be repeated.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(STATE_FOLDER),
    help=f"The folder that keeps queues and tasks; {STATE_FOLDER} here unless given.",
)
@click.option("--memory", is_flag=True, help="Keep nothing: start empty, leave nothing.")
@click.option("--verbose", is_flag=True, help="Print the start of each attempt, too.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one object a line.")
@LOG_FORMAT
def command(
    host: str,
    port: int,
    http_port: int,
    config: Path | None,
    queues: tuple[str, ...],
    state: Path,
    memory: bool,
    verbose: bool,
    as_json: bool,
    log_format: str,
) -> None:
    """Run Cloud Tasks alone on this machine, until Ctrl-C; it needs no project."""
    spec = load_emulator(config) if config is not None else EmulatorSpec()
    quiet_grpc()
    import uvloop

    from queuewright.local.console.console import Console, LogLines
    from queuewright.local.console.event_printer import Teller

    is_logged = log_format == "cloud-logging"
    console = Console(sys.stderr if is_logged else None, as_json=as_json)
    LogLines.of(console)
    teller = Teller(console, verbose=verbose, log=sys.stdout if is_logged else None)
    options = _Options(host, port, http_port, spec, queues, None if memory else state)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(options, teller))


@dataclass(frozen=True)
class _Options:
    host: str
    grpc_port: int
    http_port: int
    spec: EmulatorSpec
    queues: tuple[str, ...]
    """Names of queues that have to be there, besides those of the spec."""
    state: Path | None


async def _run(options: _Options, teller: Teller) -> None:
    """Start, wait for a signal, stop; whatever happens, in order."""
    from queuewright.engine import Engine, host_port
    from queuewright.local.console.console import ENVIRONMENT
    from queuewright.local.processes.ports import listening
    from queuewright.local.queues.emulated import engine_settings

    say, host = teller.console.say, options.host
    asked = stop_asked(lambda: None)
    with ExitStack() as held:
        state, folder = options.state, None
        if state is not None:
            folder = held.enter_context(StateFolder(state, "--port N --http-port M"))
        settings = engine_settings(options.spec.settings)
        engine = Engine(state=state, settings=settings, on_event=teller)
        try:
            await _declare(engine, options)
            grpc_port = await listening(engine.serve_grpc, host, options.grpc_port, "--port")
            http_port = await listening(engine.serve_http, host, options.http_port, "--http-port")
            await engine.start()
            addresses = host_port(host, grpc_port), host_port(host, http_port)
            if folder is not None:
                now = datetime.now().astimezone().isoformat()
                folder.announce(Running("emulator", os.getpid(), *addresses, now))
            text = f"ready: gRPC {addresses[0]}, REST http://{addresses[1]}; Ctrl-C stops"
            say(ENVIRONMENT, text, grpc=addresses[0], http=addresses[1])
            await asked.wait()
            say(ENVIRONMENT, "stopping (Ctrl-C again: at once)")
        finally:
            await engine.stop()
    say(ENVIRONMENT, "stopped")


async def _declare(engine: Engine, options: _Options) -> None:
    """Make the file's queues as it says; those that only have to be there stay as they are."""
    from queuewright.engine.protocol import Queue
    from queuewright.errors import Refusal, TargetError
    from queuewright.local.queues.emulated import emulated_queue, queue_options

    # Looked at before anything is made, so that a name that is wrong changes nothing.
    missing = [name for name in options.queues if not await _is_there(engine, name)]
    for name, asked in options.spec.queues.items():
        try:
            await engine.declare_queue(emulated_queue(name, asked), queue_options(asked))
        except Refusal as refusal:
            raise TargetError(f"queue `{name}`: {refusal.message}") from None
    for name in missing:
        if name not in options.spec.queues:
            await engine.declare_queue(Queue(name=name))


async def _is_there(engine: Engine, name: str) -> bool:
    from queuewright.engine import DEVELOPER
    from queuewright.engine.protocol import GetQueueRequest
    from queuewright.errors import Refusal, TargetError

    try:
        await engine.service.get_queue(GetQueueRequest(name=name), DEVELOPER)
    except Refusal as refusal:
        if refusal.code != "NOT_FOUND":
            hint = "such as `--queue projects/my-project/locations/us-central1/queues/jobs`"
            raise TargetError(f"--queue `{name}`: {refusal.message}", hint=hint) from None
        return False
    return True

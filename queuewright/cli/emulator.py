"""`queuewright emulator`: Cloud Tasks alone on this machine, for projects that use nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from queuewright.cli.project import LOG_FORMAT, PORT
from queuewright.local.state import STATE_FOLDER, Running, StateFolder

if TYPE_CHECKING:
    from queuewright.engine import Engine
    from queuewright.local.teller import Teller


@click.command("emulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=PORT, default=8123, show_default=True, help="gRPC; 0: any free one.")
@click.option(
    "--http-port", type=PORT, default=8124, show_default=True, help="REST; 0: any free one."
)
@click.option(
    "--queue", "queues", multiple=True, metavar="NAME", help="A queue in full; may be repeated."
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
    queues: tuple[str, ...],
    state: Path,
    memory: bool,
    verbose: bool,
    as_json: bool,
    log_format: str,
) -> None:
    """Run Cloud Tasks alone on this machine, until Ctrl-C; it needs no project."""
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    import uvloop

    from queuewright.local.console import Console
    from queuewright.local.teller import Teller

    is_logged = log_format == "cloud-logging"
    console = Console(sys.stderr if is_logged else None, as_json=as_json)
    teller = Teller(console, verbose=verbose, log=sys.stdout if is_logged else None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(host, (port, http_port), queues, None if memory else state, teller))


async def _run(
    host: str,
    ports: tuple[int, int],
    queues: tuple[str, ...],
    state: Path | None,
    teller: Teller,
) -> None:
    from queuewright.engine import Engine
    from queuewright.local.console import ENVIRONMENT
    from queuewright.local.listening import listening

    say = teller.console.say
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    with ExitStack() as held:
        folder = held.enter_context(StateFolder(state)) if state is not None else None
        engine = Engine(state=state, on_event=teller)
        try:
            for name in queues:
                await _provide(engine, name)
            grpc_port = await listening(engine.serve_grpc, host, ports[0], "--port")
            http_port = await listening(engine.serve_http, host, ports[1], "--http-port")
            await engine.start()
            addresses = f"{host}:{grpc_port}", f"{host}:{http_port}"
            if folder is not None:
                now = datetime.now().astimezone().isoformat()
                folder.announce(Running("emulator", os.getpid(), *addresses, now))
            text = f"ready: gRPC {addresses[0]}, REST http://{addresses[1]}; Ctrl-C stops"
            say(ENVIRONMENT, text, grpc=addresses[0], http=addresses[1])
            await asked.wait()
            say(ENVIRONMENT, "stopping")
        finally:
            await engine.stop()
    say(ENVIRONMENT, "stopped")


async def _provide(engine: Engine, name: str) -> None:
    """Let there be a queue of this name; one that is there already stays as it is."""
    from queuewright.engine import DEVELOPER
    from queuewright.engine.messages import GetQueueRequest, Queue
    from queuewright.errors import Refusal, TargetError

    try:
        await engine.service.get_queue(GetQueueRequest(name=name), DEVELOPER)
    except Refusal as refusal:
        if refusal.code != "NOT_FOUND":
            raise TargetError(f"--queue `{name}`: {refusal.message}") from None
        await engine.declare_queue(Queue(name=name))

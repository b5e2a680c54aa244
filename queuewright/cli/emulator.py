"""`queuewright emulator`: Cloud Tasks alone on this machine, for projects that use nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import click

from queuewright.cli.project import PORT
from queuewright.local.state import STATE_FOLDER, Running, StateFolder


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
def command(
    host: str,
    port: int,
    http_port: int,
    queues: tuple[str, ...],
    state: Path,
    memory: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Run Cloud Tasks alone on this machine, until Ctrl-C; it needs no project."""
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            _run(host, (port, http_port), queues, None if memory else state, verbose, as_json)
        )


async def _run(
    host: str,
    ports: tuple[int, int],
    queues: tuple[str, ...],
    state: Path | None,
    verbose: bool,
    as_json: bool,
) -> None:
    from queuewright.engine import Engine, Event
    from queuewright.engine.messages import Queue
    from queuewright.errors import Refusal, TargetError
    from queuewright.local.console import ENVIRONMENT, Console
    from queuewright.local.events import line

    console = Console(as_json=as_json)

    def tell(event: Event) -> None:
        said = line(event, verbose=verbose)
        if said is not None:
            console.say(said.source, said.text, said.level)

    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    with ExitStack() as held:
        folder = held.enter_context(StateFolder(state)) if state is not None else None
        engine = Engine(state=state, on_event=tell)
        try:
            for name in queues:
                try:
                    await engine.declare_queue(Queue(name=name))
                except Refusal as refusal:
                    raise TargetError(f"--queue `{name}`: {refusal.message}") from None
            grpc_port = await engine.serve_grpc(host, ports[0])
            http_port = await engine.serve_http(host, ports[1])
            await engine.start()
            addresses = f"{host}:{grpc_port}", f"{host}:{http_port}"
            if folder is not None:
                now = datetime.now().astimezone().isoformat()
                folder.announce(Running("emulator", os.getpid(), *addresses, now))
            text = f"ready: gRPC {addresses[0]}, REST http://{addresses[1]}; Ctrl-C stops"
            console.say(ENVIRONMENT, text, grpc=addresses[0], http=addresses[1])
            await asked.wait()
            console.say(ENVIRONMENT, "stopping")
        finally:
            await engine.stop()
    console.say(ENVIRONMENT, "stopped")

"""Cloud Tasks alone on this machine: an engine with the queues of a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from queuewright.dashboard import Dashboard, Surroundings
from queuewright.engine import DEVELOPER, Engine, Event, QueueOptions, host_port
from queuewright.engine.protocol import GetQueueRequest, Queue
from queuewright.errors import Refusal, TargetError
from queuewright.history import history_service
from queuewright.local.console.console import Console
from queuewright.local.kept_history import kept_history
from queuewright.local.processes.ports import listen
from queuewright.local.pull_queues.options import PubSubOptions
from queuewright.local.queues.emulated import emulated_queue, engine_settings, queue_options
from queuewright.local.state_folder import StateFolder
from queuewright.origins import own_address
from queuewright.spec import EmulatorSpec


@dataclass(frozen=True)
class EmulatorOptions:
    """How to run an emulator."""

    host: str
    grpc_port: int
    http_port: int
    spec: EmulatorSpec
    queues: tuple[str, ...]
    """The names of queues that must exist, besides those of the spec."""
    pull_queues: tuple[str, ...]
    """The names of pull queues that must exist, besides those of the spec."""
    state: Path | None
    """The folder that keeps queues and tasks; None keeps nothing."""
    allowed_hosts: tuple[str, ...] = ()
    """Names of this machine that requests may use: see `RequestFilter`."""
    pubsub: PubSubOptions | None = None
    """How to run Pub/Sub; None does not run it."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator. Made by `Emulator.started`."""

    grpc_address: str
    """`host:port`, as this machine reaches it."""
    http_address: str
    pubsub_address: str | None = None
    """`host:port`, the value for `PUBSUB_EMULATOR_HOST`; None if Pub/Sub does not run."""

    @classmethod
    @asynccontextmanager
    async def started(
        cls, options: EmulatorOptions, console: Console, on_event: Callable[[Event], None]
    ) -> AsyncIterator[Emulator]:
        """Start an emulator; when the block ends, stop it.

        Raises:
            TargetError: a port or the folder is taken, a queue is refused, or Pub/Sub's package
                is missing.
        """
        async with AsyncExitStack() as stack:
            folder = None
            if options.state is not None:
                ports = "--port N --http-port M"
                folder = stack.enter_context(StateFolder.locked(options.state, ports))
            settings = engine_settings(options.spec.settings)
            history = await stack.enter_async_context(kept_history(options.state, console))
            surroundings = EmulatorSurroundings()
            dashboard = Dashboard(history, surroundings)

            def show(event: Event) -> None:
                history.record(event)
                on_event(event)
                dashboard.notice(event)

            engine = Engine(state=options.state, settings=settings, on_event=show)
            dashboard.open(engine)
            stack.push_async_callback(engine.stop)
            stack.push_async_callback(dashboard.close)
            await _declare(engine, options)
            host = options.host
            serve_grpc = partial(engine.serve_grpc, services=[history_service(history)])
            grpc_port = await listen(serve_grpc, host, options.grpc_port, "--port")
            serve_http = partial(
                engine.serve_http, allowed_hosts=options.allowed_hosts, pages=dashboard.routes
            )
            http_port = await listen(serve_http, host, options.http_port, "--http-port")
            pubsub_address = None
            if options.pubsub is not None:
                from queuewright.local.pull_queues.emulated import running_pubsub

                pubsub = running_pubsub(options.pubsub, host, options.state)
                pubsub_address = await stack.enter_async_context(pubsub)
            await engine.start()
            here = own_address(host)
            grpc_address, http_address = host_port(here, grpc_port), host_port(here, http_port)
            emulator = cls(grpc_address, http_address, pubsub_address)
            surroundings.reached_at = (f"gRPC {grpc_address}", f"REST http://{http_address}/v2/")
            if folder is not None:
                folder.announce("emulator", emulator.grpc_address, emulator.http_address)
            yield emulator


class EmulatorSurroundings(Surroundings):
    """What the dashboard shows of an emulator: where programs reach it."""

    def __init__(self) -> None:
        self.reached_at: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where programs reach it."""
        return self.reached_at


async def _declare(engine: Engine, options: EmulatorOptions) -> None:
    """Make the file's queues match the file; other queues only have to exist."""
    # Checked before anything is created, so that a wrong name changes nothing.
    missing = [name for name in options.queues if not await _exists(engine, name, "--queue")]
    pull = [name for name in options.pull_queues if not await _is_pull_queue(engine, name)]
    if both := sorted(set(missing).intersection(pull)):
        raise TargetError(
            f"queue `{both[0]}` is asked for as a push queue and as a pull queue",
            hint="leave out `--queue` or `--pull-queue` for it",
        )
    for name, asked in options.spec.queues.items():
        try:
            await engine.declare_queue(emulated_queue(name, asked), queue_options(asked))
        except Refusal as refusal:
            raise TargetError(f"queue `{name}`: {refusal.message}") from None
    for name in missing:
        if name not in options.spec.queues:
            await engine.declare_queue(Queue(name=name))
    for name in pull:
        if name not in options.spec.queues:
            await engine.declare_queue(Queue(name=name), QueueOptions(pull=True))


async def _is_pull_queue(engine: Engine, name: str) -> bool:
    """Return whether a pull queue with this name exists; raise TargetError for a push queue."""
    if not await _exists(engine, name, "--pull-queue"):
        return False
    if not engine.service.is_pull_queue(name):
        raise TargetError(
            f"--pull-queue `{name}`: the queue exists and is a push queue",
            hint="choose another name, or another `--state` folder",
        )
    return True


async def _exists(engine: Engine, name: str, option: str) -> bool:
    try:
        await engine.service.get_queue(GetQueueRequest(name=name), DEVELOPER)
    except Refusal as refusal:
        if refusal.code != "NOT_FOUND":
            hint = f"such as `{option} projects/my-project/locations/us-central1/queues/jobs`"
            raise TargetError(f"{option} `{name}`: {refusal.message}", hint=hint) from None
        return False
    return True

"""The engine: puts the parts together, starts and stops them, listens, and moves time."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from queuewright.engine.api.grpc import GrpcService, listening
from queuewright.engine.api.grpc import services as api_services
from queuewright.engine.api.rest import application
from queuewright.engine.api.rest_listener import RestRunner
from queuewright.engine.clock import Clock, ManualClock, SystemClock
from queuewright.engine.dispatch import tokens
from queuewright.engine.dispatch.addresses import unusable
from queuewright.engine.dispatch.dispatcher import Dispatcher
from queuewright.engine.dispatch.http.descriptors import connections
from queuewright.engine.dispatch.http.http_sender import HttpSender
from queuewright.engine.dispatch.patience import Patience
from queuewright.engine.dispatch.registry import Registry, RunningQueue
from queuewright.engine.dispatch.sender import Sender
from queuewright.engine.dispatch.token_cache import TokenCache
from queuewright.engine.events import Event
from queuewright.engine.protocol.messages import Queue
from queuewright.engine.protocol.times import SECOND_US, span_us
from queuewright.engine.rules.http_request import TokenSigner
from queuewright.engine.rules.queue_config import QueueOptions
from queuewright.engine.service.calls import DEVELOPER, Caller, ServiceParts
from queuewright.engine.service.iam import Grants
from queuewright.engine.service.pages import PageTokens
from queuewright.engine.service.service import Service
from queuewright.engine.settings import Settings
from queuewright.engine.state.store import Store
from queuewright.engine.state.task_ids import TaskIds
from queuewright.origins import is_loopback

_LOG: Final = logging.getLogger(__name__)

_SETTLE_ROUNDS: Final = 1
"""For what the events of the dispatcher's turn woke."""
_ROUNDS_OF_HANDLERS: Final = 2
"""More of them while a handler runs or sleeps, whose attempt may be cut off."""
_ANSWERS_GRACE_S: Final = 0.2
"""How long running calls may take when a gRPC listener is closed."""


class Engine:
    """Cloud Tasks on this machine.

    ::

        engine = Engine(state=Path(".queuewright"))
        await engine.start()
        port = await engine.serve_grpc(port=8123)
        ...
        await engine.stop()

    It is also an asynchronous context manager, which starts it and always stops it.

    Args:
        clock: by default the machine's clock. `advance` and `drain` need a `ManualClock`.
        state: the folder for queues and tasks. None keeps them only while the engine lives.
        settings: the choices that Google's documentation leaves open.
        signer: signs the tokens of tasks. By default a signer whose key is kept in `state`.
        on_event: called with every event, on the event loop. Exceptions are logged.
        seed: makes ids and everything else that is random the same in every run.
        sender: sends requests to handlers. By default over the network.

    Raises:
        TargetError: the state can't be used.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        state: Path | None = None,
        settings: Settings | None = None,
        signer: TokenSigner | None = None,
        on_event: Callable[[Event], None] | None = None,
        seed: int | None = None,
        sender: Sender | None = None,
    ) -> None:
        chance = random.Random(seed)
        emit = None if on_event is None else _guarded(on_event)
        self.clock: Clock = clock or SystemClock()
        self.settings = settings or Settings()
        self.grants = Grants(self.settings.explain_denial)
        self._signer = signer or (tokens.Signer.in_folder(state) if state else tokens.Signer())
        is_ours = isinstance(self._signer, tokens.Signer)
        max_in_flight = self.settings.max_in_flight
        if sender is None:
            possible = connections(self.settings.descriptors_per_attempt)
            max_in_flight = min(possible, max_in_flight or possible)
            sender = HttpSender(possible)
        self._sender = sender
        self._store = Store(state, key=chance.getrandbits(63))
        self._registry = Registry()
        ids = TaskIds(self._store.key)
        self._dispatcher = Dispatcher(
            self.clock,
            self._store,
            self._registry,
            self._sender,
            self.settings,
            ids,
            TokenCache(self._signer) if is_ours else self._signer,
            emit,
            max_in_flight,
        )
        self.service = Service(
            ServiceParts(
                clock=self.clock,
                store=self._store,
                registry=self._registry,
                grants=self.grants,
                settings=self.settings,
                ids=ids,
                pages=PageTokens(self._store.key),
                dispatcher=self._dispatcher,
                emit=emit,
                new_uuid=lambda: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            )
        )
        """The RPCs as methods."""
        self._patience = Patience(self.settings.patience / timedelta(seconds=1))
        if isinstance(self.clock, ManualClock):
            self.clock.on_sleep = self._dispatcher.progress.set
        if isinstance(self.clock, SystemClock):
            self.clock.when_set_back(self._dispatcher.clock_set_back)
        self._load()
        self._closers: dict[tuple[str, int], Callable[[], Awaitable[None]]] = {}
        """The function that closes each listener, by host and port."""
        self._is_stopped = False

    async def start(self) -> None:
        """Start dispatching."""
        self._dispatcher.start()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def serve_grpc(
        self,
        host: str = "127.0.0.1",
        port: int = 8123,
        *,
        caller: Caller = DEVELOPER,
        services: Iterable[GrpcService] = (),
    ) -> int:
        """Listen for gRPC. Can be called several times.

        Args:
            host: the address to listen on.
            port: 0 lets the system choose.
            caller: the caller of every call on this listener.
            services: services in addition to the API's, such as that of a history.

        Returns:
            The port.

        Raises:
            TargetError: the port can't be used.
        """
        served = [*api_services(self.service), *services]
        server, bound = await listening(served, caller, host, port)
        self._closers[host, bound] = partial(server.stop, grace=_ANSWERS_GRACE_S)
        return bound

    async def serve_http(
        self,
        host: str = "127.0.0.1",
        port: int = 8124,
        *,
        caller: Caller = DEVELOPER,
        pages: Iterable[web.AbstractRouteDef] = (),
        allowed_hosts: Collection[str] = (),
    ) -> int:
        """Listen for REST. Can be called several times.

        Requests from foreign web pages are answered with 403 (see `RequestFilter`).

        Args:
            host: the address to listen on.
            port: 0 lets the system choose.
            caller: the caller of every call on this listener.
            pages: routes in addition to the API's, for a dashboard.
            allowed_hosts: names accepted in the `Host` header, besides `localhost` and loopback
                addresses; on another interface also besides all IP addresses.

        Returns:
            The port.

        Raises:
            TargetError: the port can't be used.
        """
        keys = self._signer if isinstance(self._signer, tokens.Signer) else None
        app = application(
            self.service,
            caller,
            signer=keys,
            pages=pages,
            allowed_hosts=allowed_hosts,
            any_address=not is_loopback(host),
        )
        runner = RestRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError) as error:
            await runner.cleanup()
            raise unusable("HTTP", host, port) from error
        bound: int = runner.addresses[0][1]
        self._closers[host, bound] = runner.cleanup
        return bound

    async def stop_serving(self, port: int, host: str = "127.0.0.1") -> None:
        """Close the listener on a port, if there is one."""
        close = self._closers.pop((host, port), None)
        if close is not None:
            await close()

    async def declare_queue(self, queue: Queue, options: QueueOptions | None = None) -> None:
        """Create a queue, or update it to match a configuration. Its tasks are kept.

        The name of a deleted queue can be used at once. `state` is applied if it is specified.

        Raises:
            Refusal: INVALID_ARGUMENT.
        """
        self.service.declare(queue, options)

    def hold_queues(self, names: Collection[str]) -> None:
        """Dispatch no task of the queues with these names, and release all other queues.

        Neither is visible in the API: it is for programs whose handlers are not ready. Queues with
        these names that are created later are held, too. RunTask still starts an attempt.
        """
        self._registry.hold(names)
        for queue in self._registry:
            self._dispatcher.touch(queue)

    def grant(self, principal: str, role: str, resource: str | None = None) -> None:
        """Give a principal a role on a project, queue or service account. None: on everything."""
        self.grants.grant(principal, role, resource)

    def reset_names(self) -> None:
        """Free the names of all deleted queues and of all past tasks."""
        for queue in self._registry:
            while self._store.sweep(queue.number, queue.row.purged_id, None, 10_000):
                pass
        self._store.free_names()
        self._registry.free_names()

    @property
    def is_drained(self) -> bool:
        """Whether no queue has a task that will be dispatched; a paused queue may keep tasks."""
        return not any(len(queue.core) for queue in self._registry if not queue.core.paused)

    async def advance(self, span: timedelta | str) -> None:
        """Move a `ManualClock` forward; everything that is due on the way happens.

        Time stands still while handlers answer. When a handler takes longer than
        `Settings.patience` in real time, time moves on without it, perhaps to its deadline; for
        later attempts of its queue, time then stands still for a tenth of that.
        """
        clock = self._manual()
        self._patience.renew()
        until_us = clock.now_us() + span_us(span)
        await self._settled(clock)
        while clock.step(until_us):
            await self._settled(clock)
        await self._settled(clock)

    async def drain(self) -> None:
        """Move a `ManualClock` forward until all running queues are empty.

        Pull queues keep their tasks: only workers can finish them.
        """
        clock = self._manual()
        self._patience.renew()
        await self._settled(clock)
        while not self.is_drained:
            next_us = clock.next_us()
            if next_us is None:
                return
            clock.step(next_us)
            await self._settled(clock)

    async def stop(self) -> None:
        """Close the listeners, wait for running attempts, and close the state.

        Attempts that run longer than `Settings.stop_grace` are cancelled, and their tasks are
        dispatched again after the next start. A second call does nothing.
        """
        if self._is_stopped:
            return
        self._is_stopped = True
        await asyncio.gather(*(self.stop_serving(port, host) for host, port in self._closers))
        grace_us = span_us(self.settings.stop_grace)
        await self._dispatcher.stop(grace_us / SECOND_US)
        await self._sender.close()
        self._store.close()

    def _load(self) -> None:
        """Load the queues and tasks of the state."""
        now_us = self.clock.now_us()
        by_number: dict[int, RunningQueue] = {}
        for row in self._store.queues():
            queue = by_number[row.number] = RunningQueue(row, now_us, self.settings)
            self._registry.add(queue)
        self._registry.tombstones = self._store.queue_tombstones()
        tasks: dict[int, list[tuple[int, int]]] = {number: [] for number in by_number}
        retrying: dict[int, list[int]] = {number: [] for number in by_number}
        for number, schedule_us, task, was_tried in self._store.schedule():
            if number in tasks and task > by_number[number].row.purged_id:
                tasks[number].append((schedule_us, task))
                if was_tried:
                    retrying[number].append(task)
        for number, waiting in tasks.items():
            by_number[number].core.load(waiting, now_us, retrying[number])

    def _manual(self) -> ManualClock:
        if not isinstance(self.clock, ManualClock):
            raise TypeError("moving time needs an engine with a ManualClock")
        return self.clock

    async def _settled(self, clock: ManualClock) -> None:
        """Return when nothing more can happen before time moves."""
        while True:
            in_flight = self._dispatcher.in_flight
            is_quiet = not in_flight and not clock.sleepers
            for _ in range(_SETTLE_ROUNDS + (0 if is_quiet else _ROUNDS_OF_HANDLERS)):
                await asyncio.sleep(0)
            if self._dispatcher.is_busy or self._dispatcher.in_flight > in_flight:
                continue
            if self._dispatcher.in_flight <= clock.sleepers:
                return
            left_s = self._patience.left_s(self._dispatcher.attempts, clock.asleep)
            if left_s is None:
                return
            self._dispatcher.progress.clear()
            try:
                await asyncio.wait_for(self._dispatcher.progress.wait(), left_s)
            except TimeoutError:
                self._patience.is_over()
                return


def _guarded(listener: Callable[[Event], None]) -> Callable[[Event], None]:
    """Wrap a listener so that its exceptions are logged and do not reach the engine."""

    def emit(event: Event) -> None:
        try:
            listener(event)
        except Exception:
            _LOG.exception("`on_event` failed on %s", event.kind)

    return emit

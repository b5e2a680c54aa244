"""The server: puts the parts together, starts and stops them, listens, and moves time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from queuewright.cloud_tasks.durations import parse_us
from queuewright.engine import Clock, ManualClock, SystemClock
from queuewright.pubsub.api.grpc import ListenerParts, listening
from queuewright.pubsub.api.methods import PUBLISH
from queuewright.pubsub.delivery.registry import Registry
from queuewright.pubsub.delivery.sweeper import Sweeper
from queuewright.pubsub.delivery.taker import Poller
from queuewright.pubsub.events import Event
from queuewright.pubsub.protocol import PublishRequest, refusals
from queuewright.pubsub.protocol.messages import PublishResponse
from queuewright.pubsub.service.access import DEVELOPER, Access, Client, Denial
from queuewright.pubsub.service.publisher import Publisher
from queuewright.pubsub.service.subscriber import Subscriber
from queuewright.pubsub.state.store import Store
from queuewright.state_file import IdleCheckpoint

_LOG: Final = logging.getLogger(__name__)

_SETTLE_ROUNDS: Final = 3
_ANSWERS_GRACE_S: Final = 0.2
"""How long running calls may take when a listener is closed."""


class PubSub:
    """Pub/Sub on this machine.

    ::

        async with PubSub(state=Path(".queuewright")) as server:
            port = await server.serve_grpc(port=8085)
            ...

    Args:
        clock: by default the machine's clock. `advance` needs a `ManualClock`.
        state: the folder for topics, subscriptions and messages. None keeps them only while the
            server lives.
        on_event: called with every event, on the event loop. Exceptions are logged.
        denial: decides what clients with a principal may do; None allows everything.

    Raises:
        TargetError: the state can't be used.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        state: Path | None = None,
        on_event: Callable[[Event], None] | None = None,
        denial: Denial | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        emit = None if on_event is None else _guarded(on_event)
        self._access = Access(self.clock, denial, emit)
        self._store = Store(state)
        self._sweeper = Sweeper(self.clock, self._store)
        self._idle_checkpoint = IdleCheckpoint(self._store)
        self._registry = Registry(
            self.clock,
            self._store,
            self._sweeper.messages_stored,
            self._sweeper.messages_dead,
            emit,
        )
        if isinstance(self.clock, SystemClock):
            self.clock.when_set_back(self._registry.clock_set_back)
        self.publisher = Publisher(self._registry)
        """The RPCs of Publisher as methods."""
        self.subscriber = Subscriber(self.clock, self._registry, self._store)
        """The RPCs of Subscriber as methods."""
        self._closers: dict[tuple[str, int], Callable[[], Awaitable[None]]] = {}
        """The function that closes each listener, by host and port."""
        self._pollers: dict[tuple[str, int], Poller] = {}
        self._is_stopped = False

    async def start(self) -> None:
        """Start delivering."""
        for subscription in self._registry.subscriptions():
            subscription.start()
        self._sweeper.start(self._registry)
        self._idle_checkpoint.start()

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

    async def publish(self, request: PublishRequest, client: Client) -> PublishResponse:
        """Publish messages for a client.

        Raises:
            Refusal: it may not, or as for `publisher.publish`.
        """
        self._access.check(client, PUBLISH, request.topic)
        return await self.publisher.publish(request)

    async def serve_grpc(
        self,
        host: str = "127.0.0.1",
        port: int = 8085,
        *,
        client: Client = DEVELOPER,
        on_poll: Callable[[], None] = lambda: None,
    ) -> int:
        """Listen for gRPC. Can be called several times.

        Args:
            host: the address to listen on.
            port: 0 lets the system choose.
            client: who makes every call on this listener.
            on_poll: called when a Pull or a stream begins that is not refused.

        Returns:
            The port.

        Raises:
            TargetError: the port can't be used.
        """
        poller = Poller(client.name)
        parts = ListenerParts(
            self.publisher, self.subscriber, self._access, client, poller, on_poll
        )
        server, bound = await listening(parts, host, port)
        self._closers[host, bound] = partial(server.stop, grace=_ANSWERS_GRACE_S)
        self._pollers[host, bound] = poller
        return bound

    def deliver_nothing_more(self, port: int, host: str = "127.0.0.1") -> None:
        """Give no more messages to the client of the listener on a port: it is about to end.

        Its other calls are answered as before. Does nothing without such a listener.
        """
        poller = self._pollers.get((host, port))
        if poller is not None:
            poller.is_stopping = True

    async def stop_serving(self, port: int, host: str = "127.0.0.1") -> None:
        """Close the listener on a port, if there is one."""
        close = self._closers.pop((host, port), None)
        self._pollers.pop((host, port), None)
        if close is not None:
            await close()

    async def advance(self, span: timedelta | str) -> None:
        """Move a `ManualClock` forward; everything that is due on the way happens."""
        clock = self.clock
        if not isinstance(clock, ManualClock):
            raise TypeError("moving time needs a ManualClock")
        span_us = parse_us(span) if isinstance(span, str) else span // timedelta(microseconds=1)
        until_us = clock.now_us() + span_us
        await self._settled()
        while clock.step(until_us):
            await self._settled()
        await self._settled()

    async def _settled(self) -> None:
        """Let everything happen that can happen before time moves."""
        for _ in range(_SETTLE_ROUNDS):
            await asyncio.sleep(0)
        while self._sweeper.is_busy:  # noqa: ASYNC110
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """End all calls with UNAVAILABLE, so that clients call again, and close the state.

        Leases stay, and count on after the next start. A second call does nothing.
        """
        if self._is_stopped:
            return
        self._is_stopped = True
        self._idle_checkpoint.stop()
        self._registry.close(refusals.stopping())
        await self._sweeper.stop()
        await asyncio.gather(*(self.stop_serving(port, host) for host, port in self._closers))
        self._store.close()


def _guarded(listener: Callable[[Event], None]) -> Callable[[Event], None]:
    """Wrap a listener so that its exceptions are logged and do not reach Pub/Sub."""

    def emit(event: Event) -> None:
        try:
            listener(event)
        except Exception:
            _LOG.exception("`on_event` failed on %s", event.kind)

    return emit

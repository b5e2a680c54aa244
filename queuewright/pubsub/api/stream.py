"""StreamingPull: one stream of one client.

Two tasks share it: one reads requests (acknowledgements, deadlines, pings), the other takes
messages and writes them. The stream ends when either of them does.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final, Protocol

from queuewright.cloud_tasks import pubsub
from queuewright.pubsub.delivery.subscription import RunningSubscription
from queuewright.pubsub.delivery.taker import Poller, Taker
from queuewright.pubsub.protocol import refusals
from queuewright.pubsub.protocol.messages import StreamingPullRequest, StreamingPullResponse
from queuewright.pubsub.rules.flow import FlowLimits
from queuewright.pubsub.service.subscriber import Subscriber, deadline_us

_LEAST_S: Final = pubsub.MIN_ACK_DEADLINE // timedelta(seconds=1)
_MOST_S: Final = pubsub.MAX_ACK_DEADLINE // timedelta(seconds=1)

_ONLY_FIRST: Final = (
    "client_id",
    "max_outstanding_messages",
    "max_outstanding_bytes",
    "protocol_version",
)
"""What only the first request of a stream sets (`StreamingPullRequest`)."""

_ANSWERS_PINGS: Final = 1
"""The protocol version whose clients expect a response to an empty request."""


class Wire(Protocol):
    """The two directions of a stream."""

    async def read(self) -> StreamingPullRequest | None:
        """Return the next request, or None when the client has no more."""
        ...

    async def write(self, response: StreamingPullResponse) -> None:
        """Send a response; returns when the client can take more."""
        ...


class Stream:
    """A stream of messages. `run` returns when the client closes it.

    Args:
        service: the RPCs.
        wire: reads and writes.
        first: the client's first request.
        poller: the program that the client belongs to.

    Raises:
        Refusal: the first request is not valid.
    """

    def __init__(
        self,
        service: Subscriber,
        wire: Wire,
        first: StreamingPullRequest,
        poller: Poller | None = None,
    ) -> None:
        self._service = service
        self._wire = wire
        self._subscription = self._opened(first)
        self._name = first.subscription
        self._answers_pings = first.protocol_version >= _ANSWERS_PINGS
        self._writing = asyncio.Lock()
        limits = FlowLimits(first.max_outstanding_messages, first.max_outstanding_bytes)
        lease_us = _stream_deadline_us(first.stream_ack_deadline_seconds)
        self._first = first
        self._taker = Taker(self._subscription.new_holder(), lease_us, limits, poller or Poller())

    async def run(self) -> None:
        """Serve the stream until the client closes it.

        Raises:
            Refusal: a request is not valid, or the subscription is gone.
        """
        await self._apply(self._first)
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._subscription.forget(self._taker)
        for task in done:
            task.result()

    async def _read(self) -> None:
        while (request := await self._wire.read()) is not None:
            if request.subscription not in ("", self._name):
                raise refusals.argument_invalid("subscription")
            for field in _ONLY_FIRST:
                if getattr(request, field):
                    raise refusals.argument_invalid(field)
            if request.stream_ack_deadline_seconds:
                self._taker.lease_us = _stream_deadline_us(request.stream_ack_deadline_seconds)
            await self._apply(request)
            if self._answers_pings and not request.ByteSize():
                await self._send(self._response())

    async def _write(self) -> None:
        while True:
            leases = await self._subscription.take(self._taker)
            response = self._response()
            response.received_messages.extend(self._service.received(self._subscription, leases))
            await self._send(response)

    async def _send(self, response: StreamingPullResponse) -> None:
        async with self._writing:
            await self._wire.write(response)

    def _opened(self, first: StreamingPullRequest) -> RunningSubscription:
        if not first.subscription:
            raise refusals.argument_missing("subscription")
        if not first.stream_ack_deadline_seconds:
            raise refusals.argument_missing("stream_ack_deadline_seconds")
        return self._service.deliverable(first.subscription)

    async def _apply(self, request: StreamingPullRequest) -> None:
        """Carry out a request's acknowledgements and deadlines."""
        ids, seconds = request.modify_deadline_ack_ids, request.modify_deadline_seconds
        if len(ids) != len(seconds):
            raise refusals.argument_invalid("modify_deadline_seconds")
        subscription = self._subscription
        await subscription.ready()
        acknowledged = self._service.named(subscription, request.ack_ids)
        by_span: dict[int, list[str]] = {}
        for ack_id, deadline_s in zip(ids, seconds, strict=True):
            by_span.setdefault(deadline_us(deadline_s), []).append(ack_id)
        modified = {
            span_us: self._service.named(subscription, chosen)
            for span_us, chosen in by_span.items()
        }
        late: list[str] = []
        if request.ack_ids:
            failed = subscription.acknowledge(list(acknowledged.deliveries))
            late = acknowledged.failed(failed)
        late_deadlines: list[str] = []
        for span_us, named in modified.items():
            failed = subscription.modify(list(named.deliveries), span_us)
            late_deadlines += named.failed(failed)
        if subscription.is_exactly_once and (request.ack_ids or ids):
            await self._send(self._confirmation(request, late, late_deadlines))

    def _confirmation(
        self, request: StreamingPullRequest, late: list[str], late_deadlines: list[str]
    ) -> StreamingPullResponse:
        """Tell which of a request's ack ids took effect."""
        response = self._response()
        confirmations = (
            (response.acknowledge_confirmation, request.ack_ids, late),
            (
                response.modify_ack_deadline_confirmation,
                request.modify_deadline_ack_ids,
                late_deadlines,
            ),
        )
        for confirmation, asked, failed in confirmations:
            if asked:
                confirmation.invalid_ack_ids.extend(failed)
                confirmation.ack_ids.extend(each for each in asked if each not in set(failed))
        return response

    def _response(self) -> StreamingPullResponse:
        config = self._subscription.row.config
        return StreamingPullResponse(
            subscription_properties=StreamingPullResponse.SubscriptionProperties(
                message_ordering_enabled=config.enable_message_ordering,
                exactly_once_delivery_enabled=config.enable_exactly_once_delivery,
            )
        )


def _stream_deadline_us(seconds: int) -> int:
    if not _LEAST_S <= seconds <= _MOST_S:
        raise refusals.argument_invalid("stream_ack_deadline_seconds")
    return deadline_us(seconds)

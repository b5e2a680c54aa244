"""The RPCs of `google.pubsub.v1.Subscriber`."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from queuewright.cloud_tasks import pubsub
from queuewright.engine import Clock
from queuewright.pubsub.delivery.registry import Registry
from queuewright.pubsub.delivery.subscription import Deliveries, RunningSubscription
from queuewright.pubsub.delivery.taker import Poller, Taker
from queuewright.pubsub.protocol import refusals
from queuewright.pubsub.protocol.messages import (
    AcknowledgeRequest,
    DeleteSubscriptionRequest,
    Empty,
    GetSubscriptionRequest,
    ListSubscriptionsRequest,
    ListSubscriptionsResponse,
    ModifyAckDeadlineRequest,
    PubsubMessage,
    PullRequest,
    PullResponse,
    ReceivedMessage,
    SeekRequest,
    SeekResponse,
    Subscription,
    UpdateSubscriptionRequest,
)
from queuewright.pubsub.protocol.names import (
    check_project,
    check_subscription,
    check_topic,
    project_of,
)
from queuewright.pubsub.rules.ack_ids import AckId, parse_ack_id
from queuewright.pubsub.rules.backlog import Held, Lease
from queuewright.pubsub.service.masks import updated
from queuewright.pubsub.service.pages import page
from queuewright.pubsub.service.subscription_config import FIXED, subscription_config
from queuewright.pubsub.state.store import Store

_LOG: Final = logging.getLogger(__name__)

LONGEST_WAIT_US: Final = 20_000_000
"""How long a Pull waits for a message, unless its client waits less. Google publishes no limit."""

_SECOND_US: Final = 1_000_000
_MAX_ACK_DEADLINE_S: Final = pubsub.MAX_ACK_DEADLINE // timedelta(seconds=1)


class HeldMessage(NamedTuple):
    """A message, its state, and the name of the client that holds it, or ""."""

    state: Held
    holder: str
    message: PubsubMessage


class HeldMessages(NamedTuple):
    """The messages of a subscription: how many there are, and are leased, and some of them."""

    total: int
    leased: int
    messages: Sequence[HeldMessage]


class NamedDeliveries(NamedTuple):
    """The deliveries that the ack ids of a request name."""

    deliveries: dict[tuple[int, int], str]
    """By the message's number and the delivery's: the ack id."""
    lost: list[str]
    """Ack ids of messages that are gone, and with exactly-once delivery those never given."""

    def failed(self, deliveries: Deliveries) -> list[str]:
        """Return the ack ids for which nothing was done, given such deliveries."""
        return [*self.lost, *(self.deliveries[each] for each in deliveries)]


class Subscriber:
    """Each method is an RPC, and raises a `Refusal`."""

    def __init__(self, clock: Clock, registry: Registry, store: Store) -> None:
        self._clock = clock
        self._registry = registry
        self._store = store

    # Subscriptions

    async def create_subscription(self, request: Subscription) -> Subscription:
        """CreateSubscription. Without a name, the server picks one."""
        topic = check_topic(request.topic)
        asked = Subscription()
        asked.CopyFrom(request)
        if not asked.name:
            asked.name = f"{project_of(topic)}/subscriptions/sub-{uuid.uuid4().hex}"
        config = subscription_config(asked, self._registry.has_topic)
        if self._registry.has_subscription(config.name):
            raise refusals.exists(config.name)
        self._registry.add_subscription(config)
        return config

    async def get_subscription(self, request: GetSubscriptionRequest) -> Subscription:
        """GetSubscription."""
        return self._subscription(request.subscription).row.config

    async def update_subscription(self, request: UpdateSubscriptionRequest) -> Subscription:
        """UpdateSubscription."""
        subscription = self._subscription(request.subscription.name)
        current, paths = subscription.row.config, request.update_mask.paths
        wanted = updated(current, request.subscription, paths, FIXED)
        config = subscription_config(wanted, self._registry.has_topic)
        config.detached = current.detached
        self._registry.change_subscription(subscription, config)
        return config

    async def list_subscriptions(
        self, request: ListSubscriptionsRequest
    ) -> ListSubscriptionsResponse:
        """ListSubscriptions."""
        found, token = page(
            self._registry.subscriptions(check_project(request.project)),
            lambda each: each.name,
            request.page_size,
            request.page_token,
        )
        return ListSubscriptionsResponse(
            subscriptions=[each.row.config for each in found], next_page_token=token
        )

    async def delete_subscription(self, request: DeleteSubscriptionRequest) -> Empty:
        """DeleteSubscription."""
        self._registry.delete_subscription(check_subscription(request.subscription))
        return Empty()

    # Messages

    async def pull(
        self,
        request: PullRequest,
        remaining_us: int | None = None,
        poller: Poller | None = None,
    ) -> PullResponse:
        """Pull.

        Args:
            request: the request.
            remaining_us: how long the client will wait; None: as long as it takes.
            poller: the program that the client belongs to.
        """
        subscription = self.deliverable(request.subscription)
        if not request.max_messages:
            raise refusals.argument_missing("max_messages")
        if request.max_messages < 0:
            raise refusals.argument_invalid("max_messages")
        wait_us = LONGEST_WAIT_US
        if remaining_us is not None:
            wait_us = min(wait_us, max(0, remaining_us - _SECOND_US // 4))
        if request.return_immediately:
            wait_us = 0
        taker = Taker(
            holder=0,
            lease_us=subscription.row.config.ack_deadline_seconds * _SECOND_US,
            poller=poller or Poller(),
            max_batch=min(request.max_messages, pubsub.MAX_MESSAGES_PER_PULL),
            waits=wait_us > 0,
        )
        timer = self._clock.call_after(wait_us, taker.give_nothing) if wait_us else None
        try:
            leases = await subscription.take(taker)
        finally:
            if timer is not None:
                timer.cancel()
        return PullResponse(received_messages=self.received(subscription, leases))

    async def acknowledge(self, request: AcknowledgeRequest) -> Empty:
        """Acknowledge. What it acknowledges survives the end of this process."""
        subscription = self._subscription(request.subscription)
        self._check_ack_request(request.ack_ids, request.ByteSize())
        await subscription.ready()
        named = self.named(subscription, request.ack_ids)
        self._check_done(subscription, named, subscription.acknowledge(list(named.deliveries)))
        return Empty()

    async def modify_ack_deadline(self, request: ModifyAckDeadlineRequest) -> Empty:
        """ModifyAckDeadline. 0 seconds gives the messages back."""
        subscription = self._subscription(request.subscription)
        self._check_ack_request(request.ack_ids, request.ByteSize())
        span_us = deadline_us(request.ack_deadline_seconds)
        await subscription.ready()
        named = self.named(subscription, request.ack_ids)
        failed = subscription.modify(list(named.deliveries), span_us)
        self._check_done(subscription, named, failed)
        return Empty()

    async def seek(self, request: SeekRequest) -> SeekResponse:
        """Seek to a time; see `RunningSubscription.rewrite`."""
        subscription = self.deliverable(request.subscription)
        target = request.WhichOneof("target")
        if target is None:
            raise refusals.argument_missing("target")
        if target == "snapshot":
            raise refusals.not_emulated("Seeking to a snapshot")
        time_us = moment_us(request.time)
        await subscription.ready()
        retain = subscription.row.config.retain_acked_messages
        now_us = self._clock.now_us()
        if time_us >= now_us and not retain:
            self._registry.purge(subscription)
        else:
            number = subscription.row.number
            await subscription.rewrite(self._store.seek(number, time_us, now_us, retain=retain))
        return SeekResponse()

    async def list_held(self, name: str, limit: int | None) -> HeldMessages:
        """Return the messages of a subscription; not one of Google's RPCs.

        Args:
            name: the subscription's full name.
            limit: the most messages to return, oldest first; None: all.
        """
        subscription = self._subscription(name)
        await subscription.ready()
        subscription.settle()
        shown = subscription.held(limit)
        contents = self._store.contents(each.message.id for each, _ in shown)
        return HeldMessages(
            total=subscription.total_count,
            leased=subscription.leased_count,
            messages=[
                HeldMessage(each, holder, _readable(each.message.id, content) or PubsubMessage())
                for (each, holder), content in zip(shown, contents, strict=True)
            ],
        )

    # What StreamingPull uses, too

    def deliverable(self, name: str) -> RunningSubscription:
        """Return a subscription that gets messages.

        Raises:
            Refusal: NOT_FOUND, or FAILED_PRECONDITION if it is detached.
        """
        subscription = self._subscription(name)
        if subscription.row.config.detached:
            raise refusals.detached(name)
        return subscription

    def received(
        self, subscription: RunningSubscription, leases: Sequence[Lease]
    ) -> list[ReceivedMessage]:
        """Return leased messages as a subscriber receives them."""
        number = subscription.row.number
        counts = subscription.row.config.HasField("dead_letter_policy")
        leases = [lease for lease in leases if subscription.has_lease(lease)]
        contents = self._store.contents(lease.message.id for lease in leases)
        return [
            ReceivedMessage(
                ack_id=str(AckId(number, lease.message.id, lease.delivery)),
                message=message,
                delivery_attempt=lease.failures + 1 if counts else 0,
            )
            for lease, content in zip(leases, contents, strict=True)
            if (message := _readable(lease.message.id, content)) is not None
        ]

    def named(self, subscription: RunningSubscription, ack_ids: Iterable[str]) -> NamedDeliveries:
        """Return the deliveries that ack ids name.

        Raises:
            Refusal: INVALID_ARGUMENT if one was never given, or belongs to another subscription.
                With exactly-once delivery, such an id is among the lost ones instead.
        """
        found = NamedDeliveries({}, [])
        for text in ack_ids:
            ack_id = self._given(text)
            if ack_id is not None and ack_id.subscription == subscription.row.number:
                found.deliveries[ack_id.message, ack_id.delivery] = text
            elif subscription.is_exactly_once or (
                ack_id is not None
                and not self._registry.has_subscription_number(ack_id.subscription)
            ):
                found.lost.append(text)
            else:
                raise refusals.ack_id_invalid(text)
        return found

    def _given(self, text: str) -> AckId | None:
        """Return the delivery that an ack id names; None if it cannot have been given."""
        ack_id = parse_ack_id(text)
        if ack_id is None or not self._store.was_given(ack_id.subscription):
            return None
        return ack_id if self._store.was_given(ack_id.message) else None

    def _check_done(
        self, subscription: RunningSubscription, named: NamedDeliveries, failed: Deliveries
    ) -> None:
        """Refuse a request some of whose ack ids came too late, with exactly-once delivery."""
        if subscription.is_exactly_once and (too_late := named.failed(failed)):
            raise refusals.ack_ids_failed(too_late)

    def _subscription(self, name: str) -> RunningSubscription:
        return self._registry.subscription(check_subscription(name))

    def _check_ack_request(self, ack_ids: Sequence[str], request_bytes: int) -> None:
        if not ack_ids:
            raise refusals.argument_missing("ack_ids")
        if request_bytes > pubsub.MAX_ACK_REQUEST_BYTES:
            raise refusals.too_many("request_size", request_bytes, pubsub.MAX_ACK_REQUEST_BYTES)


def _readable(number: int, content: bytes | None) -> PubsubMessage | None:
    """Return a stored message; None if it is gone or damaged."""
    if content is None:
        return None
    try:
        return PubsubMessage.FromString(content)
    except DecodeError:
        _LOG.error("message %s is damaged in the state file and is not delivered", number)
        return None


def moment_us(time: Timestamp) -> int:
    """Return a moment in microseconds since the epoch.

    Raises:
        Refusal: INVALID_ARGUMENT if it is outside the years 1 to 9999.
    """
    try:
        time.ToDatetime()
    except ValueError:
        raise refusals.argument_invalid("time") from None
    return time.ToMicroseconds()


def deadline_us(seconds: int) -> int:
    """Return a new ack deadline in microseconds.

    Raises:
        Refusal: INVALID_ARGUMENT if it is negative or more than 600 seconds.
    """
    if not 0 <= seconds <= _MAX_ACK_DEADLINE_S:
        raise refusals.argument_invalid("ack_deadline_seconds")
    return seconds * _SECOND_US

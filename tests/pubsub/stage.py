"""A fixture: Pub/Sub with a manual clock, a topic and a subscription."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from queuewright.engine import ManualClock
from queuewright.errors import Refusal
from queuewright.pubsub import Event, PubSub
from queuewright.pubsub.protocol import messages as m

PROJECT = "projects/acme"
TOPIC = f"{PROJECT}/topics/reports"
SUBSCRIPTION = f"{PROJECT}/subscriptions/reports"
DEAD = f"{PROJECT}/topics/dead"


class Stage:
    """A server, and its calls in short."""

    def __init__(self, clock: ManualClock, state: Path | None) -> None:
        self.clock = clock
        self.events: list[Event] = []
        self.server = PubSub(clock=clock, state=state, on_event=self.events.append)
        self.publisher = self.server.publisher
        self.subscriber = self.server.subscriber

    async def topic(self, name: str = TOPIC, **fields: Any) -> m.Topic:
        return await self.publisher.create_topic(m.Topic(name=name, **fields))

    async def subscription(
        self, name: str = SUBSCRIPTION, topic: str = TOPIC, **fields: Any
    ) -> m.Subscription:
        request = m.Subscription(name=name, topic=topic, **fields)
        return await self.subscriber.create_subscription(request)

    async def publish(
        self, *data: bytes, topic: str = TOPIC, key: str = "", **attributes: str
    ) -> list[str]:
        messages = [
            m.PubsubMessage(data=each, ordering_key=key, attributes=attributes) for each in data
        ]
        request = m.PublishRequest(topic=topic, messages=messages)
        return list((await self.publisher.publish(request)).message_ids)

    async def pull(self, name: str = SUBSCRIPTION, most: int = 100) -> list[m.ReceivedMessage]:
        """What can be had at once."""
        request = m.PullRequest(subscription=name, max_messages=most, return_immediately=True)
        return list((await self.subscriber.pull(request)).received_messages)

    async def data(self, name: str = SUBSCRIPTION, most: int = 100) -> list[bytes]:
        """The data of what can be had at once."""
        return [each.message.data for each in await self.pull(name, most)]

    async def ack(self, *ids: str, name: str = SUBSCRIPTION) -> None:
        await self.subscriber.acknowledge(m.AcknowledgeRequest(subscription=name, ack_ids=ids))

    async def modify(self, seconds: int, *ids: str, name: str = SUBSCRIPTION) -> None:
        request = m.ModifyAckDeadlineRequest(
            subscription=name, ack_ids=ids, ack_deadline_seconds=seconds
        )
        await self.subscriber.modify_ack_deadline(request)

    async def seek(self, us: int, name: str = SUBSCRIPTION) -> None:
        request = m.SeekRequest(subscription=name)
        request.time.FromMicroseconds(us)
        await self.subscriber.seek(request)

    async def advance(self, span: str) -> None:
        await self.server.advance(span)


@asynccontextmanager
async def stage(
    *, state: Path | None = None, clock: ManualClock | None = None, ready: bool = True
) -> AsyncIterator[Stage]:
    """A started server with `TOPIC` and `SUBSCRIPTION` if `ready`, stopped afterwards."""
    playing = Stage(clock or ManualClock(), state)
    await playing.server.start()
    try:
        if ready:
            await playing.topic()
            await playing.subscription()
        yield playing
    finally:
        await playing.server.stop()


async def refused(call: Awaitable[object]) -> tuple[str, str]:
    """The code and the text of a call's refusal."""
    with pytest.raises(Refusal) as caught:
        await call
    return caught.value.code, caught.value.message

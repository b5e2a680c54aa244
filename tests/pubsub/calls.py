"""Raw calls over a channel: no client library in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc
import grpc.aio
from google.protobuf.message import Message

from queuewright.pubsub.protocol import messages as m

PUBLISHER = "google.pubsub.v1.Publisher"
SUBSCRIBER = "google.pubsub.v1.Subscriber"
ANSWERS: dict[str, type[Message]] = {
    "Publish": m.PublishResponse,
    "Pull": m.PullResponse,
    "CreateTopic": m.Topic,
    "CreateSubscription": m.Subscription,
    "Acknowledge": m.Empty,
    "ModifyAckDeadline": m.Empty,
}


async def call(channel: grpc.aio.Channel, rpc: str, request: Message) -> Message:
    """Call an RPC."""
    service = PUBLISHER if rpc in ("Publish", "CreateTopic") else SUBSCRIBER
    made = channel.unary_unary(
        f"/{service}/{rpc}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=ANSWERS[rpc].FromString,
    )
    response: Message = await made(request, timeout=20)
    return response


async def until(done: Callable[[], bool]) -> None:
    """Let other tasks run until something has happened."""
    while not done():  # noqa: ASYNC110
        await asyncio.sleep(0)

"""The gRPC listener: raw calls, malformed requests, errors, pings, stopping."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from typing import Any, cast

import grpc
import grpc.aio
import pytest

from queuewright.errors import TargetError
from queuewright.pubsub import PubSub
from queuewright.pubsub.api.methods import PUBLISHER, SUBSCRIBER, methods
from queuewright.pubsub.protocol import messages as m
from tests.engine.test_fuzz import damaged, filled
from tests.pubsub.calls import call, until
from tests.pubsub.stage import SUBSCRIPTION, TOPIC

CODES = {
    "OK",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "UNIMPLEMENTED",
}
"""The codes that may answer a caller's mistake."""


@pytest.fixture
async def server() -> AsyncIterator[PubSub]:
    async with PubSub() as started:
        yield started


@pytest.fixture
async def channel(server: PubSub) -> AsyncIterator[grpc.aio.Channel]:
    port = await server.serve_grpc(port=0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened


async def ready(channel: grpc.aio.Channel) -> None:
    await call(channel, "CreateTopic", m.Topic(name=TOPIC))
    subscription = m.Subscription(name=SUBSCRIPTION, topic=TOPIC)
    await call(channel, "CreateSubscription", subscription)


async def code(channel: grpc.aio.Channel, path: str, raw: bytes) -> str:
    """The name of the status that a unary call ends with."""
    try:
        await channel.unary_unary(path)(raw, timeout=20)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"


def stream(channel: grpc.aio.Channel) -> Any:
    return channel.stream_stream(
        f"/{SUBSCRIBER}/StreamingPull",
        request_serializer=lambda each: (
            each if isinstance(each, bytes) else each.SerializeToString()
        ),
        response_deserializer=m.StreamingPullResponse.FromString,
    )()


def first(**fields: Any) -> m.StreamingPullRequest:
    return m.StreamingPullRequest(
        subscription=SUBSCRIPTION, stream_ack_deadline_seconds=10, **fields
    )


async def test_a_refusal_has_its_code_and_text(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(channel, "Pull", m.PullRequest(subscription=SUBSCRIPTION, max_messages=1))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert caught.value.details() == "Resource not found (resource=reports)."


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"/{SUBSCRIBER}/CreateSnapshot", "CreateSnapshot"),
        (f"/{SUBSCRIBER}/ModifyPushConfig", "ModifyPushConfig"),
        (f"/{PUBLISHER}/ListTopicSnapshots", "ListTopicSnapshots"),
        ("/google.pubsub.v1.SchemaService/GetSchema", "GetSchema"),
        ("/google.iam.v1.IAMPolicy/SetIamPolicy", "SetIamPolicy"),
    ],
)
async def test_other_methods_are_refused_in_plain_words(
    channel: grpc.aio.Channel, path: str, name: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary(path)(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert caught.value.details() == f"{name} is not emulated."


async def test_a_compressed_request_is_read(server: PubSub) -> None:
    """Go's and Python's publishers can compress."""
    port = await server.serve_grpc(port=0)
    compressed = grpc.aio.insecure_channel(f"127.0.0.1:{port}", compression=grpc.Compression.Gzip)
    async with compressed as channel:
        await ready(channel)
        messages = [m.PubsubMessage(data=b"x" * 100_000)]
        await call(channel, "Publish", m.PublishRequest(topic=TOPIC, messages=messages))
        pull = m.PullRequest(subscription=SUBSCRIPTION, max_messages=1)
        response = cast("m.PullResponse", await call(channel, "Pull", pull))
        assert response.received_messages[0].message.data == b"x" * 100_000


async def test_messages_of_10_mb_pass(channel: grpc.aio.Channel) -> None:
    """gRPC's own limit is 4 MiB."""
    await ready(channel)
    messages = [m.PubsubMessage(data=b"x" * 9_000_000)]
    await call(channel, "Publish", m.PublishRequest(topic=TOPIC, messages=messages))
    messages = [m.PubsubMessage(data=b"x" * 12_000_000)]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(channel, "Publish", m.PublishRequest(topic=TOPIC, messages=messages))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_client_with_its_default_limits_receives_a_large_backlog(
    channel: grpc.aio.Channel,
) -> None:
    await ready(channel)
    for _ in range(3):
        messages = [m.PubsubMessage(data=b"x" * 990_000)] * 10
        await call(channel, "Publish", m.PublishRequest(topic=TOPIC, messages=messages))
    pull = m.PullRequest(subscription=SUBSCRIPTION, max_messages=1000)
    counts = []
    while sum(counts) < 30:
        response: Any = await call(channel, "Pull", pull)
        counts.append(len(response.received_messages))
    assert max(counts) == 4


async def test_an_unreadable_request_is_the_callers_mistake(channel: grpc.aio.Channel) -> None:
    assert await code(channel, f"/{PUBLISHER}/Publish", b"\xff\xff") == "INVALID_ARGUMENT"
    assert await code(channel, f"/{SUBSCRIBER}/Pull", b"\xff\xff") == "INVALID_ARGUMENT"
    opened = stream(channel)
    await opened.write(b"\xff\xff")
    assert await opened.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_stream_delivers_over_the_wire_and_ends_with_its_client(
    channel: grpc.aio.Channel,
) -> None:
    await ready(channel)
    opened = stream(channel)
    await opened.write(first())
    messages = [m.PubsubMessage(data=b"a")]
    await call(channel, "Publish", m.PublishRequest(topic=TOPIC, messages=messages))
    response = await opened.read()
    (received,) = response.received_messages
    await opened.write(m.StreamingPullRequest(ack_ids=[received.ack_id]))
    await opened.done_writing()
    assert await opened.code() is grpc.StatusCode.OK


async def test_a_stream_without_a_request_is_refused(channel: grpc.aio.Channel) -> None:
    opened = stream(channel)
    await opened.done_writing()
    assert await opened.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_stream_that_its_client_drops_takes_nothing_more(
    server: PubSub, channel: grpc.aio.Channel
) -> None:
    await ready(channel)
    opened = stream(channel)
    await opened.write(first())
    running = server._registry.subscription(SUBSCRIPTION)
    await until(lambda: bool(running._takers))
    opened.cancel()
    await until(lambda: not running._takers)
    messages = [m.PubsubMessage(data=b"a")]
    await call(channel, "Publish", m.PublishRequest(topic=TOPIC, messages=messages))
    pull = m.PullRequest(subscription=SUBSCRIPTION, max_messages=1)
    response: Any = await call(channel, "Pull", pull)
    assert len(response.received_messages) == 1


async def test_stopping_ends_streams_and_pulls_with_unavailable() -> None:
    """Google's clients then open them again."""
    server = PubSub()
    await server.start()
    port = await server.serve_grpc(port=0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await ready(channel)
        opened = stream(channel)
        await opened.write(first())
        pull = asyncio.create_task(
            call(channel, "Pull", m.PullRequest(subscription=SUBSCRIPTION, max_messages=1))
        )
        running = server._registry.subscription(SUBSCRIPTION)
        await until(lambda: len(running._takers) == 2)
        await server.stop()
        assert await opened.code() is grpc.StatusCode.UNAVAILABLE
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await pull
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    await server.stop()


async def test_a_port_in_use_is_an_error_with_a_hint(server: PubSub) -> None:
    port = await server.serve_grpc(port=0)
    with pytest.raises(TargetError, match=f"port {port} on 127.0.0.1 cannot be used for Pub/Sub"):
        await server.serve_grpc(port=port)


@pytest.mark.parametrize(
    ("seed", "rounds"), [(1, 40), pytest.param(2, 300, marks=pytest.mark.slow)]
)
async def test_malformed_requests_are_refused_and_harm_nothing(
    server: PubSub, channel: grpc.aio.Channel, seed: int, rounds: int
) -> None:
    """Every method, with fields from the edges of what they hold and with damaged bytes."""
    await ready(channel)
    chance = random.Random(seed)
    table = {
        path: each.request for path, each in methods(server.publisher, server.subscriber).items()
    }
    table[f"/{SUBSCRIBER}/Pull"] = m.PullRequest
    seen = set()
    for _ in range(rounds):
        for path, kind in table.items():
            request = filled(kind(), chance)
            for field in ("topic", "subscription", "name"):
                if chance.random() < 0.5 and isinstance(getattr(request, field, None), str):
                    known = TOPIC if field == "topic" or kind is m.Topic else SUBSCRIPTION
                    setattr(request, field, known)
            if isinstance(request, m.PullRequest):
                request.return_immediately = True
            raw = request.SerializeToString()
            if chance.random() < 0.2:
                raw = damaged(raw, chance)
                if path.endswith("/Pull"):
                    continue  # it might wait
            seen.add(await code(channel, path, raw))
    for _ in range(rounds):
        opened = stream(channel)
        begin = first() if chance.random() < 0.7 else filled(m.StreamingPullRequest(), chance)
        for each in (begin, filled(m.StreamingPullRequest(), chance), os.urandom(9)):
            try:
                await opened.write(each)
            except (asyncio.InvalidStateError, grpc.aio.AioRpcError):
                break
        await opened.done_writing()
        if await opened.details() != "Internal error from Core":  # its client wrote too late
            seen.add((await opened.code()).name)
    assert seen <= CODES
    assert {"OK", "INVALID_ARGUMENT", "NOT_FOUND"} <= seen
    again = m.PublishRequest(topic=f"{TOPIC}-2", messages=[m.PubsubMessage(data=b"x")])
    await call(channel, "CreateTopic", m.Topic(name=again.topic))
    await call(channel, "Publish", again)

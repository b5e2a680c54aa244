"""StreamingPull: what a stream delivers, what it holds, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from queuewright.errors import Refusal
from queuewright.pubsub.api.stream import Stream
from queuewright.pubsub.protocol import messages as m
from tests.pubsub.stage import DEAD, PROJECT, SUBSCRIPTION, Stage, refused, stage

INVALID = "You have passed an invalid argument to the service (argument={})."
MISSING = 'A required argument is missing in the request: (argument="{}").'


class Client:
    """A client's end of a stream, without a network."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[m.StreamingPullRequest | None] = asyncio.Queue()
        self.responses: list[m.StreamingPullResponse] = []
        self.is_slow = asyncio.Event()
        self.is_slow.set()
        self.running: asyncio.Task[None] | None = None

    async def read(self) -> m.StreamingPullRequest | None:
        return await self.requests.get()

    async def write(self, response: m.StreamingPullResponse) -> None:
        self.responses.append(response)
        await self.is_slow.wait()

    async def send(self, **fields: Any) -> None:
        self.requests.put_nowait(m.StreamingPullRequest(**fields))
        await rest()

    async def close(self) -> None:
        self.requests.put_nowait(None)
        assert self.running is not None
        await self.running

    def received(self) -> Sequence[m.ReceivedMessage]:
        return [each for response in self.responses for each in response.received_messages]

    def data(self) -> list[bytes]:
        return [each.message.data for each in self.received()]


async def rest() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


async def opened(s: Stage, **fields: Any) -> Client:
    client = Client()
    fields = {"subscription": SUBSCRIPTION, "stream_ack_deadline_seconds": 10, **fields}
    stream = Stream(s.subscriber, client, m.StreamingPullRequest(**fields))
    client.running = asyncio.create_task(stream.run())
    await rest()
    return client


@asynccontextmanager
async def streaming(s: Stage, **fields: Any) -> AsyncIterator[Client]:
    client = await opened(s, **fields)
    yield client
    await client.close()


async def test_a_stream_delivers_what_waits_and_what_comes() -> None:
    async with stage() as s:
        await s.publish(b"before")
        async with streaming(s) as client:
            await s.publish(b"after")
            await rest()
            assert client.data() == [b"before", b"after"]


async def test_the_streams_deadline_is_the_lease() -> None:
    """Whatever the subscription says; it may change."""
    async with stage() as s, streaming(s, stream_ack_deadline_seconds=60) as client:
        await s.publish(b"a")
        await s.advance("59s")
        assert client.data() == [b"a"]
        await client.send(stream_ack_deadline_seconds=15)
        await s.advance("1s")
        await s.advance("14s")
        assert client.data() == [b"a"] * 2
        await s.advance("1s")
        assert client.data() == [b"a"] * 3


async def test_acknowledgements_and_deadlines_also_come_on_the_stream() -> None:
    async with stage() as s, streaming(s) as client:
        await s.publish(b"acked", b"nacked", b"held")
        await rest()
        acked, nacked, held = (each.ack_id for each in client.received())
        await client.send(
            ack_ids=[acked],
            modify_deadline_ack_ids=[nacked, held],
            modify_deadline_seconds=[0, 100],
        )
        assert client.data() == [b"acked", b"nacked", b"held", b"nacked"]
        await s.advance("99s")
        assert client.data().count(b"held") == 1
        assert client.data().count(b"acked") == 1
        await s.advance("1s")
        assert client.data().count(b"held") == 2


async def test_the_first_request_may_acknowledge() -> None:
    async with stage() as s:
        await s.publish(b"a")
        (received,) = await s.pull()
        async with streaming(s, ack_ids=[received.ack_id]) as client:
            await s.advance("1h")
            assert client.data() == []


async def test_delivery_stops_at_the_number_of_outstanding_messages() -> None:
    """And goes on with an acknowledgement, a nack, or the end of a lease, however it came."""
    async with stage() as s, streaming(s, max_outstanding_messages=2) as client:
        await s.publish(*(b"%d" % n for n in range(6)))
        await rest()
        assert client.data() == [b"0", b"1"]
        await s.ack(client.received()[0].ack_id)
        await rest()
        assert client.data() == [b"0", b"1", b"2"]
        await s.modify(0, client.received()[1].ack_id)
        await rest()
        assert client.data() == [b"0", b"1", b"2", b"3"]
        await s.advance("10s")
        assert client.data()[4:] == [b"4", b"5"]


async def test_delivery_stops_at_the_outstanding_bytes() -> None:
    """One message may overshoot."""
    async with stage() as s, streaming(s, max_outstanding_bytes=1_000) as client:
        await s.publish(*[b"x" * 600] * 4)
        await rest()
        assert len(client.data()) == 2
        await s.ack(client.received()[0].ack_id)
        await rest()
        assert len(client.data()) == 3


async def test_without_limits_a_stream_takes_everything() -> None:
    async with stage() as s, streaming(s, max_outstanding_messages=-1) as client:
        await s.publish(*[b"x"] * 1000)
        await s.publish(*[b"x"] * 1000)
        await rest()
        assert len(client.data()) == 2000


async def test_two_streams_share_the_load() -> None:
    async with stage() as s, streaming(s) as one, streaming(s) as two:
        await s.publish(*(b"%d" % n for n in range(10)))
        await rest()
        assert (len(one.data()), len(two.data())) == (5, 5)
        assert sorted(one.data() + two.data()) == [b"%d" % n for n in range(10)]


async def test_a_stream_that_holds_less_gets_more() -> None:
    async with stage() as s, streaming(s) as busy:
        await s.publish(*[b"x"] * 4)
        await rest()
        async with streaming(s) as idle:
            await s.publish(*[b"y"] * 4)
            await rest()
            assert (busy.data().count(b"y"), idle.data().count(b"y")) == (0, 4)


async def test_no_response_is_larger_than_a_client_receives() -> None:
    """4 MiB, gRPC's default, unless a single message is."""
    async with stage() as s, streaming(s) as client:
        for _ in range(5):
            await s.publish(*[b"x" * 100_000] * 20)
        await s.publish(b"x" * 5_000_000)
        await rest()
        sizes = [response.ByteSize() for response in client.responses]
        assert len(client.data()) == 101
        assert [size for size in sizes if size > 4 * 1024 * 1024] == [max(sizes)]
        assert len(sizes) <= 6
        assert min(len(response.received_messages) for response in client.responses) == 1


async def test_a_slow_client_is_not_sent_more_than_it_takes() -> None:
    """What it has not taken stays free for others."""
    async with stage() as s, streaming(s) as slow:
        slow.is_slow.clear()
        await s.publish(b"1")
        await rest()
        await s.publish(b"2")
        await rest()
        assert slow.data() == [b"1"]
        assert await s.data() == [b"2"]
        slow.is_slow.set()


async def test_what_a_closed_stream_held_stays_leased_to_its_end() -> None:
    async with stage() as s:
        async with streaming(s, max_outstanding_messages=1) as client:
            await s.publish(b"held", b"waiting")
            await rest()
        assert await s.data() == [b"waiting"]
        await s.ack(client.received()[0].ack_id)
        await s.advance("1h")
        assert b"held" not in await s.data()


async def test_the_properties_are_in_every_response() -> None:
    async with stage(ready=False) as s:
        await s.topic()
        await s.subscription(enable_message_ordering=True)
        async with streaming(s) as client:
            await s.publish(b"a")
            await rest()
            (response,) = client.responses
            properties = response.subscription_properties
            assert properties.message_ordering_enabled
            assert not properties.exactly_once_delivery_enabled


async def test_attempts_are_counted_only_with_dead_letters() -> None:
    async with stage(ready=False) as s:
        await s.topic()
        await s.topic(DEAD)
        policy = m.DeadLetterPolicy(dead_letter_topic=DEAD, max_delivery_attempts=5)
        await s.subscription(dead_letter_policy=policy)
        async with streaming(s) as client:
            await s.publish(b"a")
            await s.advance("10s")
            assert [each.delivery_attempt for each in client.received()] == [1, 2]


@pytest.mark.parametrize(("version", "answers"), [(0, 0), (1, 2)])
async def test_pings_are_answered_from_protocol_version_1(version: int, answers: int) -> None:
    """Go's client closes a stream whose pings are not answered within 15 seconds."""
    async with stage() as s, streaming(s, protocol_version=version) as client:
        await client.send()
        await client.send()
        assert len(client.responses) == answers
        assert client.data() == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"subscription": ""}, MISSING.format("subscription")),
        ({"stream_ack_deadline_seconds": 0}, MISSING.format("stream_ack_deadline_seconds")),
        ({"stream_ack_deadline_seconds": 9}, INVALID.format("stream_ack_deadline_seconds")),
        ({"stream_ack_deadline_seconds": 601}, INVALID.format("stream_ack_deadline_seconds")),
        ({"ack_ids": ["x"]}, "You have passed an invalid ack ID to the service (ack_id=x)."),
    ],
)
async def test_a_first_request_that_makes_no_sense_is_refused(
    fields: dict[str, Any], text: str
) -> None:
    async def run(s: Stage) -> None:
        client = await opened(s, **fields)
        assert client.running is not None
        await client.running

    async with stage() as s:
        assert await refused(run(s)) == ("INVALID_ARGUMENT", text)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"client_id": "x"}, INVALID.format("client_id")),
        ({"max_outstanding_messages": 1}, INVALID.format("max_outstanding_messages")),
        ({"max_outstanding_bytes": 1}, INVALID.format("max_outstanding_bytes")),
        ({"protocol_version": 1}, INVALID.format("protocol_version")),
        ({"subscription": f"{PROJECT}/subscriptions/other"}, INVALID.format("subscription")),
        ({"modify_deadline_ack_ids": ["1-1-1"]}, INVALID.format("modify_deadline_seconds")),
        ({"modify_deadline_ack_ids": ["1-1-1"], "modify_deadline_seconds": [-1]},
         INVALID.format("ack_deadline_seconds")),
        ({"stream_ack_deadline_seconds": 5}, INVALID.format("stream_ack_deadline_seconds")),
        ({"ack_ids": ["x"]}, "You have passed an invalid ack ID to the service (ack_id=x)."),
    ],
)  # fmt: skip
async def test_a_later_request_that_makes_no_sense_ends_the_stream(
    fields: dict[str, Any], text: str
) -> None:
    async with stage() as s:
        client = await opened(s)
        await client.send(**fields)
        assert client.running is not None
        assert await refused(client.running) == ("INVALID_ARGUMENT", text)


async def ended(client: Client) -> str:
    await rest()
    assert client.running is not None
    with pytest.raises(Refusal) as caught:
        await client.running
    return caught.value.code


async def test_a_stream_ends_with_its_subscription() -> None:
    """Deleted: NOT_FOUND; detached: FAILED_PRECONDITION; Google's clients then stop."""
    async with stage() as s:
        client = await opened(s)
        request = m.DetachSubscriptionRequest(subscription=SUBSCRIPTION)
        await s.publisher.detach_subscription(request)
        assert await ended(client) == "FAILED_PRECONDITION"
        assert (await refused(opened(s)))[0] == "FAILED_PRECONDITION"
    async with stage() as s:
        client = await opened(s)
        await s.subscriber.delete_subscription(
            m.DeleteSubscriptionRequest(subscription=SUBSCRIPTION)
        )
        assert await ended(client) == "NOT_FOUND"
        assert (await refused(opened(s)))[0] == "NOT_FOUND"


async def test_a_stopping_server_ends_its_streams_with_unavailable() -> None:
    """So that clients open them again."""
    async with stage() as s:
        client = await opened(s)
        await s.server.stop()
        assert await ended(client) == "UNAVAILABLE"

"""What happens to messages is told, and who holds which can be asked."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from queuewright.pubsub import events
from queuewright.pubsub.api.held import held_messages
from queuewright.pubsub.delivery.taker import Poller
from queuewright.pubsub.protocol import messages as m
from tests.pubsub.stage import DEAD, SUBSCRIPTION, TOPIC, Stage, stage

POLICY = m.DeadLetterPolicy(dead_letter_topic=DEAD, max_delivery_attempts=5)


def told(s: Stage) -> list[tuple[str, Any]]:
    """Each event's kind and, for deliveries, the attempt."""
    found = [(each.kind, getattr(each, "attempt", None)) for each in s.events]
    s.events.clear()
    return found


async def held(s: Stage, **request: Any) -> dict[str, Any]:
    asked = Struct()
    asked.update({"subscription": SUBSCRIPTION, **request})
    return MessageToDict(await held_messages(s.subscriber, asked))


async def pull(s: Stage, client: str) -> list[str]:
    request = m.PullRequest(subscription=SUBSCRIPTION, max_messages=1, return_immediately=True)
    response = await s.subscriber.pull(request, poller=Poller(client))
    return [each.ack_id for each in response.received_messages]


async def test_a_messages_life_is_told() -> None:
    """Published, taken by whom, extended, done."""
    async with stage() as s:
        (number,) = await s.publish(b"a")
        (ack_id,) = await pull(s, "reporter 1")
        await s.modify(60, ack_id)
        await s.ack(ack_id)
        published, taken, extended, done = s.events
        assert isinstance(published, events.MessagePublished)
        assert (published.topic, published.subscriptions) == (TOPIC, 1)
        assert isinstance(taken, events.MessageTaken)
        assert (taken.message, taken.holder, taken.attempt) == (number, "reporter 1", 1)
        assert taken.until_us == taken.time_us + 10_000_000
        assert isinstance(extended, events.LeaseExtended)
        assert extended.until_us == extended.time_us + 60_000_000
        assert isinstance(done, events.MessageAcknowledged)
        assert (done.holder, done.attempt) == ("reporter 1", 1)


async def test_an_acknowledgement_of_nothing_is_not_told() -> None:
    """The message is gone already."""
    async with stage() as s:
        await s.publish(b"a")
        (ack_id,) = await pull(s, "reporter")
        await s.ack(ack_id)
        s.events.clear()
        await s.ack(ack_id)
        assert s.events == []


async def test_failed_deliveries_say_why_and_when_the_next_one_is() -> None:
    """Given back, or the lease ended; the last one made a dead letter of the message."""
    async with stage(ready=False) as s:
        await s.topic()
        await s.topic(DEAD)
        await s.subscription(
            retry_policy=m.RetryPolicy(minimum_backoff={"seconds": 20}), dead_letter_policy=POLICY
        )
        await s.publish(b"a")
        (ack_id,) = await pull(s, "reporter")
        s.events.clear()
        await s.modify(0, ack_id)
        (failed,) = s.events
        assert isinstance(failed, events.DeliveryFailed)
        assert (failed.is_given_back, failed.holder, failed.max_attempts) == (True, "reporter", 5)
        assert failed.again_us is not None
        assert failed.again_us - failed.time_us == 20_000_000
        for _ in range(4):
            await s.advance("10m")
            await pull(s, "reporter")
        s.events.clear()
        await s.advance("10s")
        (failed,) = s.events
        assert isinstance(failed, events.DeliveryFailed)
        assert (failed.is_given_back, failed.attempt, failed.again_us) == (False, 5, None)


async def test_who_holds_what_can_be_asked() -> None:
    """With the state of each message, and how many there are."""
    async with stage() as s:
        await s.publish(b"a", b"bb", b"ccc")
        await pull(s, "reporter 1")
        (returned,) = await pull(s, "reporter 2")
        await s.modify(0, returned)
        answer = await held(s)
        assert (answer["total"], answer["leased"]) == (3, 1)
        first, second, third = answer["messages"]
        assert (first["state"], first["holder"], first["attempt"]) == ("leased", "reporter 1", 1)
        assert first["until_us"] == s.clock.now_us() + 10_000_000
        assert (second["state"], second["holder"], second["attempt"]) == ("ready", "", 1)
        assert (third["state"], third["attempt"], third["bytes"]) == ("ready", 0, 3)
        assert [each["id"] for each in (await held(s, limit=1))["messages"]] == [first["id"]]
        await s.advance("10s")
        assert (await held(s, limit=0))["leased"] == 0


async def test_messages_behind_another_one_are_shown() -> None:
    """Only the first of a key can be taken."""
    async with stage(ready=False) as s:
        await s.topic()
        await s.subscription(enable_message_ordering=True)
        await s.publish(b"a", b"b", key="k")
        answer = await held(s)
        assert [each["state"] for each in answer["messages"]] == ["ready", "behind"]
        assert answer["messages"][1]["ordering_key"] == "k"
        assert told(s) == [("Publish", None), ("Publish", None)]


async def test_messages_that_are_only_in_the_file_are_shown_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rest of a large backlog."""
    monkeypatch.setattr("queuewright.pubsub.delivery.subscription._WINDOW", 2)
    async with stage() as s:
        numbers = await s.publish(*(b"x" for _ in range(6)))
        answer = await held(s)
        assert answer["total"] == 6
        assert [each["id"] for each in answer["messages"]] == numbers
        (first,) = await s.pull(most=1)
        answer = await held(s, limit=4)
        assert (answer["total"], answer["leased"]) == (6, 1)
        assert [each["id"] for each in answer["messages"]] == numbers[:4]
        await s.ack(first.ack_id)
        assert [each["id"] for each in (await held(s, limit=1))["messages"]] == [numbers[1]]

"""Messages: publishing, pulling, acknowledging, redelivery, dead letters, seeking."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from queuewright.pubsub.protocol import messages as m
from tests.pubsub.stage import DEAD, PROJECT, SUBSCRIPTION, TOPIC, Stage, refused, stage

OTHER = f"{PROJECT}/subscriptions/other"
S = 1_000_000


async def test_a_message_arrives_as_it_was_published() -> None:
    async with stage() as s:
        sent = m.PubsubMessage(data=b"hello", attributes={"kind": "pdf"}, ordering_key="k")
        sent.message_id, sent.publish_time.seconds = "mine", 1
        (number,) = (
            await s.publisher.publish(m.PublishRequest(topic=TOPIC, messages=[sent]))
        ).message_ids
        (received,) = await s.pull()
        message = received.message
        assert (message.data, dict(message.attributes)) == (b"hello", {"kind": "pdf"})
        assert (message.message_id, message.ordering_key) == (number, "k")
        assert message.publish_time.ToMicroseconds() == s.clock.now_us()
        assert received.delivery_attempt == 0


async def test_ids_come_in_the_order_of_the_messages() -> None:
    async with stage() as s:
        ids = await s.publish(b"a", b"b", b"c")
        assert [each.message.message_id for each in await s.pull()] == ids
        assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({}, "A message must have data or at least one attribute."),
        ({"ordering_key": "k"}, "A message must have data or at least one attribute."),
        ({"attributes": {"": "x"}}, "An attribute's key must not be empty."),
        ({"attributes": {"googol": "x"}}, "The attribute `googol` must not start with `goog`."),
        ({"attributes": {"k" * 257: "x"}},
         "The value for 257 is too large. You passed attribute_key_size in the request, but the "
         "maximum value is 256."),
        ({"attributes": {"k": "é" * 513}},
         "The value for 1026 is too large. You passed attribute_value_size in the request, but "
         "the maximum value is 1024."),
        ({"attributes": {str(n): "x" for n in range(101)}},
         "The value for 101 is too large. You passed attribute_count in the request, but the "
         "maximum value is 100."),
        ({"data": b"x", "ordering_key": "k" * 1025},
         "The value for 1025 is too large. You passed ordering_key_size in the request, but the "
         "maximum value is 1024."),
        ({"data": b"x" * 10_000_001},
         "The value for 10000001 is too large. You passed message_size in the request, but the "
         "maximum value is 10000000."),
    ],
)  # fmt: skip
async def test_a_bad_message_fails_its_whole_request(message: dict[str, Any], text: str) -> None:
    async with stage() as s:
        messages = [m.PubsubMessage(data=b"good"), m.PubsubMessage(**message)]
        call = s.publisher.publish(m.PublishRequest(topic=TOPIC, messages=messages))
        assert await refused(call) == ("INVALID_ARGUMENT", text)
        assert await s.pull() == []


async def test_attributes_that_googles_clients_add_pass() -> None:
    """A client with tracing adds one to every message."""
    async with stage() as s:
        await s.publish(b"traced", googclient_traceparent="00-1-2-01")
        (received,) = await s.pull()
        assert received.message.attributes["googclient_traceparent"] == "00-1-2-01"


async def test_a_request_has_1_to_1000_messages_and_10_mb() -> None:
    async with stage() as s:
        assert await refused(s.publish()) == (
            "INVALID_ARGUMENT",
            "The value for message_count is too small. You passed 0 in the request, but the "
            "minimum value is 1.",
        )
        assert await refused(s.publish(*[b"x"] * 1001)) == (
            "INVALID_ARGUMENT",
            "The value for 1001 is too large. You passed message_count in the request, but the "
            "maximum value is 1000.",
        )
        _, text = await refused(s.publish(b"x" * 6_000_000, b"x" * 6_000_000))
        assert "You passed request_size in the request" in text
        await s.publish(*[b"x"] * 1000)
        await s.publish(b"x" * 9_900_000)


@pytest.mark.parametrize(
    ("most", "text"),
    [
        (0, 'A required argument is missing in the request: (argument="max_messages").'),
        (-1, "You have passed an invalid argument to the service (argument=max_messages)."),
    ],
)
async def test_a_pull_asks_for_a_positive_number(most: int, text: str) -> None:
    async with stage() as s:
        assert await refused(s.pull(most=most)) == ("INVALID_ARGUMENT", text)


async def test_a_pull_gets_at_most_what_it_asks_for() -> None:
    async with stage() as s:
        await s.publish(b"a", b"b", b"c")
        assert await s.data(most=2) == [b"a", b"b"]
        assert await s.data() == [b"c"]
        assert await s.data() == []


async def test_a_pull_waits_for_a_message() -> None:
    async with stage() as s:
        pull = asyncio.create_task(
            s.subscriber.pull(m.PullRequest(subscription=SUBSCRIPTION, max_messages=5))
        )
        await s.advance("5s")
        assert not pull.done()
        await s.publish(b"a")
        assert [each.message.data for each in (await pull).received_messages] == [b"a"]


@pytest.mark.parametrize(("remaining_us", "waits"), [(None, "20s"), (2 * S, "1.75s")])
async def test_a_pull_does_not_wait_forever(remaining_us: int | None, waits: str) -> None:
    """20 seconds, or until just before its client gives up."""
    async with stage() as s:
        request = m.PullRequest(subscription=SUBSCRIPTION, max_messages=5)
        pull = asyncio.create_task(s.subscriber.pull(request, remaining_us))
        await s.advance("1.7s")
        assert not pull.done()
        await s.advance(waits)
        assert list((await pull).received_messages) == []


async def test_a_cancelled_pull_leaves_nothing_leased() -> None:
    """Whether it was cancelled before or after messages were chosen for it."""
    async with stage() as s:
        request = m.PullRequest(subscription=SUBSCRIPTION, max_messages=5)
        pull = asyncio.create_task(s.subscriber.pull(request))
        await asyncio.sleep(0)
        await s.publish(b"a")
        await asyncio.sleep(0)
        pull.cancel()
        await asyncio.wait([pull])
        assert pull.cancelled()
        assert await s.data() == [b"a"]


async def test_a_message_goes_to_every_subscription_and_to_one_pull_of_each() -> None:
    async with stage() as s:
        await s.subscription(OTHER)
        await s.publish(b"a")
        assert (await s.data(), await s.data(OTHER)) == ([b"a"], [b"a"])
        assert (await s.data(), await s.data(OTHER)) == ([], [])


async def test_a_message_is_stored_as_long_as_a_subscription_needs_it() -> None:
    async with stage() as s:
        await s.subscription(OTHER)
        await s.publish(b"a")
        await s.ack((await s.pull())[0].ack_id)
        (received,) = await s.pull(OTHER)
        assert received.message.data == b"a"
        await s.ack(received.ack_id, name=OTHER)
        for table in ("message", "content", "delivery"):
            assert s.server._store._database.execute(f"SELECT * FROM {table}").fetchall() == []


async def test_messages_from_before_a_subscription_do_not_reach_it() -> None:
    async with stage() as s:
        await s.publish(b"early")
        await s.subscription(OTHER)
        await s.publish(b"late")
        assert await s.data(OTHER) == [b"late"]


async def test_a_leased_message_comes_again_after_the_ack_deadline() -> None:
    async with stage() as s:
        await s.publish(b"a")
        (first,) = await s.pull()
        await s.advance("9.999999s")
        assert await s.pull() == []
        await s.advance("0.000001s")
        (second,) = await s.pull()
        assert first.ack_id != second.ack_id
        await s.ack(first.ack_id)  # outdated: ignored
        await s.advance("10s")
        assert len(await s.pull()) == 1


async def test_an_acknowledged_message_is_gone_and_a_second_time_is_no_error() -> None:
    async with stage() as s:
        await s.publish(b"a")
        (received,) = await s.pull()
        await s.ack(received.ack_id)
        await s.ack(received.ack_id)
        await s.advance("1h")
        assert await s.pull() == []


async def test_a_deadline_is_extended_and_given_up() -> None:
    async with stage() as s:
        await s.publish(b"a")
        (received,) = await s.pull()
        await s.modify(600, received.ack_id)
        await s.advance("599s")
        assert await s.pull() == []
        await s.modify(1, received.ack_id)
        await s.advance("1s")
        (received,) = await s.pull()
        await s.modify(0, received.ack_id)
        assert await s.data() == [b"a"]


@pytest.mark.parametrize("seconds", [-1, 601])
async def test_a_deadline_has_a_range(seconds: int) -> None:
    async with stage() as s:
        await s.publish(b"a")
        (received,) = await s.pull()
        text = "You have passed an invalid argument to the service (argument=ack_deadline_seconds)."
        call = s.modify(seconds, received.ack_id)
        assert await refused(call) == ("INVALID_ARGUMENT", text)


async def test_ack_ids_are_required() -> None:
    async with stage() as s:
        text = 'A required argument is missing in the request: (argument="ack_ids").'
        assert await refused(s.ack()) == ("INVALID_ARGUMENT", text)
        assert await refused(s.modify(10)) == ("INVALID_ARGUMENT", text)


@pytest.mark.parametrize("made_up", ["", "made-up", "1-2", "2-3-x", "999999-3-1", "2-999999-1"])
async def test_a_made_up_ack_id_fails_its_whole_request(made_up: str) -> None:
    async with stage() as s:
        await s.publish(b"a")
        (received,) = await s.pull()
        text = f"You have passed an invalid ack ID to the service (ack_id={made_up})."
        for call in (s.ack(received.ack_id, made_up), s.modify(0, received.ack_id, made_up)):
            assert await refused(call) == ("INVALID_ARGUMENT", text)
        assert await s.pull() == []


async def test_an_ack_id_belongs_to_its_subscription() -> None:
    """That of another one is a mistake; that of a deleted one is only outdated."""
    async with stage() as s:
        await s.subscription(OTHER)
        await s.publish(b"a")
        (received,) = await s.pull()
        assert (await refused(s.ack(received.ack_id, name=OTHER)))[0] == "INVALID_ARGUMENT"
        assert await s.data(OTHER) == [b"a"]
        request = m.DeleteSubscriptionRequest(subscription=SUBSCRIPTION)
        await s.subscriber.delete_subscription(request)
        await s.ack(received.ack_id, name=OTHER)


async def test_ack_requests_have_a_size() -> None:
    async with stage() as s:
        _, text = await refused(s.ack(*["1-1-1"] * 80_000))
        assert "You passed request_size in the request, but the maximum value is 524288." in text


async def test_a_filter_lets_only_its_messages_pass() -> None:
    async with stage(ready=False) as s:
        await s.topic()
        await s.subscription(filter='attributes.kind = "pdf"')
        await s.publish(b"no", kind="csv")
        await s.publish(b"yes", kind="pdf")
        await s.publish(b"none")
        assert await s.data() == [b"yes"]


async def test_ordered_messages_come_one_by_one() -> None:
    async with stage(ready=False) as s:
        await s.topic()
        await s.subscription(enable_message_ordering=True)
        await s.publish(b"1", b"2", key="a")
        await s.publish(b"3")
        first, free = await s.pull()
        assert (first.message.data, free.message.data) == (b"1", b"3")
        await s.ack(first.ack_id)
        assert await s.data() == [b"2"]


def retry(least: int, most: int) -> m.RetryPolicy:
    return m.RetryPolicy(
        minimum_backoff=Duration(seconds=least), maximum_backoff=Duration(seconds=most)
    )


async def test_a_retry_policy_delays_a_failed_message() -> None:
    async with stage(ready=False) as s:
        await s.topic()
        await s.subscription(retry_policy=retry(5, 8))
        await s.publish(b"a")
        for wait in ("5s", "8s", "8s"):
            await s.modify(0, (await s.pull())[0].ack_id)
            span_us = int(wait[:-1]) * S - 1
            await s.advance(f"{span_us / S:.6f}s")
            assert await s.pull() == []
            await s.advance("0.000001s")


async def dead_letters(s: Stage) -> None:
    await s.topic()
    await s.topic(DEAD)
    await s.subscription(OTHER, DEAD)
    policy = m.DeadLetterPolicy(dead_letter_topic=DEAD, max_delivery_attempts=5)
    await s.subscription(dead_letter_policy=policy)


async def test_a_message_that_fails_too_often_is_a_dead_letter() -> None:
    """After nacks and after leases that ran out, even when nobody pulls."""
    async with stage(ready=False) as s:
        await dead_letters(s)
        published = s.clock.now_us()
        await s.publish(b"a", kind="pdf", key="k")
        for attempt in range(1, 6):
            (received,) = await s.pull()
            assert received.delivery_attempt == attempt
            if attempt % 2:
                await s.advance("10s")
            else:
                await s.modify(0, received.ack_id)
        assert await s.pull() == []
        (letter,) = await s.pull(OTHER)
        assert (letter.message.data, letter.message.ordering_key) == (b"a", "k")
        attributes = dict(letter.message.attributes)
        assert attributes == {
            "kind": "pdf",
            "CloudPubSubDeadLetterSourceDeliveryCount": "5",
            "CloudPubSubDeadLetterSourceSubscription": "reports",
            "CloudPubSubDeadLetterSourceSubscriptionProject": "acme",
            "CloudPubSubDeadLetterSourceTopicPublishTime": "2026-01-01T00:00:00Z",
        }
        assert letter.message.publish_time.ToMicroseconds() == published + 30 * S


async def test_without_its_dead_letter_topic_no_message_is_lost() -> None:
    async with stage(ready=False) as s:
        await dead_letters(s)
        await s.publish(b"a")
        await s.publisher.delete_topic(m.DeleteTopicRequest(topic=DEAD))
        for _ in range(7):
            await s.modify(0, (await s.pull())[0].ack_id)
        await s.topic(DEAD)
        (received,) = await s.pull()
        assert received.delivery_attempt == 8
        await s.modify(0, received.ack_id)
        assert await s.pull() == []


async def test_a_changed_policy_counts_from_the_next_failure() -> None:
    async with stage() as s:
        await s.publish(b"a")
        (received,) = await s.pull()
        request = m.UpdateSubscriptionRequest(
            subscription=m.Subscription(name=SUBSCRIPTION, retry_policy=retry(30, 30)),
            update_mask=FieldMask(paths=["retry_policy"]),
        )
        await s.subscriber.update_subscription(request)
        await s.modify(0, received.ack_id)
        await s.advance("29s")
        assert await s.pull() == []
        await s.advance("1s")
        assert await s.data() == [b"a"]


@pytest.mark.parametrize("ahead", ["0s", "1h"])
async def test_a_seek_to_now_or_later_purges(ahead: str) -> None:
    """Waiting and leased messages; the leases end."""
    async with stage() as s:
        await s.publish(b"leased")
        (received,) = await s.pull()
        await s.publish(b"waiting")
        await s.seek(s.clock.now_us() + int(ahead[:-1]) * 3_600 * S)
        await s.publish(b"new")
        assert await s.data() == [b"new"]
        await s.ack(received.ack_id)
        await s.advance("10s")
        assert await s.data() == [b"new"]


async def test_a_seek_to_a_time_acknowledges_what_is_older() -> None:
    async with stage() as s:
        await s.publish(b"old")
        await s.advance("1s")
        await s.publish(b"new")
        await s.seek(s.clock.now_us() - 1)
        assert await s.data() == [b"new"]


async def test_a_seek_back_brings_back_what_was_kept() -> None:
    """Only with `retain_acked_messages`; ack ids stay unique."""
    async with stage(ready=False) as s:
        await s.topic()
        await s.subscription(retain_acked_messages=True)
        await s.subscription(OTHER)
        await s.publish(b"a")
        first, other = (await s.pull())[0], (await s.pull(OTHER))[0]
        await s.ack(first.ack_id)
        await s.ack(other.ack_id, name=OTHER)
        assert await s.pull() == []
        back_us = s.clock.now_us() - S
        await s.advance("1s")
        await s.seek(back_us)
        await s.seek(back_us, OTHER)
        (again,) = await s.pull()
        assert again.message.data == b"a"
        assert again.ack_id != first.ack_id
        assert await s.pull(OTHER) == []


async def test_a_seek_needs_a_target() -> None:
    async with stage() as s:
        call = s.subscriber.seek(m.SeekRequest(subscription=SUBSCRIPTION))
        text = 'A required argument is missing in the request: (argument="target").'
        assert await refused(call) == ("INVALID_ARGUMENT", text)
        request = m.SeekRequest(subscription=SUBSCRIPTION, snapshot=f"{PROJECT}/snapshots/s")
        text = "Seeking to a snapshot is not emulated."
        assert await refused(s.subscriber.seek(request)) == ("UNIMPLEMENTED", text)
        request = m.SeekRequest(subscription=SUBSCRIPTION)
        request.time.seconds = 2**62
        text = "You have passed an invalid argument to the service (argument=time)."
        assert await refused(s.subscriber.seek(request)) == ("INVALID_ARGUMENT", text)


async def test_a_message_is_dropped_at_its_maximum_age() -> None:
    """A leased one, too."""
    async with stage(ready=False) as s:
        await s.topic()
        await s.subscription(message_retention_duration=Duration(seconds=600))
        await s.subscription(OTHER)
        await s.publish(b"a", b"b")
        await s.pull(most=1)
        await s.advance("9m59s")
        await s.publish(b"c")
        assert len(await s.pull(most=1)) == 1
        await s.advance("1s")
        assert await s.data() == [b"c"]
        assert await s.data(OTHER) == [b"a", b"b", b"c"]


async def test_what_was_acknowledged_survives_the_end_of_the_process(tmp_path: Path) -> None:
    """Messages, leases with their ends, failures, acknowledgements; ack ids stay valid."""
    async with stage(state=tmp_path) as s:
        await s.publish(b"acked", b"leased", b"failed", b"waiting", b"acked later")
        acked, leased, failed, late = await s.pull(most=3) + (await s.pull())[1:]
        await s.ack(acked.ack_id)
        await s.modify(60, leased.ack_id, late.ack_id)
        await s.modify(0, failed.ack_id)
        clock = s.clock
    async with stage(state=tmp_path, clock=clock, ready=False) as s:
        assert await s.data() == [b"failed"]
        await s.ack(late.ack_id)
        await s.advance("10s")
        assert sorted(await s.data()) == [b"failed", b"waiting"]
        await s.advance("50s")
        assert b"leased" in await s.data()
        (new,) = await s.publish(b"new")
        assert new not in {each.message.message_id for each in (acked, leased, failed, late)}


async def test_topics_and_subscriptions_survive(tmp_path: Path) -> None:
    async with stage(state=tmp_path) as s:
        await s.publisher.delete_topic(m.DeleteTopicRequest(topic=TOPIC))
        await s.topic(DEAD)
        await s.subscription(OTHER, DEAD, filter="attributes:x")
    async with stage(state=tmp_path, ready=False) as s:
        listed = await s.publisher.list_topics(m.ListTopicsRequest(project=PROJECT))
        assert [topic.name for topic in listed.topics] == [DEAD]
        found = await s.subscriber.list_subscriptions(m.ListSubscriptionsRequest(project=PROJECT))
        assert [each.topic for each in found.subscriptions] == [DEAD, "_deleted-topic_"]
        await s.publish(b"a", topic=DEAD)
        await s.publish(b"b", topic=DEAD, x="")
        assert await s.data(OTHER) == [b"b"]


async def test_a_shorter_age_counts_although_a_longer_one_was_planned() -> None:
    """That of a new subscription, and that of an update."""
    async with stage() as s:
        await s.publish(b"a")
        await s.advance("2m")
        await s.subscription(OTHER, message_retention_duration=Duration(seconds=600))
        await s.publish(b"b")
        await s.advance("12m")
        assert await s.data(OTHER) == []
        wanted = m.Subscription(name=SUBSCRIPTION, message_retention_duration=Duration(seconds=600))
        request = m.UpdateSubscriptionRequest(
            subscription=wanted, update_mask=FieldMask(paths=["message_retention_duration"])
        )
        await s.subscriber.update_subscription(request)
        await s.advance("1m")
        assert await s.data() == []

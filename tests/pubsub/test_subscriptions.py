"""Subscriptions: configuration, defaults, ranges, masks, and how they end."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from queuewright.pubsub.protocol import messages as m
from tests.pubsub.stage import DEAD, PROJECT, SUBSCRIPTION, TOPIC, refused, stage


async def test_a_subscription_gets_googles_defaults() -> None:
    async with stage(ready=False) as s:
        await s.topic()
        created = await s.subscription(
            retry_policy=m.RetryPolicy(), expiration_policy=m.ExpirationPolicy()
        )
        assert created.ack_deadline_seconds == 10
        assert created.message_retention_duration.seconds == 7 * 86_400
        assert created.retry_policy.minimum_backoff.seconds == 10
        assert created.retry_policy.maximum_backoff.seconds == 600
        assert not created.expiration_policy.HasField("ttl")  # never
        assert created.state == 1
        other = await s.subscription(f"{PROJECT}/subscriptions/other")
        assert other.expiration_policy.ttl.seconds == 2_678_400
        request = m.GetSubscriptionRequest(subscription=SUBSCRIPTION)
        assert await s.subscriber.get_subscription(request) == created


async def test_a_subscription_needs_its_topic_and_a_name_of_its_own() -> None:
    async with stage(ready=False) as s:
        assert await refused(s.subscription()) == (
            "NOT_FOUND",
            "Resource not found (resource=reports).",
        )
        await s.topic()
        await s.subscription()
        assert (await refused(s.subscription()))[0] == "ALREADY_EXISTS"
        assert (await refused(s.subscription("reports")))[0] == "INVALID_ARGUMENT"


async def test_without_a_name_the_server_picks_one() -> None:
    async with stage(ready=False) as s:
        await s.topic()
        first, second = await s.subscription(""), await s.subscription("")
        assert first.name.startswith(f"{PROJECT}/subscriptions/sub-")
        assert first.name != second.name


def policy(attempts: int, topic: str = DEAD) -> m.DeadLetterPolicy:
    return m.DeadLetterPolicy(dead_letter_topic=topic, max_delivery_attempts=attempts)


def retry(least: int, most: int) -> m.RetryPolicy:
    return m.RetryPolicy(
        minimum_backoff=Duration(seconds=least), maximum_backoff=Duration(seconds=most)
    )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"ack_deadline_seconds": 9}, "`ack_deadline_seconds` must be between 10 and 600, not 9."),
        ({"ack_deadline_seconds": 601},
         "`ack_deadline_seconds` must be between 10 and 600, not 601."),
        ({"ack_deadline_seconds": -1},
         "`ack_deadline_seconds` must be between 10 and 600, not -1."),
        ({"message_retention_duration": Duration(seconds=599)},
         "`message_retention_duration` must be at least 600s, not 599s."),
        ({"message_retention_duration": Duration(seconds=2_678_401)},
         "`message_retention_duration` must be at most 2678400s, not 2678401s."),
        ({"message_retention_duration": Duration(seconds=1, nanos=-1)},
         "`message_retention_duration` is not a valid duration."),
        ({"expiration_policy": m.ExpirationPolicy(ttl=Duration(seconds=86_399))},
         "`expiration_policy.ttl` must be at least 86400s, not 86399s."),
        ({"retry_policy": retry(-1, 5)},
         "`retry_policy.minimum_backoff` must be at least 0s, not -1s."),
        ({"retry_policy": retry(1, 601)},
         "`retry_policy.maximum_backoff` must be at most 600s, not 601s."),
        ({"retry_policy": retry(6, 5)},
         "`retry_policy.minimum_backoff` must not be more than `maximum_backoff`."),
        ({"dead_letter_policy": policy(4)},
         "`dead_letter_policy.max_delivery_attempts` must be between 5 and 100, not 4."),
        ({"dead_letter_policy": policy(101)},
         "`dead_letter_policy.max_delivery_attempts` must be between 5 and 100, not 101."),
        ({"filter": "kind = 1"},
         "Invalid filter 'kind = 1': expected a comparison such as "
         "`attributes.kind = \"report\"`, not `kind` (at character 1)."),
    ],
)  # fmt: skip
async def test_each_field_of_a_subscription_has_its_range(
    fields: dict[str, Any], text: str
) -> None:
    async with stage(ready=False) as s:
        await s.topic()
        await s.topic(DEAD)
        assert await refused(s.subscription(**fields)) == ("INVALID_ARGUMENT", text)


async def test_a_dead_letter_topic_must_exist() -> None:
    async with stage(ready=False) as s:
        await s.topic()
        call = s.subscription(dead_letter_policy=policy(5))
        assert await refused(call) == ("NOT_FOUND", "Resource not found (resource=dead).")
        await s.topic(DEAD)
        created = await s.subscription(dead_letter_policy=policy(0))
        assert created.dead_letter_policy.max_delivery_attempts == 5


@pytest.mark.parametrize(
    "field", ["push_config", "bigquery_config", "cloud_storage_config", "bigtable_config",
              "message_transforms"],
)  # fmt: skip
async def test_what_a_subscription_cannot_have_here_is_refused(field: str) -> None:
    async with stage(ready=False) as s:
        await s.topic()
        asked = m.Subscription(name=SUBSCRIPTION, topic=TOPIC)
        if field == "message_transforms":
            asked.message_transforms.add()
        elif field == "push_config":
            asked.push_config.push_endpoint = "https://worker.example/"  # type: ignore[attr-defined]
        else:
            getattr(asked, field).SetInParent()
        code, text = await refused(s.subscriber.create_subscription(asked))
        assert code == "UNIMPLEMENTED"
        assert f"(`{field}`) is not emulated." in text


async def test_an_empty_push_config_means_pull() -> None:
    async with stage(ready=False) as s:
        await s.topic()
        asked = m.Subscription(name=SUBSCRIPTION, topic=TOPIC)
        asked.push_config.SetInParent()  # type: ignore[attr-defined]
        created = await s.subscriber.create_subscription(asked)
        assert not created.HasField("push_config")


async def update(s: Any, wanted: m.Subscription, *paths: str) -> m.Subscription:
    request = m.UpdateSubscriptionRequest(subscription=wanted, update_mask=FieldMask(paths=paths))
    updated: m.Subscription = await s.subscriber.update_subscription(request)
    return updated


async def test_an_update_of_a_subscription_writes_what_its_mask_names() -> None:
    async with stage() as s:
        wanted = m.Subscription(
            name=SUBSCRIPTION, ack_deadline_seconds=60, retry_policy=retry(1, 20)
        )
        updated = await update(s, wanted, "ack_deadline_seconds")
        assert updated.ack_deadline_seconds == 60
        assert not updated.HasField("retry_policy")
        updated = await update(s, wanted, "retryPolicy.maximumBackoff")
        assert updated.retry_policy == retry(10, 20)
        updated = await update(s, m.Subscription(name=SUBSCRIPTION), "retry_policy")
        assert not updated.HasField("retry_policy")


@pytest.mark.parametrize(
    ("paths", "text"),
    [
        ([], 'A required argument is missing in the request: (argument="update_mask").'),
        (["topic"], "`topic` cannot be updated."),
        (["filter"], "`filter` cannot be updated."),
        (["enable_message_ordering"], "`enable_message_ordering` cannot be updated."),
        (["detached"], "`detached` cannot be updated."),
        (["*"], "Invalid update_mask provided in the request: `*`."),
        (["push_config.oidc_token.audience.more"],
         "Invalid update_mask provided in the request: `push_config.oidc_token.audience.more`."),
        (["retry_policy.nothing"],
         "Invalid update_mask provided in the request: `retry_policy.nothing`."),
    ],
)  # fmt: skip
async def test_a_mask_of_a_subscription_that_makes_no_sense_is_refused(
    paths: list[str], text: str
) -> None:
    async with stage() as s:
        call = update(s, m.Subscription(name=SUBSCRIPTION), *paths)
        assert await refused(call) == ("INVALID_ARGUMENT", text)


async def test_a_refused_update_changes_nothing() -> None:
    async with stage() as s:
        wanted = m.Subscription(name=SUBSCRIPTION, ack_deadline_seconds=5)
        await refused(update(s, wanted, "ack_deadline_seconds"))
        request = m.GetSubscriptionRequest(subscription=SUBSCRIPTION)
        assert (await s.subscriber.get_subscription(request)).ack_deadline_seconds == 10


async def test_subscriptions_are_listed_by_name_in_pages() -> None:
    async with stage(ready=False) as s:
        await s.topic()
        for name in ("ccc", "aaa", "bbb"):
            await s.subscription(f"{PROJECT}/subscriptions/{name}")
        first = await s.subscriber.list_subscriptions(
            m.ListSubscriptionsRequest(project=PROJECT, page_size=2)
        )
        assert [each.name[-3:] for each in first.subscriptions] == ["aaa", "bbb"]
        rest = await s.subscriber.list_subscriptions(
            m.ListSubscriptionsRequest(project=PROJECT, page_token=first.next_page_token)
        )
        assert [each.name[-3:] for each in rest.subscriptions] == ["ccc"]
        listed = await s.publisher.list_topic_subscriptions(
            m.ListTopicSubscriptionsRequest(topic=TOPIC, page_size=1)
        )
        assert list(listed.subscriptions) == [f"{PROJECT}/subscriptions/aaa"]


async def test_a_deleted_subscription_drops_its_messages() -> None:
    async with stage() as s:
        await s.publish(b"lost")
        request = m.DeleteSubscriptionRequest(subscription=SUBSCRIPTION)
        await s.subscriber.delete_subscription(request)
        assert (await refused(s.pull()))[0] == "NOT_FOUND"
        assert (await refused(s.subscriber.delete_subscription(request)))[0] == "NOT_FOUND"
        await s.subscription()
        assert await s.data() == []


async def test_a_detached_subscription_gets_nothing_more() -> None:
    async with stage() as s:
        await s.publish(b"lost")
        request = m.DetachSubscriptionRequest(subscription=SUBSCRIPTION)
        await s.publisher.detach_subscription(request)
        get = m.GetSubscriptionRequest(subscription=SUBSCRIPTION)
        assert (await s.subscriber.get_subscription(get)).detached
        assert await refused(s.pull()) == (
            "FAILED_PRECONDITION",
            "The subscription is detached (resource=reports).",
        )
        await s.publish(b"lost too")
        await s.advance("0s")  # the sweeper deletes what was dropped
        assert s.server._store._database.execute("SELECT * FROM content").fetchall() == []


async def test_what_has_no_effect_here_is_shown_as_it_was_set() -> None:
    """But what is output only is not taken from the request."""
    async with stage(ready=False) as s:
        asked = m.Topic(name=TOPIC, tags={"tagKeys/1": "tagValues/2"})
        policy = asked.message_storage_policy
        policy.allowed_persistence_regions.append("europe-west1")  # type: ignore[attr-defined]
        policy.enforce_in_transit = True  # type: ignore[attr-defined]
        topic = await s.publisher.create_topic(asked)
        assert topic.message_storage_policy == asked.message_storage_policy
        assert topic.tags == asked.tags
        subscription = m.Subscription(
            name=SUBSCRIPTION,
            topic=TOPIC,
            labels={"team": "web"},
            tags={"tagKeys/1": "tagValues/2"},
            detached=True,
            topic_message_retention_duration=Duration(seconds=600),
        )
        subscription.analytics_hub_subscription_info.SetInParent()
        created = await s.subscriber.create_subscription(subscription)
        assert dict(created.labels) == {"team": "web"}
        assert dict(created.tags) == {"tagKeys/1": "tagValues/2"}
        assert not created.detached
        assert not created.HasField("topic_message_retention_duration")
        assert not created.HasField("analytics_hub_subscription_info")

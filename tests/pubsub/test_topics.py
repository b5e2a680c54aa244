"""Topics: names, configuration, masks, pages, and what a deleted one leaves behind."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from queuewright.pubsub.protocol import messages as m
from tests.pubsub.stage import PROJECT, SUBSCRIPTION, TOPIC, refused, stage

NAME_HELP = (
    "Refer to https://cloud.google.com/pubsub/docs/admin#resource_names for more information."
)


async def test_a_topic_is_created_once() -> None:
    async with stage(ready=False) as s:
        created = await s.topic(labels={"team": "web"})
        assert (created.name, created.labels["team"], created.state) == (TOPIC, "web", 1)
        assert await s.publisher.get_topic(m.GetTopicRequest(topic=TOPIC)) == created
        assert await refused(s.topic()) == (
            "ALREADY_EXISTS",
            "Resource already exists (resource=reports).",
        )


@pytest.mark.parametrize(
    "name",
    ["", "reports", "projects/p/topics/ab", "projects/p/topics/1abc", "projects/p/topics/googabc",
     "projects/p/topics/a/b", "projects/p/topics/" + "a" * 256, "projects//topics/abc",
     "projects/p/topics/abc\n", "projects/p/subscriptions/abc"],
)  # fmt: skip
async def test_a_malformed_topic_name_is_refused(name: str) -> None:
    async with stage(ready=False) as s:
        text = f"Invalid resource name given (name={name}). {NAME_HELP}"
        assert await refused(s.topic(name)) == ("INVALID_ARGUMENT", text)


async def test_a_missing_topic_is_not_found() -> None:
    async with stage(ready=False) as s:
        expected = ("NOT_FOUND", "Resource not found (resource=reports).")
        assert await refused(s.publisher.get_topic(m.GetTopicRequest(topic=TOPIC))) == expected
        request = m.DeleteTopicRequest(topic=TOPIC)
        assert await refused(s.publisher.delete_topic(request)) == expected
        assert await refused(s.publish(b"x")) == expected
        update = m.UpdateTopicRequest(topic=m.Topic(name=TOPIC), update_mask=mask("labels"))
        assert await refused(s.publisher.update_topic(update)) == expected
        subscriptions = m.ListTopicSubscriptionsRequest(topic=TOPIC)
        assert await refused(s.publisher.list_topic_subscriptions(subscriptions)) == expected


def mask(*paths: str) -> FieldMask:
    return FieldMask(paths=paths)


async def test_an_update_of_a_topic_writes_what_its_mask_names() -> None:
    async with stage(ready=False) as s:
        await s.topic(labels={"a": "1"})
        wanted = m.Topic(name=TOPIC, labels={"b": "2"})
        wanted.message_retention_duration.FromSeconds(600)
        request = m.UpdateTopicRequest(topic=wanted, update_mask=mask("messageRetentionDuration"))
        updated = await s.publisher.update_topic(request)
        assert dict(updated.labels) == {"a": "1"}
        assert updated.message_retention_duration.seconds == 600
        request = m.UpdateTopicRequest(topic=wanted, update_mask=mask("labels"))
        assert dict((await s.publisher.update_topic(request)).labels) == {"b": "2"}


@pytest.mark.parametrize(
    ("paths", "text"),
    [
        ([], 'A required argument is missing in the request: (argument="update_mask").'),
        (["colour"], "Invalid update_mask provided in the request: `colour`."),
        (["labels.a"], "Invalid update_mask provided in the request: `labels.a`."),
        (["name"], "`name` cannot be updated."),
    ],
)
async def test_a_mask_of_a_topic_that_makes_no_sense_is_refused(
    paths: list[str], text: str
) -> None:
    async with stage(ready=False) as s:
        await s.topic()
        request = m.UpdateTopicRequest(topic=m.Topic(name=TOPIC), update_mask=mask(*paths))
        assert await refused(s.publisher.update_topic(request)) == ("INVALID_ARGUMENT", text)


@pytest.mark.parametrize("seconds", [599, 2_678_401])
async def test_a_topics_retention_has_a_range(seconds: int) -> None:
    async with stage(ready=False) as s:
        topic = m.Topic(name=TOPIC)
        topic.message_retention_duration.FromSeconds(seconds)
        code, text = await refused(s.publisher.create_topic(topic))
        assert code == "INVALID_ARGUMENT"
        assert text.startswith("`message_retention_duration` must be at ")


@pytest.mark.parametrize(
    "field", ["kms_key_name", "schema_settings", "ingestion_data_source_settings",
              "message_transforms"]
)  # fmt: skip
async def test_what_a_topic_cannot_have_here_is_refused(field: str) -> None:
    async with stage(ready=False) as s:
        topic = m.Topic(name=TOPIC)
        if field == "kms_key_name":
            topic.kms_key_name = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
        elif field == "message_transforms":
            topic.message_transforms.add()
        else:
            getattr(topic, field).SetInParent()
        code, text = await refused(s.publisher.create_topic(topic))
        assert code == "UNIMPLEMENTED"
        assert f"(`{field}`) is not emulated." in text


async def test_topics_are_listed_by_name_in_pages() -> None:
    async with stage(ready=False) as s:
        for name in ("ccc", "aaa", "bbb"):
            await s.topic(f"{PROJECT}/topics/{name}")
        await s.topic("projects/other/topics/ddd")
        first = await s.publisher.list_topics(m.ListTopicsRequest(project=PROJECT, page_size=2))
        assert [topic.name[-3:] for topic in first.topics] == ["aaa", "bbb"]
        token = first.next_page_token
        rest = await s.publisher.list_topics(
            m.ListTopicsRequest(project=PROJECT, page_size=2, page_token=token)
        )
        assert [topic.name[-3:] for topic in rest.topics] == ["ccc"]
        assert rest.next_page_token == ""


@pytest.mark.parametrize(
    ("fields", "argument"),
    [({"page_size": -1}, "page_size"), ({"page_token": "!"}, "page_token"),
     ({"page_token": "/w=="}, "page_token")],
)  # fmt: skip
async def test_a_page_that_cannot_be_is_refused(fields: dict[str, object], argument: str) -> None:
    async with stage(ready=False) as s:
        request = m.ListTopicsRequest(project=PROJECT, **fields)  # type: ignore[arg-type]
        text = f"You have passed an invalid argument to the service (argument={argument})."
        assert await refused(s.publisher.list_topics(request)) == ("INVALID_ARGUMENT", text)


async def test_a_deleted_topic_leaves_its_subscriptions() -> None:
    """With their messages; a new topic of the name does not get them back."""
    async with stage() as s:
        await s.publish(b"kept")
        await s.publisher.delete_topic(m.DeleteTopicRequest(topic=TOPIC))
        request = m.GetSubscriptionRequest(subscription=SUBSCRIPTION)
        assert (await s.subscriber.get_subscription(request)).topic == "_deleted-topic_"
        await s.topic()
        await s.publish(b"lost")
        assert await s.data() == [b"kept"]
        listed = await s.publisher.list_topic_subscriptions(
            m.ListTopicSubscriptionsRequest(topic=TOPIC)
        )
        assert list(listed.subscriptions) == []

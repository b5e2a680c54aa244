"""The table of RPCs: the request class, the coroutine and the permission of each, by path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from google.protobuf.message import Message

from queuewright.pubsub.protocol import messages as m
from queuewright.pubsub.protocol.names import project_of
from queuewright.pubsub.service.publisher import Publisher
from queuewright.pubsub.service.subscriber import Subscriber

Request = TypeVar("Request", bound=Message)

PUBLISHER: Final = "google.pubsub.v1.Publisher"
SUBSCRIBER: Final = "google.pubsub.v1.Subscriber"


class Method(NamedTuple):
    """An RPC: its request class, its coroutine, and the permission that it needs."""

    request: type[Message]
    call: Callable[[Any], Awaitable[Message]]
    permission: str
    resource: Callable[[Any], str]
    """Returns the full name of what the permission is needed on."""


Methods = Mapping[str, Method]
"""Methods by `/service/RPC`."""

CONSUME: Final = "pubsub.subscriptions.consume"
PUBLISH: Final = "pubsub.topics.publish"


def method(
    request: type[Request],
    call: Callable[[Request], Awaitable[Message]],
    permission: str,
    resource: Callable[[Request], str],
) -> Method:
    """Return a method whose coroutine takes requests of this class."""
    return Method(request, call, f"pubsub.{permission}", resource)


def methods(publisher: Publisher, subscriber: Subscriber) -> Methods:
    """Return the RPCs with one request and one response, but for Pull.

    The permissions are those of https://cloud.google.com/pubsub/docs/access-control.
    """
    return {**_publisher(publisher), **_subscriber(subscriber)}


def _publisher(publisher: Publisher) -> Methods:
    return _paths(
        PUBLISHER,
        CreateTopic=method(
            m.Topic, publisher.create_topic, "topics.create", lambda r: project_of(r.name)
        ),
        UpdateTopic=method(
            m.UpdateTopicRequest, publisher.update_topic, "topics.update", lambda r: r.topic.name
        ),
        GetTopic=method(m.GetTopicRequest, publisher.get_topic, "topics.get", lambda r: r.topic),
        ListTopics=method(
            m.ListTopicsRequest, publisher.list_topics, "topics.list", lambda r: r.project
        ),
        ListTopicSubscriptions=method(
            m.ListTopicSubscriptionsRequest,
            publisher.list_topic_subscriptions,
            "topics.get",
            lambda r: r.topic,
        ),
        DeleteTopic=method(
            m.DeleteTopicRequest, publisher.delete_topic, "topics.delete", lambda r: r.topic
        ),
        Publish=method(m.PublishRequest, publisher.publish, "topics.publish", lambda r: r.topic),
        DetachSubscription=method(
            m.DetachSubscriptionRequest,
            publisher.detach_subscription,
            "topics.detachSubscription",
            lambda r: r.subscription,
        ),
    )


def _subscriber(subscriber: Subscriber) -> Methods:
    return _paths(
        SUBSCRIBER,
        CreateSubscription=method(
            m.Subscription,
            subscriber.create_subscription,
            "subscriptions.create",
            lambda r: project_of(r.topic),
        ),
        GetSubscription=method(
            m.GetSubscriptionRequest,
            subscriber.get_subscription,
            "subscriptions.get",
            lambda r: r.subscription,
        ),
        UpdateSubscription=method(
            m.UpdateSubscriptionRequest,
            subscriber.update_subscription,
            "subscriptions.update",
            lambda r: r.subscription.name,
        ),
        ListSubscriptions=method(
            m.ListSubscriptionsRequest,
            subscriber.list_subscriptions,
            "subscriptions.list",
            lambda r: r.project,
        ),
        DeleteSubscription=method(
            m.DeleteSubscriptionRequest,
            subscriber.delete_subscription,
            "subscriptions.delete",
            lambda r: r.subscription,
        ),
        Acknowledge=method(
            m.AcknowledgeRequest,
            subscriber.acknowledge,
            "subscriptions.consume",
            lambda r: r.subscription,
        ),
        ModifyAckDeadline=method(
            m.ModifyAckDeadlineRequest,
            subscriber.modify_ack_deadline,
            "subscriptions.consume",
            lambda r: r.subscription,
        ),
        Seek=method(
            m.SeekRequest, subscriber.seek, "subscriptions.consume", lambda r: r.subscription
        ),
    )


def _paths(service: str, **methods: Method) -> Methods:
    return {f"/{service}/{rpc}": method for rpc, method in methods.items()}

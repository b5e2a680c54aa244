"""The table of RPCs: the request class and the coroutine of each, by service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from google.protobuf.message import Message

from queuewright.pubsub.protocol import messages
from queuewright.pubsub.service.publisher import Publisher
from queuewright.pubsub.service.subscriber import Subscriber

Request = TypeVar("Request", bound=Message)

PUBLISHER: Final = "google.pubsub.v1.Publisher"
SUBSCRIBER: Final = "google.pubsub.v1.Subscriber"


class Method(NamedTuple):
    """An RPC's request class, and the coroutine that takes a request."""

    request: type[Message]
    call: Callable[[Any], Awaitable[Message]]


Methods = Mapping[str, Method]
"""Methods by `/service/RPC`."""


def method(request: type[Request], call: Callable[[Request], Awaitable[Message]]) -> Method:
    """Return a method whose coroutine takes requests of this class."""
    return Method(request, call)


def methods(publisher: Publisher, subscriber: Subscriber) -> Methods:
    """Return the RPCs with one request and one response, but for Pull."""
    return {
        **_paths(
            PUBLISHER,
            CreateTopic=method(messages.Topic, publisher.create_topic),
            UpdateTopic=method(messages.UpdateTopicRequest, publisher.update_topic),
            GetTopic=method(messages.GetTopicRequest, publisher.get_topic),
            ListTopics=method(messages.ListTopicsRequest, publisher.list_topics),
            ListTopicSubscriptions=method(
                messages.ListTopicSubscriptionsRequest, publisher.list_topic_subscriptions
            ),
            DeleteTopic=method(messages.DeleteTopicRequest, publisher.delete_topic),
            Publish=method(messages.PublishRequest, publisher.publish),
            DetachSubscription=method(
                messages.DetachSubscriptionRequest, publisher.detach_subscription
            ),
        ),
        **_paths(
            SUBSCRIBER,
            CreateSubscription=method(messages.Subscription, subscriber.create_subscription),
            GetSubscription=method(messages.GetSubscriptionRequest, subscriber.get_subscription),
            UpdateSubscription=method(
                messages.UpdateSubscriptionRequest, subscriber.update_subscription
            ),
            ListSubscriptions=method(
                messages.ListSubscriptionsRequest, subscriber.list_subscriptions
            ),
            DeleteSubscription=method(
                messages.DeleteSubscriptionRequest, subscriber.delete_subscription
            ),
            Acknowledge=method(messages.AcknowledgeRequest, subscriber.acknowledge),
            ModifyAckDeadline=method(
                messages.ModifyAckDeadlineRequest, subscriber.modify_ack_deadline
            ),
            Seek=method(messages.SeekRequest, subscriber.seek),
        ),
    }


def _paths(service: str, **methods: Method) -> Methods:
    return {f"/{service}/{rpc}": method for rpc, method in methods.items()}

"""The RPCs of `google.pubsub.v1.Publisher`."""

from __future__ import annotations

from queuewright.cloud_tasks.pubsub import DELETED_TOPIC
from queuewright.pubsub.delivery.registry import Registry
from queuewright.pubsub.protocol import refusals
from queuewright.pubsub.protocol.messages import (
    DeleteTopicRequest,
    DetachSubscriptionRequest,
    DetachSubscriptionResponse,
    Empty,
    GetTopicRequest,
    ListTopicsRequest,
    ListTopicsResponse,
    ListTopicSubscriptionsRequest,
    ListTopicSubscriptionsResponse,
    PublishRequest,
    PublishResponse,
    Subscription,
    Topic,
    UpdateTopicRequest,
)
from queuewright.pubsub.protocol.names import check_project, check_subscription, check_topic
from queuewright.pubsub.service.masks import updated
from queuewright.pubsub.service.message_check import check_messages
from queuewright.pubsub.service.pages import page
from queuewright.pubsub.service.topic_config import FIXED, topic_config


class Publisher:
    """Each method is an RPC, and raises a `Refusal`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def create_topic(self, request: Topic) -> Topic:
        """CreateTopic."""
        config = topic_config(request)
        if self._registry.has_topic(config.name):
            raise refusals.exists(config.name)
        self._registry.add_topic(config)
        return config

    async def update_topic(self, request: UpdateTopicRequest) -> Topic:
        """UpdateTopic."""
        topic = self._registry.topic(check_topic(request.topic.name))
        current, paths = topic.row.config, request.update_mask.paths
        config = topic_config(updated(current, request.topic, paths, FIXED))
        self._registry.change_topic(topic, config)
        return config

    async def get_topic(self, request: GetTopicRequest) -> Topic:
        """GetTopic."""
        return self._registry.topic(check_topic(request.topic)).row.config

    async def list_topics(self, request: ListTopicsRequest) -> ListTopicsResponse:
        """ListTopics."""
        topics, token = page(
            self._registry.topics(check_project(request.project)),
            lambda topic: topic.row.config.name,
            request.page_size,
            request.page_token,
        )
        return ListTopicsResponse(
            topics=[topic.row.config for topic in topics], next_page_token=token
        )

    async def list_topic_subscriptions(
        self, request: ListTopicSubscriptionsRequest
    ) -> ListTopicSubscriptionsResponse:
        """ListTopicSubscriptions."""
        topic = self._registry.topic(check_topic(request.topic))
        names, token = page(
            sorted(each.name for each in topic.subscriptions),
            str,
            request.page_size,
            request.page_token,
        )
        return ListTopicSubscriptionsResponse(subscriptions=names, next_page_token=token)

    async def delete_topic(self, request: DeleteTopicRequest) -> Empty:
        """DeleteTopic."""
        self._registry.delete_topic(check_topic(request.topic), DELETED_TOPIC)
        return Empty()

    async def publish(self, request: PublishRequest) -> PublishResponse:
        """Publish. What it acknowledges survives the end of this process."""
        topic = self._registry.topic(check_topic(request.topic))
        check_messages(request.messages, request.ByteSize())
        return PublishResponse(message_ids=self._registry.publish(topic, request.messages))

    async def detach_subscription(
        self, request: DetachSubscriptionRequest
    ) -> DetachSubscriptionResponse:
        """DetachSubscription."""
        subscription = self._registry.subscription(check_subscription(request.subscription))
        config = Subscription()
        config.CopyFrom(subscription.row.config)
        config.detached = True
        self._registry.detach(subscription, config)
        return DetachSubscriptionResponse()

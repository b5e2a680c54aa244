"""Pub/Sub's own words: messages, names and refusals.

Other packages import the message classes from here.
"""

from queuewright.pubsub.protocol.messages import (
    AcknowledgeRequest,
    DeleteSubscriptionRequest,
    DeleteTopicRequest,
    GetSubscriptionRequest,
    GetTopicRequest,
    ModifyAckDeadlineRequest,
    PublishRequest,
    PubsubMessage,
    PullRequest,
    ReceivedMessage,
    SeekRequest,
    Subscription,
    Topic,
    UpdateSubscriptionRequest,
    UpdateTopicRequest,
)

__all__ = [
    "AcknowledgeRequest",
    "DeleteSubscriptionRequest",
    "DeleteTopicRequest",
    "GetSubscriptionRequest",
    "GetTopicRequest",
    "ModifyAckDeadlineRequest",
    "PublishRequest",
    "PubsubMessage",
    "PullRequest",
    "ReceivedMessage",
    "SeekRequest",
    "Subscription",
    "Topic",
    "UpdateSubscriptionRequest",
    "UpdateTopicRequest",
]

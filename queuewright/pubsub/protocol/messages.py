"""The message classes of Pub/Sub: the raw protobufs behind Google's client library.

The client wraps each of them in proto-plus, which is slow, so the server uses the classes
underneath. `messages.pyi` has the types.

Raises:
    TargetError: google-cloud-pubsub is not installed.
"""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from queuewright.errors import TargetError

try:
    from google.pubsub_v1.types import pubsub
except ImportError as error:
    raise TargetError(
        "Pub/Sub on this machine needs the package `google-cloud-pubsub`",
        hint="install it with `pip install 'queuewright[pubsub]'`",
    ) from error

AcknowledgeRequest = pubsub.AcknowledgeRequest.pb()
DeadLetterPolicy = pubsub.DeadLetterPolicy.pb()
DeleteSubscriptionRequest = pubsub.DeleteSubscriptionRequest.pb()
DeleteTopicRequest = pubsub.DeleteTopicRequest.pb()
DetachSubscriptionRequest = pubsub.DetachSubscriptionRequest.pb()
DetachSubscriptionResponse = pubsub.DetachSubscriptionResponse.pb()
ExpirationPolicy = pubsub.ExpirationPolicy.pb()
GetSubscriptionRequest = pubsub.GetSubscriptionRequest.pb()
GetTopicRequest = pubsub.GetTopicRequest.pb()
ListSubscriptionsRequest = pubsub.ListSubscriptionsRequest.pb()
ListSubscriptionsResponse = pubsub.ListSubscriptionsResponse.pb()
ListTopicSubscriptionsRequest = pubsub.ListTopicSubscriptionsRequest.pb()
ListTopicSubscriptionsResponse = pubsub.ListTopicSubscriptionsResponse.pb()
ListTopicsRequest = pubsub.ListTopicsRequest.pb()
ListTopicsResponse = pubsub.ListTopicsResponse.pb()
MessageStoragePolicy = pubsub.MessageStoragePolicy.pb()
ModifyAckDeadlineRequest = pubsub.ModifyAckDeadlineRequest.pb()
PublishRequest = pubsub.PublishRequest.pb()
PublishResponse = pubsub.PublishResponse.pb()
PubsubMessage = pubsub.PubsubMessage.pb()
PullRequest = pubsub.PullRequest.pb()
PullResponse = pubsub.PullResponse.pb()
ReceivedMessage = pubsub.ReceivedMessage.pb()
RetryPolicy = pubsub.RetryPolicy.pb()
SeekRequest = pubsub.SeekRequest.pb()
SeekResponse = pubsub.SeekResponse.pb()
StreamingPullRequest = pubsub.StreamingPullRequest.pb()
StreamingPullResponse = pubsub.StreamingPullResponse.pb()
Subscription = pubsub.Subscription.pb()
Topic = pubsub.Topic.pb()
UpdateSubscriptionRequest = pubsub.UpdateSubscriptionRequest.pb()
UpdateTopicRequest = pubsub.UpdateTopicRequest.pb()

__all__ = [
    "AcknowledgeRequest",
    "DeadLetterPolicy",
    "DeleteSubscriptionRequest",
    "DeleteTopicRequest",
    "DetachSubscriptionRequest",
    "DetachSubscriptionResponse",
    "Empty",
    "ExpirationPolicy",
    "GetSubscriptionRequest",
    "GetTopicRequest",
    "ListSubscriptionsRequest",
    "ListSubscriptionsResponse",
    "ListTopicSubscriptionsRequest",
    "ListTopicSubscriptionsResponse",
    "ListTopicsRequest",
    "ListTopicsResponse",
    "MessageStoragePolicy",
    "ModifyAckDeadlineRequest",
    "PublishRequest",
    "PublishResponse",
    "PubsubMessage",
    "PullRequest",
    "PullResponse",
    "ReceivedMessage",
    "RetryPolicy",
    "SeekRequest",
    "SeekResponse",
    "StreamingPullRequest",
    "StreamingPullResponse",
    "Subscription",
    "Topic",
    "UpdateSubscriptionRequest",
    "UpdateTopicRequest",
]

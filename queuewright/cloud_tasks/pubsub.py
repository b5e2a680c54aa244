"""Pub/Sub's names, limits and defaults, as far as pull queues need them.

Comments name the message and field of google/pubsub/v1/pubsub.proto that documents a fact, or say
where it was observed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

RESOURCE_ID: Final = r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}"
"""The id of a topic, subscription or snapshot (`Topic.name`, `Subscription.name`)."""

SCOPE: Final = "https://www.googleapis.com/auth/pubsub"
"""What an access token needs to publish
(https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish)."""

MIN_ACK_DEADLINE: Final = timedelta(seconds=10)
"""`Subscription.ack_deadline_seconds`; also the default."""

MAX_ACK_DEADLINE: Final = timedelta(minutes=10)
"""`Subscription.ack_deadline_seconds`, `ModifyAckDeadlineRequest.ack_deadline_seconds`."""

MIN_RETENTION: Final = timedelta(minutes=10)
"""`Subscription.message_retention_duration`, `Topic.message_retention_duration`."""

MAX_RETENTION: Final = timedelta(weeks=4, days=3)
"""`Subscription.message_retention_duration`, `Topic.message_retention_duration`."""

DEFAULT_RETENTION: Final = timedelta(days=7)
"""`Subscription.message_retention_duration`."""

DEFAULT_EXPIRATION: Final = timedelta(weeks=4, days=3)
"""`Subscription.expiration_policy`: without activity for this long, a subscription is deleted."""

MIN_EXPIRATION: Final = timedelta(days=1)
"""`Subscription.expiration_policy`."""

DEFAULT_MIN_BACKOFF: Final = timedelta(seconds=10)
"""`RetryPolicy.minimum_backoff`."""

DEFAULT_MAX_BACKOFF: Final = timedelta(minutes=10)
"""`RetryPolicy.maximum_backoff`."""

MAX_BACKOFF: Final = timedelta(minutes=10)
"""`RetryPolicy.minimum_backoff` and `RetryPolicy.maximum_backoff`; both may be 0."""

MIN_DELIVERY_ATTEMPTS: Final = 5
"""`DeadLetterPolicy.max_delivery_attempts`; also the default."""

MAX_DELIVERY_ATTEMPTS: Final = 100
"""`DeadLetterPolicy.max_delivery_attempts`."""

MAX_FILTER_BYTES: Final = 256
"""https://cloud.google.com/pubsub/docs/subscription-message-filter#create_a_subscription"""

MAX_MESSAGES_PER_PUBLISH: Final = 1000
"""https://cloud.google.com/pubsub/quotas#resource_limits"""

MAX_MESSAGES_PER_PULL: Final = 1000
"""https://cloud.google.com/pubsub/quotas#resource_limits"""

MAX_PUBLISH_BYTES: Final = 10_000_000
"""The size of a Publish request, and of a message's data
(https://cloud.google.com/pubsub/quotas#resource_limits)."""

MAX_ATTRIBUTES: Final = 100
"""https://cloud.google.com/pubsub/quotas#resource_limits"""

MAX_ATTRIBUTE_KEY_BYTES: Final = 256
"""https://cloud.google.com/pubsub/quotas#resource_limits"""

MAX_ATTRIBUTE_VALUE_BYTES: Final = 1024
"""https://cloud.google.com/pubsub/quotas#resource_limits"""

MAX_ORDERING_KEY_BYTES: Final = 1024
"""https://cloud.google.com/pubsub/quotas#resource_limits"""

RESERVED_ATTRIBUTE_PREFIX: Final = "goog"
"""No attribute's key starts with it (https://cloud.google.com/pubsub/docs/publisher)."""

CLIENTS_ATTRIBUTE_PREFIX: Final = "googclient_"
"""The exception: Google's clients add such attributes, as `googclient_traceparent` with tracing
(`context_propagation.py` of google-cloud-pubsub, `trace.go` of cloud.google.com/go/pubsub)."""

MAX_ACK_REQUEST_BYTES: Final = 512 * 1024
"""The size of an Acknowledge or ModifyAckDeadline request
(https://cloud.google.com/pubsub/quotas#resource_limits)."""

DELETED_TOPIC: Final = "_deleted-topic_"
"""`Subscription.topic` of a subscription whose topic was deleted."""

DEAD_LETTER_ATTRIBUTES: Final = "CloudPubSubDeadLetterSource"
"""The prefix of the attributes that a dead letter gets
(https://cloud.google.com/pubsub/docs/dead-letter-topics)."""

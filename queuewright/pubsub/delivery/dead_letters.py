"""The message that goes to a dead-letter topic in place of one that failed too often."""

from __future__ import annotations

from queuewright.cloud_tasks.pubsub import DEAD_LETTER_ATTRIBUTES
from queuewright.pubsub.protocol.messages import PubsubMessage
from queuewright.pubsub.protocol.names import project_of, short
from queuewright.pubsub.rules.backlog import DeadLetter


def dead_letter(content: bytes, dead: DeadLetter, subscription: str) -> PubsubMessage:
    """Return the message: the same data, attributes and key, and four attributes more.

    Args:
        content: the serialized message.
        dead: what is known of its deliveries.
        subscription: the full name of the subscription on which it failed.
    """
    message = PubsubMessage.FromString(content)
    added = {
        "DeliveryCount": str(dead.failures),
        "Subscription": short(subscription),
        "SubscriptionProject": short(project_of(subscription)),
        "TopicPublishTime": message.publish_time.ToJsonString(),
    }
    for name, value in added.items():
        message.attributes[f"{DEAD_LETTER_ATTRIBUTES}{name}"] = value
    return message

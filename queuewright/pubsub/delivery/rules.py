"""The part of a subscription's configuration that decides about deliveries."""

from __future__ import annotations

from collections.abc import Callable

from queuewright.pubsub.protocol.messages import Subscription
from queuewright.pubsub.rules.backlog import DeliveryRules


def delivery_rules(config: Subscription, has_topic: Callable[[str], bool]) -> DeliveryRules:
    """Return the rules of a checked configuration.

    While the dead-letter topic is missing, no message becomes a dead letter: it would be lost.
    """
    dead_letters = config.dead_letter_policy
    has_letters = config.HasField("dead_letter_policy") and has_topic(
        dead_letters.dead_letter_topic
    )
    return DeliveryRules(
        is_ordered=config.enable_message_ordering,
        min_backoff_us=config.retry_policy.minimum_backoff.ToMicroseconds(),
        max_backoff_us=config.retry_policy.maximum_backoff.ToMicroseconds(),
        max_attempts=dead_letters.max_delivery_attempts if has_letters else 0,
    )

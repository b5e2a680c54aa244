"""The rows of the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from queuewright.pubsub.protocol.messages import Subscription, Topic
from queuewright.pubsub.rules.backlog import Message


@dataclass
class TopicRow:
    """A stored topic."""

    number: int
    config: Topic


@dataclass
class SubscriptionRow:
    """A stored subscription."""

    number: int
    topic: int
    """The number of its topic; 0 if the topic was deleted."""
    config: Subscription


class Publication(NamedTuple):
    """A new message, and the numbers of the subscriptions that get it."""

    message: Message
    publish_us: int
    content: bytes
    """A serialized `PubsubMessage` with its id and publish time."""
    subscriptions: tuple[int, ...]

"""What happens in Pub/Sub, one class for each kind of event. Moments are in microseconds.

Importing this module needs google-cloud-pubsub, because its package does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Happened:
    """The field of every event."""

    time_us: int
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePublished(_Happened):
    """A message was published."""

    kind: ClassVar[Literal["Publish"]] = "Publish"
    topic: str
    """The topic's full name."""
    message: str
    """The message's id."""
    subscriptions: int
    """How many subscriptions got it; with none, it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delivered(_Happened):
    """The fields of every event about a delivery."""

    subscription: str
    """The subscription's full name."""
    message: str
    """The message's id."""
    attempt: int
    """The number of the delivery, from 1; one that never left the server does not count."""
    max_attempts: int
    """After how many failed ones the message becomes a dead letter; 0: never."""
    holder: str
    """The name of the client that holds or held it; "" if it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTaken(_Delivered):
    """A subscriber got a message and its lease."""

    kind: ClassVar[Literal["Take"]] = "Take"
    until_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseExtended(_Delivered):
    """A subscriber changed the end of its lease."""

    kind: ClassVar[Literal["ExtendLease"]] = "ExtendLease"
    until_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAcknowledged(_Delivered):
    """A subscriber is done with a message, which is deleted."""

    kind: ClassVar[Literal["Acknowledge"]] = "Acknowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFailed(_Delivered):
    """A subscriber gave a message back, or its lease ended."""

    kind: ClassVar[Literal["FailDelivery"]] = "FailDelivery"
    is_given_back: bool
    again_us: int | None
    """When the message can be delivered again; None: it became a dead letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDenied(_Happened):
    """A principal made a call without the required permission."""

    kind: ClassVar[Literal["CallDenied"]] = "CallDenied"
    principal: str
    """A member in IAM's notation."""
    resource: str
    """The full name of the topic, subscription or project."""
    message: str


Delivered = MessageTaken | LeaseExtended | MessageAcknowledged | DeliveryFailed
Event = MessagePublished | Delivered | CallDenied

"""What a message must be to be published."""

from __future__ import annotations

from collections.abc import Sequence

from queuewright.cloud_tasks import pubsub
from queuewright.pubsub.protocol import refusals
from queuewright.pubsub.protocol.messages import PubsubMessage


def check_messages(messages: Sequence[PubsubMessage], request_bytes: int) -> None:
    """Check the messages of a Publish request; one bad message fails the request.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    if not messages:
        raise refusals.too_few("message_count", 0, 1)
    if len(messages) > pubsub.MAX_MESSAGES_PER_PUBLISH:
        raise refusals.too_many("message_count", len(messages), pubsub.MAX_MESSAGES_PER_PUBLISH)
    for message in messages:
        _check(message)
    if request_bytes > pubsub.MAX_PUBLISH_BYTES:
        raise refusals.too_many("request_size", request_bytes, pubsub.MAX_PUBLISH_BYTES)


def _check(message: PubsubMessage) -> None:
    if not message.data and not message.attributes:
        raise refusals.invalid("A message must have data or at least one attribute.")
    if len(message.data) > pubsub.MAX_PUBLISH_BYTES:
        raise refusals.too_many("message_size", len(message.data), pubsub.MAX_PUBLISH_BYTES)
    if len(message.attributes) > pubsub.MAX_ATTRIBUTES:
        raise refusals.too_many("attribute_count", len(message.attributes), pubsub.MAX_ATTRIBUTES)
    for key, value in message.attributes.items():
        _check_bytes("attribute_key", key, pubsub.MAX_ATTRIBUTE_KEY_BYTES)
        _check_bytes("attribute_value", value, pubsub.MAX_ATTRIBUTE_VALUE_BYTES)
        if not key:
            raise refusals.invalid("An attribute's key must not be empty.")
        if _is_reserved(key):
            raise refusals.invalid(
                f"The attribute `{key}` must not start with `{pubsub.RESERVED_ATTRIBUTE_PREFIX}`."
            )
    _check_bytes("ordering_key", message.ordering_key, pubsub.MAX_ORDERING_KEY_BYTES)


def _is_reserved(key: str) -> bool:
    return key.startswith(pubsub.RESERVED_ATTRIBUTE_PREFIX) and not key.startswith(
        pubsub.CLIENTS_ATTRIBUTE_PREFIX
    )


def _check_bytes(what: str, text: str, most: int) -> None:
    if len(text) * 4 > most and (size := len(text.encode())) > most:
        raise refusals.too_many(f"{what}_size", size, most)

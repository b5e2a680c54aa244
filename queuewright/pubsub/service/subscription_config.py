"""A subscription's configuration: what is checked, filled in and refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from google.protobuf.duration_pb2 import Duration

from queuewright.cloud_tasks import pubsub
from queuewright.pubsub.protocol import refusals
from queuewright.pubsub.protocol.messages import DeadLetterPolicy, RetryPolicy, Subscription
from queuewright.pubsub.protocol.names import check_subscription, check_topic
from queuewright.pubsub.rules.filters import FilterError, attribute_filter
from queuewright.pubsub.service.durations import check_duration
from queuewright.pubsub.service.topic_config import refuse_fields

FIXED: Final = (
    "name",
    "topic",
    "enable_message_ordering",
    "filter",
    "detached",
    "topic_message_retention_duration",
    "state",
    "analytics_hub_subscription_info",
    "tags",
)
"""What no update can change: `Subscription`'s immutable and output-only fields."""

_REFUSED: Final = {
    "push_config": "Push delivery (`push_config`)",
    "bigquery_config": "Delivery to BigQuery (`bigquery_config`)",
    "cloud_storage_config": "Delivery to Cloud Storage (`cloud_storage_config`)",
    "bigtable_config": "Delivery to Bigtable (`bigtable_config`)",
    "message_transforms": "A message transform (`message_transforms`)",
}
_OUTPUT_ONLY: Final = (
    "detached",
    "topic_message_retention_duration",
    "analytics_hub_subscription_info",
)
_ACTIVE: Final = 1


def subscription_config(asked: Subscription, has_topic: Callable[[str], bool]) -> Subscription:
    """Return a subscription's configuration as it is kept and shown, with Google's defaults.

    Args:
        asked: the request's.
        has_topic: tells whether there is a topic of a name.

    Raises:
        Refusal: INVALID_ARGUMENT; NOT_FOUND for a missing dead-letter topic; UNIMPLEMENTED for
            what is not emulated.
    """
    check_subscription(asked.name)
    config = Subscription()
    config.CopyFrom(asked)
    for field in _OUTPUT_ONLY:
        config.ClearField(field)
    if config.HasField("push_config") and not config.push_config.ByteSize():
        config.ClearField("push_config")  # an empty one means pull
    refuse_fields(config, _REFUSED)
    _ack_deadline(config)
    _retention(config)
    _expiration(config)
    _filter(config)
    if config.HasField("retry_policy"):
        _retry(config.retry_policy)
    if config.HasField("dead_letter_policy"):
        _dead_letters(config.dead_letter_policy, has_topic)
    config.state = _ACTIVE
    return config


def _ack_deadline(config: Subscription) -> None:
    least, most = _seconds(pubsub.MIN_ACK_DEADLINE), _seconds(pubsub.MAX_ACK_DEADLINE)
    if not config.ack_deadline_seconds:
        config.ack_deadline_seconds = least
    if not least <= config.ack_deadline_seconds <= most:
        raise refusals.invalid(
            f"`ack_deadline_seconds` must be between {least} and {most}, "
            f"not {config.ack_deadline_seconds}."
        )


def _retention(config: Subscription) -> None:
    field = "message_retention_duration"
    _fill(config, field, pubsub.DEFAULT_RETENTION)
    check_duration(
        field, config.message_retention_duration, pubsub.MIN_RETENTION, pubsub.MAX_RETENTION
    )


def _expiration(config: Subscription) -> None:
    if not config.HasField("expiration_policy"):
        config.expiration_policy.ttl.FromTimedelta(pubsub.DEFAULT_EXPIRATION)
    elif config.expiration_policy.HasField("ttl"):
        ttl = config.expiration_policy.ttl
        check_duration("expiration_policy.ttl", ttl, pubsub.MIN_EXPIRATION, None)


def _filter(config: Subscription) -> None:
    try:
        attribute_filter(config.filter)
    except FilterError as error:
        raise refusals.invalid(f"Invalid filter '{config.filter}': {error}.") from None


def _retry(policy: RetryPolicy) -> None:
    _fill(policy, "minimum_backoff", pubsub.DEFAULT_MIN_BACKOFF)
    _fill(policy, "maximum_backoff", pubsub.DEFAULT_MAX_BACKOFF)
    least, most = policy.minimum_backoff, policy.maximum_backoff
    for field, value in (("minimum_backoff", least), ("maximum_backoff", most)):
        check_duration(f"retry_policy.{field}", value, timedelta(0), pubsub.MAX_BACKOFF)
    if least.ToNanoseconds() > most.ToNanoseconds():
        raise refusals.invalid(
            "`retry_policy.minimum_backoff` must not be more than `maximum_backoff`."
        )


def _dead_letters(policy: DeadLetterPolicy, has_topic: Callable[[str], bool]) -> None:
    least, most = pubsub.MIN_DELIVERY_ATTEMPTS, pubsub.MAX_DELIVERY_ATTEMPTS
    if not policy.max_delivery_attempts:
        policy.max_delivery_attempts = least
    if not least <= policy.max_delivery_attempts <= most:
        raise refusals.invalid(
            f"`dead_letter_policy.max_delivery_attempts` must be between {least} and {most}, "
            f"not {policy.max_delivery_attempts}."
        )
    if not has_topic(check_topic(policy.dead_letter_topic)):
        raise refusals.missing(policy.dead_letter_topic)


def _fill(message: Subscription | RetryPolicy, field: str, default: timedelta) -> None:
    if not message.HasField(field):
        value: Duration = getattr(message, field)
        value.FromTimedelta(default)


def _seconds(span: timedelta) -> int:
    return span // timedelta(seconds=1)

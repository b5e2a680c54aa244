"""A topic's configuration: what is checked, filled in and refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from google.protobuf.message import Message

from queuewright.cloud_tasks import pubsub
from queuewright.pubsub.protocol import refusals
from queuewright.pubsub.protocol.messages import Topic
from queuewright.pubsub.protocol.names import check_topic
from queuewright.pubsub.service.durations import check_duration

FIXED: Final = ("name", "state", "satisfies_pzs", "tags")
"""What no update can change: the name, and what is output only or set at creation."""

_REFUSED: Final = {
    "kms_key_name": "A customer-managed encryption key (`kms_key_name`)",
    "schema_settings": "A schema (`schema_settings`)",
    "ingestion_data_source_settings": "Ingestion (`ingestion_data_source_settings`)",
    "message_transforms": "A message transform (`message_transforms`)",
}
_ACTIVE: Final = 1


def topic_config(asked: Topic) -> Topic:
    """Return a topic's configuration as it is kept and shown.

    Raises:
        Refusal: INVALID_ARGUMENT, or UNIMPLEMENTED for what is not emulated.
    """
    check_topic(asked.name)
    refuse_fields(asked, _REFUSED)
    if asked.HasField("message_retention_duration"):
        check_duration(
            "message_retention_duration",
            asked.message_retention_duration,
            pubsub.MIN_RETENTION,
            pubsub.MAX_RETENTION,
        )
    config = Topic()
    config.CopyFrom(asked)
    config.ClearField("satisfies_pzs")
    config.state = _ACTIVE
    return config


def refuse_fields(message: Message, refused: Mapping[str, str]) -> None:
    """Refuse a message that sets a field that is not emulated.

    Raises:
        Refusal: UNIMPLEMENTED.
    """
    for field, _ in message.ListFields():
        if field.name in refused:
            raise refusals.not_emulated(refused[field.name])

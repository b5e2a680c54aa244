"""Paths to a queue's fields, as update masks and filters write them."""

from __future__ import annotations

import re

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from queuewright.engine.protocol.messages import Queue

Fields = list[FieldDescriptor]
"""The fields along a path, outermost first."""


def queue_fields(path: str) -> Fields | None:
    """Return the fields along a dotted path in camelCase or snake_case, or None if there are none.

    >>> [field.name for field in queue_fields("retryConfig.maxAttempts")]
    ['retry_config', 'max_attempts']
    """
    fields: Fields = []
    message: Descriptor | None = Queue.DESCRIPTOR  # type: ignore[assignment]
    for name in snake(path).split("."):
        field = message.fields_by_name.get(name) if message else None
        if field is None:
            return None
        fields.append(field)
        message = None if field.is_repeated else field.message_type
    return fields


def snake(path: str) -> str:
    """Return a path in snake_case.

    >>> snake("rateLimits.maxBurstSize")
    'rate_limits.max_burst_size'
    """
    return re.sub(r"[A-Z]", lambda upper: f"_{upper[0].lower()}", path)

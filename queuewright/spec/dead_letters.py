"""Dead letters: the setting of a queue, and the queue that keeps those of a push queue."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from queuewright.cloud_tasks import limits, pubsub
from queuewright.cloud_tasks.durations import written_duration
from queuewright.spec.closed import Closed
from queuewright.spec.values import Between, Duration, duration, wrong

BURIAL_ATTEMPTS: Final = 10
"""How many attempts a queue with dead letters makes beyond `max_attempts`.

They run no code of the user's: they only move the task to the dead letters. One is enough after
the handler was killed or timed out in its last attempt. The others are for a handler that cannot
start, or cannot reach Cloud Tasks, for a while: they have the longest waits of the queue.
"""

LONGEST_QUEUE_ID: Final = 100
"""`Queue.name` in google/cloud/tasks/v2/queue.proto."""


def _seconds(text: object) -> float:
    return duration(text).total_seconds()


def _whole_seconds(value: timedelta) -> timedelta:
    if value % timedelta(seconds=1):
        raise wrong("dead letters are kept for whole seconds", "such as `keep: 14d`")
    return value


Keep = Annotated[
    Duration,
    AfterValidator(_whole_seconds),
    Between(
        _seconds,
        written_duration(pubsub.MIN_RETENTION),
        written_duration(min(pubsub.MAX_RETENTION, limits.TASK_RETENTION)),
    ),
]


class DeadLetters(Closed):
    """How long the dead letters of a queue are kept."""

    authority = "Google"

    keep: Keep = Field(
        limits.TASK_RETENTION,
        examples=["14d"],
        description="The age at which a dead letter is gone. `queuewright dead-letters` shows and "
        "replays no older one; Cloud Tasks itself deletes a task after "
        f"{limits.TASK_RETENTION.days} days.",
    )


def _settings(value: object) -> object:
    if isinstance(value, bool):
        return {} if value else None
    if value is None or isinstance(value, dict | DeadLetters):
        return value
    raise wrong("expected `true` or a map, found {value}", "write `true`, or `{keep: 14d}`", value)


DeadLettersSetting = Annotated[
    DeadLetters | None,
    BeforeValidator(_settings, json_schema_input_type=bool | DeadLetters | None),
]


def dead_queue_id(queue_id: str) -> str:
    """The id of the queue that keeps the dead letters of a push queue.

    >>> dead_queue_id("feature-7-emails")
    'feature-7-emails-dead'
    >>> len(dead_queue_id("e" * 100))
    100
    """
    wanted = f"{queue_id}-dead"
    if len(wanted) <= LONGEST_QUEUE_ID:
        return wanted
    digest = hashlib.sha256(queue_id.encode()).hexdigest()[:8]
    return f"{queue_id[: LONGEST_QUEUE_ID - 14]}-{digest}-dead"

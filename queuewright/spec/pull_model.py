"""The grammar of a pull queue: its settings, ranges and defaults."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue

from queuewright.cloud_tasks import pubsub
from queuewright.cloud_tasks.durations import written_duration
from queuewright.spec.closed import Closed
from queuewright.spec.dead_letters import DeadLettersSetting
from queuewright.spec.fields import Enqueuers, Filled, PayloadFile, QueueKeys
from queuewright.spec.queue_model import QueueSpec
from queuewright.spec.values import Between, Duration, duration, wrong


def _total_seconds(text: object) -> float:
    return duration(text).total_seconds()


def _whole_seconds(value: timedelta) -> timedelta:
    if value % timedelta(seconds=1):
        raise wrong("Pub/Sub counts whole seconds", "give whole seconds, as in `90s`")
    return value


_LEASE = Between(
    _total_seconds,
    written_duration(pubsub.MIN_ACK_DEADLINE),
    written_duration(pubsub.MAX_ACK_DEADLINE),
)
_KEEP = Between(
    _total_seconds,
    written_duration(pubsub.MIN_RETENTION),
    written_duration(pubsub.MAX_RETENTION),
)
_BACKOFF = Between(_total_seconds, "0s", written_duration(pubsub.MAX_BACKOFF))

Lease = Annotated[Duration, AfterValidator(_whole_seconds), _LEASE]
Keep = Annotated[Duration, AfterValidator(_whole_seconds), _KEEP]
Backoff = Annotated[Duration, _BACKOFF]


class PullSettings(Closed):
    """How a pull queue hands out its tasks: a Pub/Sub subscription."""

    authority = "Pub/Sub"

    lease: Lease = Field(
        pubsub.MIN_ACK_DEADLINE,
        examples=["60s"],
        description="How long a worker holds a task before the queue hands it out again, in whole "
        "seconds. A worker can extend it; Google's clients do.",
    )
    max_attempts: int | None = Field(
        None,
        ge=pubsub.MIN_DELIVERY_ATTEMPTS,
        le=pubsub.MAX_DELIVERY_ATTEMPTS,
        examples=[5],
        description="How often a task is handed out before it is given up. "
        "Default: without limit, or 5 with `dead_letters`.",
    )
    min_backoff: Backoff = Field(
        pubsub.DEFAULT_MIN_BACKOFF,
        examples=["10s"],
        description="The wait before a failed task is handed out again, after the first failure.",
    )
    max_backoff: Backoff = Field(
        pubsub.DEFAULT_MAX_BACKOFF,
        examples=["10m"],
        description="The longest wait, not less than `min_backoff`.",
    )
    keep: Keep = Field(
        pubsub.DEFAULT_RETENTION,
        examples=["7d"],
        description="How long a task may wait: at this age, in whole seconds, it is deleted.",
    )
    ordering: bool = Field(
        False,
        examples=[True],
        description="Hand out tasks with the same ordering key one after the other. "
        "A change replaces the subscription, and its waiting tasks are lost.",
    )
    delays: bool = Field(
        False,
        examples=[True],
        description="Accept tasks with a delay. Pub/Sub knows none, so a push queue named "
        "`QUEUE-delays` keeps them and publishes each when it is due.",
    )


class PullQueueSpec(Closed):
    """A pull queue: its tasks wait until a worker polls them.

    On Google Cloud, it is a Pub/Sub topic with one subscription.
    """

    authority = "Pub/Sub"

    pull: PullSettings = Field(
        examples=[{"lease": "60s", "max_attempts": 5}],
        description="Makes it a pull queue. `{}` is enough.",
    )
    worker: Filled | None = Field(
        None,
        examples=["reporter"],
        description="The name of a worker in this file. Without one, nobody polls the queue until "
        "you grant someone else `pubsub.subscriber` on its subscription.",
    )
    enqueuers: Enqueuers = ()
    dead_letters: DeadLettersSetting = Field(
        None,
        examples=[True, {"keep": "14d"}],
        description="Keep the tasks that are given up, in a subscription of their own: `true`, or "
        "for how long.",
    )
    payload: PayloadFile = None
    example: JsonValue = Field(
        None,
        examples=[{"month": "2026-08"}],
        description="The payload of `queuewright enqueue --example`. Not merged, but replaced as a "
        "whole.",
    )
    protect: bool = Field(
        True,
        examples=[False],
        description="Refuse updates that would delete or replace the queue, "
        "because its waiting tasks would be lost.",
    )
    renamed_from: QueueKeys = Field(
        (),
        examples=["reports", ["reports", "papers"]],
        description="The queue's former key, or all its former keys, oldest first. "
        "On Google Cloud the queue keeps its names, so keep this as long as the queue exists; "
        "the variables of its enqueuers and its worker follow the new key.",
    )


class QueueDefaults(PullQueueSpec, QueueSpec):
    """The settings of both kinds of queues; each queue uses those of its kind."""


PULL_QUEUE_SETTINGS = frozenset(PullQueueSpec.model_fields)
PUSH_QUEUE_SETTINGS = frozenset(QueueSpec.model_fields)

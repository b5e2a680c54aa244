"""The grammar of a queue: its settings, ranges and defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from queuewright.cloud_tasks import defaults, limits
from queuewright.cloud_tasks.retry import UNLIMITED
from queuewright.spec.closed import Closed
from queuewright.spec.dead_letters import DeadLettersSetting
from queuewright.spec.fields import (
    Count,
    File,
    Filled,
    Number,
    Path,
    QueueKeys,
    Wait,
    WholeSeconds,
)


class RateLimits(Closed):
    """How fast a queue dispatches."""

    authority = "Cloud Tasks"

    max_dispatches_per_second: Number = Field(
        defaults.MAX_DISPATCHES_PER_SECOND,
        gt=0,
        le=limits.MAX_DISPATCHES_PER_SECOND,
        examples=[5, 0.5],
        description="Attempts started per second, retries included.",
    )
    max_concurrent_dispatches: Count = Field(
        defaults.MAX_CONCURRENT_DISPATCHES,
        ge=1,
        le=limits.MAX_CONCURRENT_DISPATCHES,
        examples=[10],
        description="Attempts that may run at once.",
    )


class RetryConfig(Closed):
    """When a failed task is retried, and when it is given up.

    A task is given up when *both* `max_attempts` and `max_retry_duration` are reached.
    """

    authority = "Cloud Tasks"

    max_attempts: Count = Field(
        defaults.MAX_ATTEMPTS,
        ge=UNLIMITED,
        le=limits.MAX_INT32,
        examples=[8, -1],
        json_schema_extra={"not": {"const": 0}},
        description="Attempts in total, including the first; -1 means no limit.",
    )
    max_retry_duration: WholeSeconds = Field(
        defaults.MAX_RETRY_DURATION,
        examples=["1h"],
        description="Time since the first attempt, in whole seconds; `0s` means no limit.",
    )
    min_backoff: Wait = Field(
        defaults.MIN_BACKOFF,
        examples=["10s"],
        description="The wait after the first failure.",
    )
    max_backoff: Wait = Field(
        defaults.MAX_BACKOFF,
        examples=["5m"],
        description="The longest wait between attempts, not less than `min_backoff`.",
    )
    max_doublings: Count = Field(
        defaults.MAX_DOUBLINGS,
        ge=1,
        le=limits.MAX_INT32,
        examples=[3],
        description="How often the wait doubles; afterwards it grows by a constant step.",
    )


class LoggingConfig(Closed):
    """How many of a queue's operations are written to Cloud Logging."""

    authority = "Cloud Tasks"

    sampling_ratio: float = Field(
        examples=[0.1],
        ge=0,
        le=1,
        description="The share of operations that is logged; 0 means none, 1 means all.",
    )


class QueueSpec(Closed):
    """A push queue, the handler of its tasks, and who may add tasks."""

    authority = "Cloud Tasks"

    handler: Filled = Field(examples=["mailer"], description="The name of a handler in this file.")
    path: Path | None = Field(
        None,
        examples=["/send"],
        description="The path of the handler that receives tasks. Default: the path of each task's "
        "own URL.",
    )
    rate_limits: RateLimits = Field(
        RateLimits(),
        examples=[{"max_dispatches_per_second": 5, "max_concurrent_dispatches": 2}],
        description="How fast the queue dispatches.",
    )
    retry_config: RetryConfig = Field(
        RetryConfig(),
        examples=[{"max_attempts": 8, "min_backoff": "10s"}],
        description="When a failed task is retried.",
    )
    stackdriver_logging_config: LoggingConfig = Field(
        LoggingConfig(sampling_ratio=0.0),
        examples=[{"sampling_ratio": 0.1}],
        description="How many operations are logged.",
    )
    enqueuers: Annotated[tuple[Filled, ...], Field(strict=False)] = Field(
        (),
        examples=[["thumbnails", "serviceAccount:web@acme-prod.iam.gserviceaccount.com"]],
        description="Who may add tasks: handlers in this file, and IAM members such as "
        "`serviceAccount:…`, `user:…` or `group:…`.",
    )
    payload: File | None = Field(
        None,
        examples=["schemas/email.schema.json"],
        description="A file with the JSON schema of a task's payload. `queuewright enqueue`, the "
        "`example` and generated clients are checked with it.",
    )
    dead_letters: DeadLettersSetting = Field(
        None,
        examples=[True, {"keep": "14d"}],
        description="Keep the tasks that are given up, in a queue of their own: `true`, or for how "
        "long. A Python handler that this file deploys makes them.",
    )
    example: JsonValue = Field(
        None,
        examples=[{"to": "ada@example.com", "subject": "Welcome"}],
        description="The payload of `queuewright enqueue --example`. Not merged, but replaced as a "
        "whole.",
    )
    protect: bool = Field(
        True,
        examples=[False],
        description="Refuse updates that would delete or replace the queue, "
        "because the name of a deleted queue is blocked for days.",
    )
    renamed_from: QueueKeys = Field(
        (),
        examples=["emails", ["emails", "letters"]],
        description="The queue's former key, or all its former keys, oldest first. "
        "On Google Cloud the queue keeps its name, so keep this as long as the queue exists; "
        "the variable `QUEUE_…` of its enqueuers follows the new key.",
    )
    desired_state: Literal["RUNNING", "PAUSED"] = Field(
        "RUNNING",
        examples=["PAUSED"],
        description="A paused queue accepts tasks but dispatches none.",
    )

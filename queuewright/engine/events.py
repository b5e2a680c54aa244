"""What happened: one record for each operation, with all that a log or a dashboard shows.

Shaped after the entries Cloud Tasks writes to Cloud Logging (`TaskActivityLog`: CreateTask,
DeleteTask, AttemptDispatch, AttemptResponse), with a few kinds of our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "CreateQueue",
    "UpdateQueue",
    "DeleteQueue",
    "PurgeQueue",
    "PauseQueue",
    "ResumeQueue",
    "QueueThrottled",
    "CreateTask",
    "DeleteTask",
    "RunTask",
    "ExpireTask",
    "AttemptDispatch",
    "AttemptResponse",
    "CallDenied",
    "StateFailed",
]

Outcome = Literal["", "succeeded", "will_retry", "gave_up", "expired", "deleted", "interrupted"]
"""Of an attempt: what becomes of its task. `deleted`: it was deleted or purged meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. Moments are microseconds since the epoch."""

    kind: Kind
    time_us: int
    queue: str
    """Full name; "" when it concerns no queue."""
    task: str = ""
    """Full name; "" when it concerns the queue itself."""
    schedule_us: int | None = None
    """When the task was due: of an attempt, the one it was made for."""
    attempt: int = 0
    """Number of the attempt, from 1; 0 when it concerns none."""
    dispatch_count: int = 0
    response_count: int = 0
    """Answers so far; of an AttemptResponse with its own, if one came."""
    max_attempts: int = 0
    """-1 is unlimited."""
    principal: str = ""
    """Who was denied a call, as IAM writes a member; "" of everything else."""
    status: str = ""
    """Canonical name such as "OK", "DEADLINE_EXCEEDED" or "UNAVAILABLE"."""
    http_code: int | None = None
    """None when no response came."""
    duration_us: int | None = None
    """From dispatch to response, of an AttemptResponse."""
    next_retry_us: int | None = None
    target_address: str = ""
    """Method and URL, such as "POST https://example.com/hook"."""
    target_type: Literal["", "HTTP", "APP_ENGINE_HTTP"] = ""
    outcome: Outcome = ""
    message: str = ""
    """What a person should know, in words; often ""."""
    sampling_ratio: float | None = None
    """The queue's `stackdriver_logging_config`; None when it has none, and so asks for no log."""


def state_failed(time_us: int, code: str, message: str) -> Event:
    """Return the event of a state that could not be read or written."""
    return Event(kind="StateFailed", time_us=time_us, queue="", status=code, message=message)

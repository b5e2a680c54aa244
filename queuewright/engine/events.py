"""The engine's events, one class for each kind.

CreateTask, DeleteTask, AttemptDispatch and AttemptResponse carry the facts that Cloud Tasks writes
to Cloud Logging (`TaskActivityLog`); the other kinds are ours. Moments and durations are in
microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from queuewright.cloud_tasks.retry import RetryPolicy
from queuewright.engine.protocol.status import NO_ATTEMPT, code_name
from queuewright.engine.rules.excerpt import NO_EXCERPT, Excerpt

_DEFAULTS: Final = RetryPolicy()

Origin = Literal["caller", "program"]
"""Who changed a queue: a caller of the API, or the program that runs the engine."""

TargetType = Literal["HTTP", "APP_ENGINE_HTTP", "PULL"]
"""PULL is our word for a task that workers lease; Cloud Tasks documents none for its log."""

Outcome = Literal["succeeded", "will_retry", "gave_up", "deleted", "interrupted"]
"""What becomes of the task after an attempt.

`deleted`: the task was deleted or purged during the attempt. `interrupted`: the engine stopped
during the attempt; the task is dispatched again after the next start, if the state is kept.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Happened:
    """The fields of every event."""

    time_us: int
    """When it happened."""
    queue: str
    """The queue's full name; "" where no queue is concerned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _QueueChanged(_Happened):
    """The fields of every change of a queue."""

    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCreated(_QueueChanged):
    """A queue was created."""

    kind: ClassVar[Literal["CreateQueue"]] = "CreateQueue"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueUpdated(_QueueChanged):
    """A queue's configuration was changed."""

    kind: ClassVar[Literal["UpdateQueue"]] = "UpdateQueue"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDeleted(_QueueChanged):
    """A queue was deleted, with its tasks."""

    kind: ClassVar[Literal["DeleteQueue"]] = "DeleteQueue"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePurged(_QueueChanged):
    """All tasks of a queue were deleted."""

    kind: ClassVar[Literal["PurgeQueue"]] = "PurgeQueue"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePaused(_QueueChanged):
    """A queue was paused."""

    kind: ClassVar[Literal["PauseQueue"]] = "PauseQueue"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueResumed(_QueueChanged):
    """A queue was resumed."""

    kind: ClassVar[Literal["ResumeQueue"]] = "ResumeQueue"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueThrottled(_Happened):
    """A queue pauses, or pauses longer, because its target is overloaded."""

    kind: ClassVar[Literal["QueueThrottled"]] = "QueueThrottled"
    task: str
    """The full name of the task that got the overloaded answer."""
    attempt: int
    http_code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _TaskTargeted(_Happened):
    """The fields of every operation on a task that Cloud Tasks logs."""

    task: str
    """The task's full name."""
    schedule_us: int
    """When the task was due; for an attempt, the time it was due at."""
    target_address: str
    """Method and URL, such as "POST https://example.com/hook"; "" for a pull task."""
    target_type: TargetType
    sampling_ratio: float | None
    """The queue's `stackdriver_logging_config.sampling_ratio`; None without that configuration."""
    create_us: int = 0
    """When the task was created. A name may be given again, but not to a task of the same moment:
    both together tell tasks apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCreated(_TaskTargeted):
    """A task was created."""

    kind: ClassVar[Literal["CreateTask"]] = "CreateTask"
    creator: str = ""
    """The `Caller.label` of its creator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDeleted(_TaskTargeted):
    """A caller deleted a task."""

    kind: ClassVar[Literal["DeleteTask"]] = "DeleteTask"
    dispatch_count: int = 0
    """The attempts that had ended."""
    content: bytes = b""
    """The task as a serialized `Task`, without its name and times; b"" for a pull task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskForced(_Happened):
    """A caller started an attempt of a task by RunTask."""

    kind: ClassVar[Literal["RunTask"]] = "RunTask"
    task: str
    """The task's full name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskExpired(_Happened):
    """A task reached its queue's maximum age and was deleted."""

    kind: ClassVar[Literal["ExpireTask"]] = "ExpireTask"
    task: str
    """The task's full name."""
    schedule_us: int
    dispatch_count: int
    response_count: int
    message: str
    create_us: int = 0
    content: bytes = b""
    """The task as a serialized `Task`, without its name and times; b"" for a pull task, and if it
    could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _TaskHeld(_Happened):
    """The fields of every event of a lease."""

    task: str
    """The task's full name."""
    attempt: int
    """The number of the lease, from 1."""
    max_attempts: int
    """-1 is unlimited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLeased(_TaskHeld):
    """A worker leased a task."""

    kind: ClassVar[Literal["LeaseTask"]] = "LeaseTask"
    until_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRenewed(_TaskHeld):
    """A worker renewed its lease of a task."""

    kind: ClassVar[Literal["RenewLease"]] = "RenewLease"
    until_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseCancelled(_TaskHeld):
    """A worker gave a task back."""

    kind: ClassVar[Literal["CancelLease"]] = "CancelLease"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAcknowledged(_TaskHeld):
    """A worker finished a task, which is deleted."""

    kind: ClassVar[Literal["AcknowledgeTask"]] = "AcknowledgeTask"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskGivenUp(_TaskHeld):
    """A task would have been leased once more than its queue allows, and was deleted instead."""

    kind: ClassVar[Literal["GiveUpTask"]] = "GiveUpTask"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted(_TaskTargeted):
    """A task was dispatched."""

    kind: ClassVar[Literal["AttemptDispatch"]] = "AttemptDispatch"
    attempt: int
    """The number of the attempt, from 1; also the count of dispatches so far."""
    max_attempts: int
    """-1 is unlimited."""
    response_count: int
    """The responses to earlier attempts."""
    by_hand: bool = False
    """Whether RunTask started it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded(_TaskTargeted):
    """An attempt ended: by a response, without one, or by a stop of the engine."""

    kind: ClassVar[Literal["AttemptResponse"]] = "AttemptResponse"
    attempt: int
    """The number of the attempt, from 1; also the count of dispatches so far."""
    max_attempts: int
    """-1 is unlimited."""
    response_count: int
    """The responses so far; includes this attempt's, if there was one."""
    result: int
    """HTTP code, `TIMED_OUT` or `UNREACHABLE`; `NO_ATTEMPT` if the attempt was interrupted."""
    duration_us: int | None
    """From dispatch to response; None if the attempt was interrupted."""
    next_retry_us: int | None
    """When the task is due again; None if it is not retried."""
    outcome: Outcome
    message: str
    """Why there was no response; "" if there was one."""
    by_hand: bool = False
    """Whether RunTask started it."""
    dispatch_us: int = 0
    """When this attempt was dispatched."""
    ended_attempts: int = 0
    """The task's attempts that have ended, this one included unless it was interrupted."""
    first_dispatch_us: int = 0
    """When the task's first attempt was dispatched."""
    retry: RetryPolicy = _DEFAULTS
    """The rule for the task's retries."""
    excerpt: Excerpt = NO_EXCERPT
    """The beginning of the response."""
    content: bytes = b""
    """The task as a serialized `Task`, without its name and times, if it succeeded or was given up;
    b"" while it stays, and if it was deleted during the attempt."""

    @property
    def http_code(self) -> int | None:
        """The code of the response; None if there was none."""
        return self.result if self.result > 0 else None

    @property
    def status(self) -> str:
        """A canonical name such as "OK" or "UNAVAILABLE"; "" if the attempt was interrupted."""
        return "" if self.result == NO_ATTEMPT else code_name(self.result)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDenied(_Happened):
    """A principal made a call without the required permission."""

    kind: ClassVar[Literal["CallDenied"]] = "CallDenied"
    principal: str
    """A member in IAM's notation."""
    status: str
    """The canonical name of the error."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFailed(_Happened):
    """The state could not be read or written."""

    kind: ClassVar[Literal["StateFailed"]] = "StateFailed"
    queue: str = ""
    status: str
    """The canonical name of the error."""
    message: str


QueueChange = QueueCreated | QueueUpdated | QueueDeleted | QueuePurged | QueuePaused | QueueResumed
LeaseEvent = TaskLeased | LeaseRenewed | LeaseCancelled | TaskAcknowledged | TaskGivenUp
TaskOperation = TaskCreated | TaskDeleted | AttemptStarted | AttemptEnded
"""The events that Cloud Tasks writes to Cloud Logging."""

Event = (
    QueueChange
    | QueueThrottled
    | TaskOperation
    | LeaseEvent
    | TaskForced
    | TaskExpired
    | CallDenied
    | StateFailed
)

"""Events as Cloud Tasks writes them to Cloud Logging: entries with a `TaskActivityLog`. Pure.

What is logged, and what share of it: https://cloud.google.com/tasks/docs/logging. The entry:
https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry. The payload's type and a
creation's fields as https://cloud.google.com/tasks/docs/add-task-queue shows them, a response's
as entries of the real service that others have published: 64-bit counts are text, severity is
ERROR for whatever is not OK. Of the payload no description is public: that of a dispatch and of
a deletion holds the fields that the other two have, which is our choice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from queuewright.engine.events import (
    AttemptEnded,
    AttemptStarted,
    Event,
    TaskCreated,
    TaskDeleted,
    TaskOperation,
)
from queuewright.engine.protocol.names import short
from queuewright.engine.protocol.times import SECOND_US, text

TYPE: Final = "type.googleapis.com/google.cloud.tasks.logging.v1.TaskActivityLog"

_OPERATIONS: Final = {
    TaskCreated: "taskCreationLog",
    TaskDeleted: "taskDeletionLog",
    AttemptStarted: "attemptDispatchLog",
    AttemptEnded: "attemptResponseLog",
}
"""The payload's key for each event that is logged."""

Entry = Mapping[str, object]


def log_entry(event: Event) -> Entry | None:
    """Return the `LogEntry` for an event, as JSON takes it; None where Cloud Tasks writes none.

    An attempt that was interrupted, to be made again after the next start, had no response.
    """
    if not isinstance(event, TaskOperation):
        return None
    if isinstance(event, AttemptEnded) and event.outcome == "interrupted":
        return None
    operation = _OPERATIONS[type(event)]
    _, project, _, location, _, queue_id = event.queue.split("/")
    status = event.status if isinstance(event, AttemptEnded) else "OK"
    return {
        "insertId": _fingerprint(event),
        "jsonPayload": {"@type": TYPE, "task": event.task, operation: _facts(event, status)},
        "logName": f"projects/{project}/logs/cloudtasks.googleapis.com%2Ftask_operations_log",
        # https://cloud.google.com/monitoring/api/resources#tag_cloud_tasks_queue
        "resource": {
            "type": "cloud_tasks_queue",
            "labels": {
                "location": location,
                "project_id": project,
                "queue_id": queue_id,
                "target_type": event.target_type,
            },
        },
        "severity": "INFO" if status == "OK" else "ERROR",
        "timestamp": text(event.time_us),
    }


def is_sampled(event: Event) -> bool:
    """Return whether the queue's `sampling_ratio` lets this event into the log.

    The choice is the task's: of one task all events are in, or none. Without a logging
    configuration all are: whoever asked for a log here wants one.
    """
    if not isinstance(event, TaskOperation) or event.sampling_ratio is None:
        return True
    digest = hashlib.blake2b(event.task.encode(), digest_size=8).digest()
    return int.from_bytes(digest) < event.sampling_ratio * 2**64


def _facts(event: TaskOperation, status: str) -> dict[str, object]:
    facts: dict[str, object] = {
        "scheduleTime": text(event.schedule_us),
        "status": status,
        "targetAddress": event.target_address,
        "targetType": event.target_type,
    }
    if isinstance(event, AttemptStarted | AttemptEnded):
        facts["dispatchCount"] = str(event.attempt)
        facts["maxAttempts"] = event.max_attempts
        facts["responseCount"] = str(event.response_count)
    if isinstance(event, AttemptEnded):
        if event.duration_us is not None:
            seconds, micros = divmod(event.duration_us, SECOND_US)
            facts["attemptDuration"] = f"{seconds}.{micros:06d}s"
        if event.next_retry_us is not None:
            facts["retryTime"] = text(event.next_retry_us)
    return dict(sorted(facts.items()))


def _fingerprint(event: TaskOperation) -> str:
    """An id that no other entry has: Cloud Logging drops an entry whose id it already has."""
    attempt = event.attempt if isinstance(event, AttemptStarted | AttemptEnded) else 0
    told = f"{event.kind} {event.time_us} {event.queue} {short(event.task)} {attempt}"
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()

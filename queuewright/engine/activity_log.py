"""Converts events to the entries that Cloud Tasks writes to Cloud Logging (`TaskActivityLog`).

Sources: https://cloud.google.com/tasks/docs/logging for the operations and the sampling;
https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry for the entry;
https://cloud.google.com/tasks/docs/add-task-queue for the payload's type and the fields of a
creation; published entries of the real service for the fields of a response (64-bit counts are
text, the severity is ERROR unless the status is OK). The payload has no public schema, so the
fields of a dispatch and of a deletion are our choice: those of the other two.
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
from queuewright.engine.protocol.status import NO_ATTEMPT
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
    """Return the `LogEntry` of an event as JSON, or None if Cloud Tasks does not log it.

    An interrupted attempt is not logged: it had no response.
    """
    if not isinstance(event, TaskOperation):
        return None
    if isinstance(event, AttemptEnded) and event.result == NO_ATTEMPT:
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
    """Return whether an event is in the sample of its queue's `sampling_ratio`.

    Either all events of a task are, or none. Without a logging configuration all events are: unlike
    on Google Cloud, the log was asked for.
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
    """Return a unique id: Cloud Logging drops an entry whose id it already has."""
    attempt = event.attempt if isinstance(event, AttemptStarted | AttemptEnded) else 0
    told = f"{event.kind} {event.time_us} {event.queue} {short(event.task)} {attempt}"
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()

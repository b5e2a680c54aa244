"""Events become the entries that Cloud Tasks writes to Cloud Logging."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from queuewright.engine import Event
from queuewright.engine.activity_log import TYPE, entry, is_sampled
from queuewright.engine.events import Kind

QUEUE = "projects/acme/locations/europe-west1/queues/emails"
TASK = f"{QUEUE}/tasks/t1"
NOW = 1_700_000_000_000_000
TARGET = {"target_address": "POST https://a.example/send", "target_type": "HTTP"}
ATTEMPT = {"attempt": 2, "dispatch_count": 2, "max_attempts": 8, **TARGET}


def event(kind: Any, **facts: Any) -> Event:
    given: dict[str, Any] = {"time_us": NOW, "queue": QUEUE, "task": TASK, **facts}
    return Event(kind=kind, **given)


def answered(**facts: Any) -> Event:
    given: dict[str, Any] = {
        "schedule_us": NOW - 2_500_000,
        "duration_us": 1_250,
        "response_count": 2,
        **ATTEMPT,
        **facts,
    }
    return event("AttemptResponse", **given)


CREATED = {
    "scheduleTime": "2023-11-14T22:13:20Z",
    "status": "OK",
    "targetAddress": "POST https://a.example/send",
    "targetType": "HTTP",
}
ANSWERED = {
    "attemptDuration": "0.001250s",
    "dispatchCount": "2",
    "maxAttempts": 8,
    "responseCount": "2",
    "scheduleTime": "2023-11-14T22:13:17.500000Z",
    "targetAddress": "POST https://a.example/send",
    "targetType": "HTTP",
}
LOGGED = [
    (
        event("CreateTask", schedule_us=NOW, status="OK", **TARGET),
        "INFO",
        {"taskCreationLog": CREATED},
    ),
    (
        event("DeleteTask", schedule_us=NOW, status="OK", **TARGET),
        "INFO",
        {"taskDeletionLog": CREATED},
    ),
    (
        event("AttemptDispatch", schedule_us=NOW, response_count=1, **ATTEMPT),
        "INFO",
        {
            "attemptDispatchLog": {
                **CREATED,
                "dispatchCount": "2",
                "maxAttempts": 8,
                "responseCount": "1",
            }
        },
    ),
    (
        answered(status="OK", http_code=200, outcome="succeeded"),
        "INFO",
        {"attemptResponseLog": {**ANSWERED, "status": "OK"}},
    ),
    (
        answered(
            status="UNAVAILABLE",
            http_code=503,
            outcome="will_retry",
            next_retry_us=NOW + 10_000_001,
        ),
        "ERROR",
        {
            "attemptResponseLog": {
                **ANSWERED,
                "retryTime": "2023-11-14T22:13:30.000001Z",
                "status": "UNAVAILABLE",
            }
        },
    ),
    (
        answered(status="DEADLINE_EXCEEDED", outcome="gave_up", max_attempts=-1),
        "ERROR",
        {"attemptResponseLog": {**ANSWERED, "maxAttempts": -1, "status": "DEADLINE_EXCEEDED"}},
    ),
]
NOT_LOGGED = sorted(set(get_args(Kind)) - {told.kind for told, _, _ in LOGGED})


@pytest.mark.parametrize(("told", "severity", "payload"), LOGGED)
def test_an_operation_of_a_task_is_an_entry_as_cloud_tasks_writes_it(
    told: Event, severity: str, payload: dict[str, Any]
) -> None:
    """Log, resource and payload under Google's names; counts of 64 bits are text."""
    written = dict(entry(told) or {})
    assert written.pop("insertId")
    assert written == {
        "jsonPayload": {"@type": TYPE, "task": TASK, **payload},
        "logName": "projects/acme/logs/cloudtasks.googleapis.com%2Ftask_operations_log",
        "resource": {
            "type": "cloud_tasks_queue",
            "labels": {
                "location": "europe-west1",
                "project_id": "acme",
                "queue_id": "emails",
                "target_type": "HTTP",
            },
        },
        "severity": severity,
        "timestamp": "2023-11-14T22:13:20Z",
    }


@pytest.mark.parametrize("kind", NOT_LOGGED)
def test_what_cloud_tasks_does_not_log_is_no_entry(kind: str) -> None:
    """Calls on queues are in its audit log, and the rest is ours."""
    queue = "" if kind == "StateFailed" else QUEUE
    assert entry(event(kind, queue=queue, task="")) is None


def test_an_attempt_that_is_made_again_after_a_restart_had_no_response() -> None:
    """The engine was stopped under it; Google's would not have been."""
    assert entry(answered(outcome="interrupted")) is None


def test_entries_are_told_apart_by_their_ids() -> None:
    """Cloud Logging keeps one of those that share an id and a time."""
    ids = [dict(entry(told) or {})["insertId"] for told, _, _ in LOGGED[:4]]
    assert len(set(ids)) == 4
    assert dict(entry(LOGGED[0][0]) or {})["insertId"] == ids[0]


def sampled(ratio: float | None) -> set[str]:
    """Which of ten thousand tasks are in the log."""
    tasks = (f"{QUEUE}/tasks/{number}" for number in range(10_000))
    return {
        task for task in tasks if is_sampled(event("CreateTask", task=task, sampling_ratio=ratio))
    }


def test_a_ratio_is_the_share_of_tasks_that_is_logged() -> None:
    """As near to it as chance is: five standard deviations are 250."""
    assert abs(len(sampled(0.5)) - 5_000) < 250
    assert (len(sampled(0.0)), len(sampled(1.0))) == (0, 10_000)


def test_without_a_ratio_everything_is_logged() -> None:
    """Google logs nothing then; here, somebody has asked for the log."""
    assert len(sampled(None)) == 10_000


def test_a_greater_ratio_adds_tasks_and_loses_none() -> None:
    """The choice is by the task's name, and so the same for each of its entries."""
    assert sampled(0.1) < sampled(0.2) < sampled(0.9)


def test_of_a_task_all_events_are_logged_or_none() -> None:
    """So that what is in the log is whole stories."""
    for number in range(100):
        task = f"{QUEUE}/tasks/{number}"
        told = [event(kind, task=task, sampling_ratio=0.5) for kind in ("CreateTask", "DeleteTask")]
        told += [answered(task=task, sampling_ratio=0.5, attempt=attempt) for attempt in (1, 2)]
        assert len({is_sampled(each) for each in told}) == 1

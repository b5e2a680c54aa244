"""The log entries that events become."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from queuewright.engine import Event, events
from queuewright.engine.activity_log import TYPE, is_sampled, log_entry
from queuewright.engine.protocol.status import TIMED_OUT

QUEUE = "projects/acme/locations/europe-west1/queues/emails"
TASK = f"{QUEUE}/tasks/t1"
NOW = 1_700_000_000_000_000
TARGET: dict[str, Any] = {
    "time_us": NOW,
    "queue": QUEUE,
    "task": TASK,
    "target_address": "POST https://a.example/send",
    "target_type": "HTTP",
    "sampling_ratio": None,
}
ATTEMPT = {"attempt": 2, "max_attempts": 8}
HELD: dict[str, Any] = {"time_us": NOW, "queue": QUEUE, "task": TASK, **ATTEMPT}


def created(**facts: Any) -> events.TaskCreated:
    return events.TaskCreated(**{**TARGET, "schedule_us": NOW, **facts})


def deleted(**facts: Any) -> events.TaskDeleted:
    return events.TaskDeleted(**{**TARGET, "schedule_us": NOW, **facts})


def answered(**facts: Any) -> events.AttemptEnded:
    given: dict[str, Any] = {
        **TARGET,
        **ATTEMPT,
        "schedule_us": NOW - 2_500_000,
        "duration_us": 1_250,
        "response_count": 2,
        "result": 200,
        "next_retry_us": None,
        "outcome": "succeeded",
        "message": "",
        **facts,
    }
    return events.AttemptEnded(**given)


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
LOGGED: list[tuple[Event, str, dict[str, Any]]] = [
    (created(), "INFO", {"taskCreationLog": CREATED}),
    (deleted(), "INFO", {"taskDeletionLog": CREATED}),
    (
        events.AttemptStarted(**TARGET, **ATTEMPT, schedule_us=NOW, response_count=1),
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
    (answered(), "INFO", {"attemptResponseLog": {**ANSWERED, "status": "OK"}}),
    (
        answered(result=503, outcome="will_retry", next_retry_us=NOW + 10_000_001),
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
        answered(result=TIMED_OUT, outcome="gave_up", max_attempts=-1),
        "ERROR",
        {"attemptResponseLog": {**ANSWERED, "maxAttempts": -1, "status": "DEADLINE_EXCEEDED"}},
    ),
]
NOT_LOGGED: list[Event] = [
    events.TaskLeased(**HELD, until_us=NOW),
    events.LeaseRenewed(**HELD, until_us=NOW),
    events.LeaseCancelled(**HELD),
    events.TaskAcknowledged(**HELD),
    events.TaskGivenUp(**HELD),
    *(change(time_us=NOW, queue=QUEUE, origin="caller") for change in get_args(events.QueueChange)),
    events.QueueThrottled(
        time_us=NOW, queue=QUEUE, task=TASK, attempt=1, http_code=503, message="slower"
    ),
    events.TaskForced(time_us=NOW, queue=QUEUE, task=TASK),
    events.TaskExpired(
        time_us=NOW,
        queue=QUEUE,
        task=TASK,
        schedule_us=NOW,
        dispatch_count=0,
        response_count=0,
        message="old",
    ),
    events.CallDenied(time_us=NOW, queue=QUEUE, principal="user:a", status="", message=""),
    events.StateFailed(time_us=NOW, status="RESOURCE_EXHAUSTED", message="full"),
]


def test_every_kind_of_event_is_either_logged_or_not() -> None:
    """A new kind must be added to one of the two lists."""
    listed = {type(told) for told, _, _ in LOGGED} | {type(told) for told in NOT_LOGGED}
    assert listed == set(get_args(Event))


@pytest.mark.parametrize(("told", "severity", "payload"), LOGGED)
def test_an_operation_of_a_task_is_an_entry_as_cloud_tasks_writes_it(
    told: Event, severity: str, payload: dict[str, Any]
) -> None:
    """Log, resource and payload under Google's names; counts of 64 bits are text."""
    written = dict(log_entry(told) or {})
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


@pytest.mark.parametrize("told", NOT_LOGGED, ids=lambda told: told.kind)
def test_other_events_are_not_logged(told: Event) -> None:
    """Calls on queues are in its audit log, and the rest is ours."""
    assert log_entry(told) is None


def test_an_interrupted_attempt_is_not_logged() -> None:
    """The engine was stopped under it; Google's would not have been."""
    assert log_entry(answered(outcome="interrupted", result=0)) is None
    assert log_entry(answered(outcome="deleted", result=0)) is None


def test_entries_are_told_apart_by_their_ids() -> None:
    """Cloud Logging keeps one of those that share an id and a time."""
    ids = [dict(log_entry(told) or {})["insertId"] for told, _, _ in LOGGED[:4]]
    assert len(set(ids)) == 4
    assert dict(log_entry(LOGGED[0][0]) or {})["insertId"] == ids[0]


def sampled(ratio: float | None) -> set[str]:
    """Return which of ten thousand tasks are logged."""
    tasks = (f"{QUEUE}/tasks/{number}" for number in range(10_000))
    return {task for task in tasks if is_sampled(created(task=task, sampling_ratio=ratio))}


def test_a_ratio_is_the_share_of_tasks_that_is_logged() -> None:
    """As near to it as chance is: five standard deviations are 250."""
    assert abs(len(sampled(0.5)) - 5_000) < 250
    assert (len(sampled(0.0)), len(sampled(1.0))) == (0, 10_000)


def test_without_a_ratio_everything_is_logged() -> None:
    """Google logs nothing then; here, the user asked for the log."""
    assert len(sampled(None)) == 10_000


def test_a_higher_ratio_adds_tasks_and_drops_none() -> None:
    """The choice depends only on the task's name."""
    assert sampled(0.1) < sampled(0.2) < sampled(0.9)


def test_all_events_of_a_task_are_logged_or_none() -> None:
    """So every task in the log is complete."""
    for number in range(100):
        task = f"{QUEUE}/tasks/{number}"
        facts: dict[str, Any] = {"task": task, "sampling_ratio": 0.5}
        told: list[Event] = [created(**facts), deleted(**facts)]
        told += [answered(task=task, sampling_ratio=0.5, attempt=attempt) for attempt in (1, 2)]
        assert len({is_sampled(each) for each in told}) == 1

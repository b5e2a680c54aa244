"""What happens in the engine, in one line that a person understands."""

from __future__ import annotations

from typing import Any

import pytest

from queuewright.engine import UNREACHABLE, Event, Excerpt, events
from queuewright.local.console.event_lines import Line, facts, line

QUEUE = "projects/p/locations/l/queues/emails"
NOW = 1_700_000_000_000_000


TASK = f"{QUEUE}/tasks/t1"
TARGET: dict[str, Any] = {
    "time_us": NOW,
    "queue": QUEUE,
    "task": TASK,
    "schedule_us": NOW,
    "target_address": "POST http://x/send",
    "target_type": "HTTP",
    "sampling_ratio": None,
}


def attempt(outcome: events.Outcome, **facts: Any) -> events.AttemptEnded:
    given: dict[str, Any] = {
        **TARGET,
        "outcome": outcome,
        "attempt": 3,
        "max_attempts": 8,
        "response_count": 0,
        "result": 0,
        "duration_us": 12_000,
        "next_retry_us": None,
        "message": "",
        **facts,
    }
    return events.AttemptEnded(**given)


HELD: dict[str, Any] = {
    "time_us": NOW,
    "queue": QUEUE,
    "task": TASK,
    "attempt": 2,
    "max_attempts": 5,
}


SHOWN: list[tuple[Event, str, str]] = [
    (events.TaskCreated(**TARGET), "task t1 added", "info"),
    (
        events.TaskCreated(**{**TARGET, "schedule_us": NOW + 600_000_000}),
        "task t1 added, due in 10m",
        "info",
    ),
    (
        attempt("succeeded", attempt=1, max_attempts=-1, result=200, duration_us=800),
        "task t1 → 200 in 1ms",
        "info",
    ),
    (
        attempt(
            "succeeded",
            result=200,
            excerpt=Excerpt(body=b"the task is among the dead letters: ValueError: x\n"),
        ),
        "task t1: attempt 3 of 8 in 12ms; it is a dead letter: ValueError: x",
        "error",
    ),
    (attempt("succeeded", result=204), "task t1 → 204 in 12ms, attempt 3 of 8", "info"),
    (
        attempt("will_retry", result=503, next_retry_us=NOW + 10_000_000),
        "task t1 → 503 in 12ms, attempt 3 of 8; again in 10s",
        "warning",
    ),
    (
        attempt("will_retry", result=UNREACHABLE, message="refused", next_retry_us=NOW),
        "task t1 → UNAVAILABLE (refused) in 12ms, attempt 3 of 8; again in 1ms",
        "warning",
    ),
    (
        attempt("gave_up", result=500),
        "task t1 → 500 in 12ms, attempt 3 of 8; given up, the task is gone",
        "error",
    ),
    (
        attempt("interrupted", duration_us=None),
        "task t1: attempt 3 of 8 interrupted; delivered after the next start",
        "info",
    ),
    (
        attempt("deleted", duration_us=None),
        "task t1: attempt 3 of 8 interrupted; the task was deleted during it",
        "info",
    ),
    (
        events.TaskLeased(**HELD, until_us=NOW + 60_000_000),
        "task t1 leased for 1m, attempt 2 of 5",
        "info",
    ),
    (events.LeaseCancelled(**HELD), "task t1 given back, attempt 2 of 5", "warning"),
    (events.TaskAcknowledged(**HELD), "task t1 acknowledged, attempt 2 of 5", "info"),
    (
        events.TaskGivenUp(**HELD),
        "task t1 was leased 2 times without success; given up, the task is gone",
        "error",
    ),
    (
        events.QueuePaused(time_us=NOW, queue=QUEUE, origin="caller"),
        "paused: dispatches nothing until it is resumed",
        "info",
    ),
    (
        events.QueueThrottled(
            time_us=NOW, queue=QUEUE, task=TASK, attempt=1, http_code=503, message="slower"
        ),
        "slower",
        "warning",
    ),
    (
        events.CallDenied(
            time_us=NOW,
            queue=QUEUE,
            principal="serviceAccount:a@b.c",
            status="PERMISSION_DENIED",
            message="it lacks all rights",
        ),
        "denied to serviceAccount:a@b.c: it lacks all rights",
        "warning",
    ),
]


@pytest.mark.parametrize(("happened", "text", "level"), SHOWN)
def test_an_event_is_one_line(happened: Event, text: str, level: Any) -> None:
    """With its outcome and the next attempt."""
    assert line(happened, verbose=False) == Line("queue emails", text, level)


def test_without_a_kept_state_an_interrupted_task_is_gone() -> None:
    """Nothing is delivered after the next start."""
    text = "task t1: attempt 3 of 8 interrupted; the task is gone, because `--memory` keeps nothing"
    shown = line(attempt("interrupted", duration_us=None), verbose=False, is_kept=False)
    assert shown == Line("queue emails", text, "info")


def test_the_start_of_an_attempt_is_a_line_only_if_verbose() -> None:
    """The line about its end is enough."""
    happened = events.AttemptStarted(**TARGET, attempt=1, max_attempts=8, response_count=0)
    assert line(happened, verbose=False) is None
    found = line(happened, verbose=True)
    assert found is not None
    assert found.text == "task t1: attempt 1, POST http://x/send"


def test_a_renewed_lease_is_a_line_only_if_verbose() -> None:
    """Workers renew again and again."""
    happened = events.LeaseRenewed(**HELD, until_us=NOW + 60_000_000)
    assert line(happened, verbose=False) is None
    found = line(happened, verbose=True)
    assert found is not None
    assert found.text == "task t1: lease renewed, 1m from now"


def test_an_event_without_a_queue_is_the_engines() -> None:
    """A full disk, for one."""
    happened = events.StateFailed(time_us=NOW, status="RESOURCE_EXHAUSTED", message="full")
    assert line(happened, verbose=False) == Line("engine", "full", "error")


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        (events.TaskCreated(**TARGET), {"event": "CreateTask", "task": TASK}),
        (
            attempt("will_retry", result=503),
            {
                "event": "AttemptResponse",
                "task": TASK,
                "attempt": 3,
                "http_code": 503,
                "outcome": "will_retry",
            },
        ),
        (
            events.TaskLeased(**HELD, until_us=NOW),
            {"event": "LeaseTask", "task": TASK, "attempt": 2},
        ),
        (
            events.TaskGivenUp(**HELD),
            {"event": "GiveUpTask", "task": TASK, "attempt": 2, "outcome": "gave_up"},
        ),
        (
            events.TaskExpired(
                time_us=NOW,
                queue=QUEUE,
                task=TASK,
                schedule_us=NOW,
                dispatch_count=2,
                response_count=1,
                message="old",
            ),
            {"event": "ExpireTask", "task": TASK, "outcome": "expired"},
        ),
        (
            events.QueueThrottled(
                time_us=NOW, queue=QUEUE, task=TASK, attempt=1, http_code=503, message="slower"
            ),
            {"event": "QueueThrottled", "task": TASK, "attempt": 1, "http_code": 503},
        ),
    ],
)
def test_a_program_gets_the_facts_by_name(happened: Event, expected: dict[str, Any]) -> None:
    """As `--json` prints them."""
    assert facts(happened) == {"queue": QUEUE, **expected}

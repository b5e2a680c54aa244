"""What happens in the engine, in one line that a person understands."""

from __future__ import annotations

from typing import Any

import pytest

from queuewright.engine import Event
from queuewright.local.console.event_lines import Line, line

QUEUE = "projects/p/locations/l/queues/emails"
NOW = 1_700_000_000_000_000


def event(kind: Any, **facts: Any) -> Event:
    given = {"time_us": NOW, "queue": QUEUE, "task": f"{QUEUE}/tasks/t1", **facts}
    return Event(kind=kind, **given)


def attempt(outcome: str, **facts: Any) -> Event:
    return event(
        "AttemptResponse",
        outcome=outcome,
        attempt=3,
        max_attempts=8,
        duration_us=12_000,
        **facts,
    )


@pytest.mark.parametrize(
    ("happened", "text", "level"),
    [
        (event("CreateTask", schedule_us=NOW), "task t1 added", "info"),
        (
            event("CreateTask", schedule_us=NOW + 600_000_000),
            "task t1 added, due in 10m 0s",
            "info",
        ),
        (
            event(
                "AttemptResponse", outcome="succeeded", attempt=1, http_code=200, duration_us=800
            ),
            "task t1 → 200 in 1 ms",
            "info",
        ),
        (
            attempt("succeeded", http_code=204),
            "task t1 → 204 in 12 ms, attempt 3 of 8",
            "info",
        ),
        (
            attempt("will_retry", http_code=503, next_retry_us=NOW + 10_000_000),
            "task t1 → 503 in 12 ms, attempt 3 of 8; again in 10 s",
            "warning",
        ),
        (
            attempt("will_retry", status="UNAVAILABLE", message="refused", next_retry_us=NOW),
            "task t1 → UNAVAILABLE (refused) in 12 ms, attempt 3 of 8; again in 1 ms",
            "warning",
        ),
        (
            attempt("gave_up", http_code=500),
            "task t1 → 500 in 12 ms, attempt 3 of 8; given up, the task is gone",
            "error",
        ),
        (
            attempt("interrupted"),
            "task t1: attempt 3 of 8 interrupted; delivered after the next start",
            "info",
        ),
        (event("PauseQueue", task=""), "paused: dispatches nothing until it is resumed", "info"),
        (event("QueueThrottled", message="slower"), "slower", "warning"),
        (
            event("CallDenied", principal="serviceAccount:a@b.c", message="it lacks all rights"),
            "denied to serviceAccount:a@b.c: it lacks all rights",
            "warning",
        ),
    ],
)
def test_an_event_is_one_line(happened: Event, text: str, level: Any) -> None:
    """With what came of it and what comes next."""
    assert line(happened, verbose=False) == Line("queue emails", text, level)


def test_the_start_of_an_attempt_is_for_those_who_want_it_verbose() -> None:
    """Its end says it all."""
    happened = event("AttemptDispatch", attempt=1, target_address="POST http://x/send")
    assert line(happened, verbose=False) is None
    found = line(happened, verbose=True)
    assert found is not None
    assert found.text == "task t1: attempt 1, POST http://x/send"


def test_what_concerns_no_queue_is_the_engines() -> None:
    """A full disk, for one."""
    happened = event("StateFailed", queue="", task="", message="full")
    assert line(happened, verbose=False) == Line("engine", "full", "error")

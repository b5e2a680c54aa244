"""`tasks`: what a row says about the last attempt."""

from __future__ import annotations

from datetime import UTC, datetime

from google.cloud import tasks_v2
from google.rpc.status_pb2 import Status

from queuewright.cli.tasks import _last, _row


def test_an_attempt_without_a_response_shows_its_error() -> None:
    """Its status is set, and its `response_time` is not."""
    message = "UNAVAILABLE(14): no response from the target"
    attempt = tasks_v2.Attempt(response_status=Status(code=14, message=message))
    row = _row(tasks_v2.Task(name="tasks/a", last_attempt=attempt))
    assert (row["last_status"], row["last_message"]) == ("UNAVAILABLE", message)


def test_an_attempt_that_runs_has_no_status() -> None:
    """It has been dispatched, and nothing else is known."""
    row = _row(tasks_v2.Task(name="tasks/a", last_attempt=tasks_v2.Attempt()))
    assert (row["last_status"], row["last_message"]) == (None, None)


STATUS = Status(code=14, message="UNAVAILABLE(14): no response from the target")


def test_a_running_attempt_does_not_hide_the_one_before() -> None:
    """The API has the running one only; the engine tells the other."""
    running = tasks_v2.Attempt(dispatch_time=datetime.now(UTC))
    task = tasks_v2.Task(name="tasks/a", last_attempt=running)
    row = _row(task, tasks_v2.Attempt(response_status=STATUS))
    assert (row["running"], row["last_message"]) == (True, STATUS.message)
    assert _last(row) == f"running; before: {STATUS.message}"
    assert _last(_row(task)) == "running"


def test_a_task_that_has_ended_an_attempt_is_not_running() -> None:
    """With a response or without."""
    now = datetime.now(UTC)
    refused = tasks_v2.Attempt(dispatch_time=now, response_status=STATUS)
    answered = tasks_v2.Attempt(dispatch_time=now, response_time=now)
    for attempt in (refused, answered):
        assert _row(tasks_v2.Task(name="tasks/a", last_attempt=attempt))["running"] is False
    assert _last(_row(tasks_v2.Task(name="tasks/a"))) == "–"

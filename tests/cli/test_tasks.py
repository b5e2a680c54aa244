"""`tasks`: what a row says about the last attempt."""

from __future__ import annotations

from google.cloud import tasks_v2
from google.rpc.status_pb2 import Status

from queuewright.cli.tasks import _row


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

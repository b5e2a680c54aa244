"""What happens is told in lines, or as Cloud Tasks logs it."""

from __future__ import annotations

import io
import json
from typing import Any

from queuewright.engine import Event
from queuewright.local.console.console import Console
from queuewright.local.console.event_printer import Teller

QUEUE = "projects/p/locations/l/queues/emails"


def event(kind: Any, **facts: Any) -> Event:
    return Event(kind=kind, time_us=0, queue=QUEUE, task=f"{QUEUE}/tasks/t1", **facts)


def test_without_a_log_every_event_is_a_line_whatever_the_ratio() -> None:
    """Who reads along wants to see all of it."""
    words = io.StringIO()
    Teller(Console(words))(event("CreateTask", sampling_ratio=0.0))
    assert words.getvalue().endswith("│ task t1 added\n")


def test_with_a_log_an_operation_is_an_entry_and_no_line() -> None:
    """One JSON object a line."""
    words, log = io.StringIO(), io.StringIO()
    teller = Teller(Console(words), log=log)
    teller(event("CreateTask"))
    teller(event("DeleteTask"))
    entries = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [list(entry["jsonPayload"])[2] for entry in entries] == [
        "taskCreationLog",
        "taskDeletionLog",
    ]
    assert words.getvalue() == ""


def test_what_is_not_sampled_is_told_nowhere() -> None:
    """The queue has asked for silence."""
    words, log = io.StringIO(), io.StringIO()
    Teller(Console(words), log=log)(event("CreateTask", sampling_ratio=0.0))
    assert words.getvalue() + log.getvalue() == ""


def test_what_cloud_tasks_does_not_log_stays_a_line() -> None:
    """A full disk above all, whatever any queue's ratio."""
    words, log = io.StringIO(), io.StringIO()
    teller = Teller(Console(words), log=log)
    teller(Event(kind="StateFailed", time_us=0, queue="", message="the disk is full"))
    assert "error: the disk is full" in words.getvalue()
    assert log.getvalue() == ""


def test_a_quiet_one_still_writes_its_log() -> None:
    """An attempt that ends while all is being stopped did end."""
    words, log = io.StringIO(), io.StringIO()
    teller = Teller(Console(words), log=log, quiet=True)
    teller(event("CreateTask"))
    teller(event("PauseQueue"))
    assert words.getvalue() == ""
    assert len(log.getvalue().splitlines()) == 1

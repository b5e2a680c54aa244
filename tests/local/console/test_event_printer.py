"""What happens is told in lines, or as Cloud Tasks logs it."""

from __future__ import annotations

import io
import json
from typing import Any

from queuewright.engine import Event
from queuewright.local.console.console import Console
from queuewright.local.console.event_printer import EventPrinter

QUEUE = "projects/p/locations/l/queues/emails"


def event(kind: Any, **facts: Any) -> Event:
    return Event(kind=kind, time_us=0, queue=QUEUE, task=f"{QUEUE}/tasks/t1", **facts)


def test_without_a_log_every_event_is_a_line_whatever_the_ratio() -> None:
    """A person who watches wants to see everything."""
    words = io.StringIO()
    EventPrinter(Console(words))(event("CreateTask", sampling_ratio=0.0))
    assert words.getvalue().endswith("│ task t1 added\n")


def test_with_a_log_an_operation_is_an_entry_and_no_line() -> None:
    """One JSON object per line."""
    words, log = io.StringIO(), io.StringIO()
    printer = EventPrinter(Console(words), log=log)
    printer(event("CreateTask"))
    printer(event("DeleteTask"))
    entries = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [list(entry["jsonPayload"])[2] for entry in entries] == [
        "taskCreationLog",
        "taskDeletionLog",
    ]
    assert words.getvalue() == ""


def test_an_event_that_is_not_sampled_is_not_printed() -> None:
    """The queue's ratio leaves it out."""
    words, log = io.StringIO(), io.StringIO()
    EventPrinter(Console(words), log=log)(event("CreateTask", sampling_ratio=0.0))
    assert words.getvalue() + log.getvalue() == ""


def test_an_event_that_cloud_tasks_does_not_log_stays_a_line() -> None:
    """Such as a full disk, whatever the ratio of any queue."""
    words, log = io.StringIO(), io.StringIO()
    printer = EventPrinter(Console(words), log=log)
    printer(Event(kind="StateFailed", time_us=0, queue="", message="the disk is full"))
    assert "error: the disk is full" in words.getvalue()
    assert log.getvalue() == ""


def test_a_quiet_printer_still_writes_its_log() -> None:
    """An attempt that ends during the stop is logged."""
    words, log = io.StringIO(), io.StringIO()
    printer = EventPrinter(Console(words), log=log, quiet=True)
    printer(event("CreateTask"))
    printer(event("PauseQueue"))
    assert words.getvalue() == ""
    assert len(log.getvalue().splitlines()) == 1

"""What happens is told in lines, or as Cloud Tasks logs it."""

from __future__ import annotations

import io
import json

import pytest

from queuewright.engine import events
from queuewright.local.console.console import Console
from queuewright.local.console.event_printer import EventPrinter
from queuewright.local.console.line_writer import LineWriter

QUEUE = "projects/p/locations/l/queues/emails"


TASK = f"{QUEUE}/tasks/t1"


def created(sampling_ratio: float | None = None) -> events.TaskCreated:
    return events.TaskCreated(
        time_us=0,
        queue=QUEUE,
        task=TASK,
        schedule_us=0,
        target_address="POST https://a.example/send",
        target_type="HTTP",
        sampling_ratio=sampling_ratio,
    )


def deleted() -> events.TaskDeleted:
    return events.TaskDeleted(
        time_us=0,
        queue=QUEUE,
        task=TASK,
        schedule_us=0,
        target_address="POST https://a.example/send",
        target_type="HTTP",
        sampling_ratio=None,
    )


def test_without_a_log_every_event_is_a_line_whatever_the_ratio() -> None:
    """A person who watches wants to see everything."""
    words = io.StringIO()
    EventPrinter(Console(words))(created(sampling_ratio=0.0))
    assert words.getvalue().endswith("│ task t1 added\n")


def test_with_a_log_an_operation_is_an_entry_and_no_line() -> None:
    """One JSON object per line."""
    words, log = io.StringIO(), io.StringIO()
    printer = EventPrinter(Console(words), log=LineWriter(log))
    printer(created())
    printer(deleted())
    entries = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [list(entry["jsonPayload"])[2] for entry in entries] == [
        "taskCreationLog",
        "taskDeletionLog",
    ]
    assert words.getvalue() == ""


def test_an_event_that_is_not_sampled_is_not_printed() -> None:
    """The queue's ratio leaves it out."""
    words, log = io.StringIO(), io.StringIO()
    EventPrinter(Console(words), log=LineWriter(log))(created(sampling_ratio=0.0))
    assert words.getvalue() + log.getvalue() == ""


def test_an_event_that_cloud_tasks_does_not_log_stays_a_line() -> None:
    """Such as a full disk, whatever the ratio of any queue."""
    words, log = io.StringIO(), io.StringIO()
    printer = EventPrinter(Console(words), log=LineWriter(log))
    printer(events.StateFailed(time_us=0, status="RESOURCE_EXHAUSTED", message="the disk is full"))
    assert "error: the disk is full" in words.getvalue()
    assert log.getvalue() == ""


@pytest.mark.parametrize(("origin", "lines"), [("program", 0), ("caller", 1)])
def test_a_change_made_by_the_environment_itself_is_no_line(
    origin: events.Origin, lines: int
) -> None:
    """The environment says what it does in its own words; a caller's change is news."""
    words = io.StringIO()
    EventPrinter(Console(words))(events.QueuePaused(time_us=0, queue=QUEUE, origin=origin))
    assert len(words.getvalue().splitlines()) == lines


def test_the_lines_of_a_queue_that_a_caller_created_are_aligned_with_the_others() -> None:
    """From its creation on."""
    words = io.StringIO()
    printer = EventPrinter(Console(words))
    long = f"{QUEUE}-with-a-long-name"
    printer(events.QueueCreated(time_us=0, queue=long, origin="caller"))
    printer(created())
    first, second = words.getvalue().splitlines()
    assert first.index("│") == second.index("│")

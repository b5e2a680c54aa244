"""The queues of handlers that have not started are held, and their tasks are mentioned."""

from __future__ import annotations

import io
from collections.abc import Collection

import pytest

from queuewright.engine import events
from queuewright.local.console.console import Console
from queuewright.local.queues.held import EVERY_US, HeldQueues

QUEUE = "projects/p/locations/l/queues/emails"
OTHER = "projects/p/locations/l/queues/other"


@pytest.fixture
def words() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def names() -> list[Collection[str]]:
    """The queues that the engine was asked to hold, call by call."""
    return []


@pytest.fixture
def held(words: io.StringIO, names: list[Collection[str]]) -> HeldQueues:
    held = HeldQueues(Console(words), names.append)
    held.follow({QUEUE: "mailer", OTHER: "other"})
    return held


def added(task: str, time_us: int = 0, queue: str = QUEUE) -> events.TaskCreated:
    return events.TaskCreated(
        time_us=time_us,
        queue=queue,
        task=f"{queue}/tasks/{task}",
        schedule_us=0,
        target_address="POST https://a.example/send",
        target_type="HTTP",
        sampling_ratio=None,
    )


def test_the_queues_of_a_held_handler_are_held(
    held: HeldQueues, names: list[Collection[str]]
) -> None:
    """Until it is released."""
    held.hold("mailer")
    assert names[-1] == [QUEUE]
    held.release("mailer")
    assert names[-1] == []


def test_a_queue_that_a_held_handler_gets_later_is_held(
    held: HeldQueues, names: list[Collection[str]]
) -> None:
    """The environment's file may change."""
    held.hold("mailer")
    held.follow({QUEUE: "other", OTHER: "mailer"})
    assert names[-1] == [OTHER]


def test_a_task_that_arrives_is_mentioned(held: HeldQueues, words: io.StringIO) -> None:
    """Under the name of its handler."""
    held.hold("mailer")
    held.notice(added("t1"))
    assert "mailer      │ warning: task t1 waits: this handler has not started" in words.getvalue()


def test_many_tasks_are_mentioned_together(held: HeldQueues, words: io.StringIO) -> None:
    """Every few seconds, with their number."""
    held.hold("mailer")
    for number in range(1000):
        held.notice(added(f"t{number}", EVERY_US - 1))
    held.notice(added("last", 2 * EVERY_US))
    lines = words.getvalue().splitlines()
    assert len(lines) == 2
    assert "task last and 999 more wait: this handler has not started" in lines[1]


def test_the_tasks_of_other_handlers_are_not_mentioned(
    held: HeldQueues, words: io.StringIO
) -> None:
    """Nor those of a handler that has been released."""
    held.hold("mailer")
    held.notice(added("t1", queue=OTHER))
    held.notice(added("t2", queue="projects/p/locations/l/queues/made-by-a-call"))
    held.release("mailer")
    held.notice(added("t3"))
    assert words.getvalue() == ""

"""`queues`: what a row says about a queue."""

from __future__ import annotations

from google.cloud import tasks_v2beta3
from rich.console import Console

from queuewright.cli.queues import _row, _table


def shown(queue: tasks_v2beta3.Queue) -> list[str]:
    """The words of a queue's line."""
    console = Console(width=200)
    with console.capture() as captured:
        console.print(_table([_row(queue)]))
    return captured.get().splitlines()[1].split()


def test_a_push_queue_has_its_limits() -> None:
    limits = tasks_v2beta3.RateLimits(max_dispatches_per_second=0.5, max_concurrent_dispatches=7)
    queue = tasks_v2beta3.Queue(
        name="queues/q",
        state=tasks_v2beta3.Queue.State.RUNNING,
        rate_limits=limits,
        retry_config=tasks_v2beta3.RetryConfig(max_attempts=5),
    )
    assert _row(queue)["type"] == "PUSH"
    assert shown(queue) == ["q", "RUNNING", "0", "0", "0.5/s", "7", "5"]


def test_a_pull_queue_has_leases_and_no_rate() -> None:
    """Its running tasks are those that workers hold."""
    queue = tasks_v2beta3.Queue(
        name="queues/q",
        type_=tasks_v2beta3.Queue.Type.PULL,
        state=tasks_v2beta3.Queue.State.RUNNING,
        rate_limits=tasks_v2beta3.RateLimits(max_concurrent_dispatches=-1),
        retry_config=tasks_v2beta3.RetryConfig(max_attempts=-1),
        stats=tasks_v2beta3.QueueStats(tasks_count=3, concurrent_dispatches_count=2),
    )
    assert _row(queue)["type"] == "PULL"
    assert shown(queue) == ["q", "RUNNING", "3", "2", "pull", "–", "no", "limit"]

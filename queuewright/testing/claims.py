"""What is wrong with what a test claims, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from queuewright.testing.attempts import Attempts
from queuewright.testing.tasks import Task
from queuewright.testing.timeline import offset, shortened


def not_delivered(
    queue: str, attempts: Attempts, *, waiting: int, dead: int, expected: int | None
) -> str | None:
    """Return why not all tasks of a queue are delivered, in `expected` attempts; None if they are.

    Args:
        queue: the queue's key.
        attempts: the attempts of its tasks.
        waiting: how many tasks are left in it.
        dead: how many dead letters it has.
        expected: how many attempts there should have been; None: any number.
    """
    last = {attempt.task: attempt for attempt in attempts}
    lost = sum(attempt.outcome == "gave_up" for attempt in last.values())
    if waiting:
        return f"{_tasks(waiting)} of `{queue}` {_is(waiting)} left"
    if dead:
        letters = "a dead letter" if dead == 1 else "dead letters"
        return f"{_tasks(dead)} of `{queue}` {_is(dead)} {letters}"
    if lost:
        return f"{_tasks(lost)} of `{queue}` {_is(lost)} given up"
    if not any(attempt.succeeded for attempt in last.values()):
        return f"`{queue}` has delivered no task"
    if expected is not None and expected != len(attempts):
        return f"`{queue}` took {len(attempts)} attempts, not {expected}"
    return None


def waiting_lines(tasks: Sequence[Task], attempts: Attempts) -> list[str]:
    """Return a line for each waiting task: when it is due, and why it is not done."""
    last = {(attempt.queue, attempt.task): attempt for attempt in attempts}
    lines = []
    for task in tasks:
        line = f"waiting in {task.queue}: task {task.id}, {_due(task.time, attempts.since)}"
        if task.attempts:
            line += f", after {task.attempts} attempts"
        before = last.get((task.queue, task.id))
        if before is not None and before.error:
            line += f"; the last one: {shortened(before.error)}"
        lines.append(line)
    return lines


def _due(time: datetime, since: datetime) -> str:
    return f"due at {offset(time, since)}" if time > since else "due at once"


def _tasks(number: int) -> str:
    return "1 task" if number == 1 else f"{number} tasks"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"

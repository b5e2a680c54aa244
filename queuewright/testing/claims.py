"""What is wrong with what a test claims, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from queuewright.testing.attempts import Attempts
from queuewright.testing.tasks import Task
from queuewright.testing.timeline import offset, shortened


def not_delivered(
    queue: str, attempts: Attempts, waiting: Sequence[Task], expected: int | None
) -> str | None:
    """Return why not all tasks of a queue are delivered, in `expected` attempts; None if they are.

    Args:
        queue: the queue's key.
        attempts: the attempts of its tasks.
        waiting: the tasks that are left in it.
        expected: how many attempts there should have been; None: any number.
    """
    last = {attempt.task: attempt for attempt in attempts}
    lost = [attempt for attempt in last.values() if attempt.outcome == "gave_up"]
    if waiting:
        return f"{_tasks(len(waiting))} of `{queue}` {_is(len(waiting))} left"
    dead = [attempt for attempt in last.values() if attempt.outcome == "dead_letter"]
    if dead:
        letters = "a dead letter" if len(dead) == 1 else "dead letters"
        return f"{_tasks(len(dead))} of `{queue}` {_is(len(dead))} {letters}"
    if lost:
        return f"{_tasks(len(lost))} of `{queue}` {_is(len(lost))} given up"
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

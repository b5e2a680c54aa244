"""Deletes the oldest of what is more than the bounds allow, within a transaction.

A little more is deleted than must be, so that it is not done for each batch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from queuewright.history import bounds
from queuewright.history.batch import Batch
from queuewright.history.bounds import Bound
from queuewright.history.known import Total
from queuewright.history.records import State
from queuewright.history.statements import delete

_SLACK: Final = 0.01
_PIECE: Final = 1_000
"""Tasks that are looked at in one go."""


@dataclass(frozen=True)
class Bounds:
    """How much is kept."""

    tasks: Mapping[State, Bound]
    attempts: Bound = bounds.ATTEMPTS
    lines: Bound = bounds.LINES


DEFAULT: Final = Bounds(bounds.TASKS)


def trim(database: sqlite3.Connection, batch: Batch, limits: Bounds) -> None:
    """Delete the oldest tasks, attempts and lines, as far as there are too many."""
    for state, bound in limits.tasks.items():
        while _is_over(total := batch.known.total(state), bound):
            if not _drop_tasks(database, batch, state, total, bound):
                break
    for table, total, bound in (
        ("attempt", batch.known.attempts, limits.attempts),
        ("line", batch.known.lines, limits.lines),
    ):
        while _is_over(total, bound):
            before = total.rows
            share = _excess(total, bound)
            oldest = f"id IN (SELECT id FROM {table} ORDER BY id LIMIT ?)"
            delete(database, batch, table, oldest, (max(1, int(total.rows * share)),))
            if total.rows == before:
                break


def _is_over(total: Total, bound: Bound) -> bool:
    return total.rows > bound.rows or total.size > bound.size


def _excess(total: Total, bound: Bound) -> float:
    """Return which share of the rows is too many, and the slack."""
    rows = 1 - bound.rows / max(1, total.rows)
    size = 1 - bound.size / max(1, total.size)
    return min(1.0, max(rows, size) + _SLACK)


def _drop_tasks(
    database: sqlite3.Connection, batch: Batch, state: State, total: Total, bound: Bound
) -> bool:
    """Delete the oldest tasks of a state, with their attempts and lines; return whether any."""
    rows_left = total.rows - int(bound.rows * (1 - _SLACK))
    size_left = total.size - int(bound.size * (1 - _SLACK))
    doomed: list[int] = []
    for number, queue, size in _oldest(database, batch, state):
        if rows_left <= 0 and size_left <= 0:
            break
        doomed.append(number)
        rows_left, size_left = rows_left - 1, size_left - size
        batch.known.count(queue, state, -1, -size)
    marks = ",".join("?" * len(doomed))
    for table in ("attempt", "line"):
        delete(database, batch, table, f"task IN ({marks})", doomed)
    database.execute(f"DELETE FROM task WHERE id IN ({marks})", doomed)
    if state == "unfinished":
        batch.known.forget(frozenset(doomed))
    return bool(doomed)


def _oldest(database: sqlite3.Connection, batch: Batch, state: State) -> list[tuple[int, str, int]]:
    """Return (number, queue, size) of the oldest tasks of a state in all queues, oldest first."""
    found: list[tuple[int, int, str, int]] = []
    for queue, number in batch.known.queues.items():
        rows = database.execute(
            "SELECT coalesce(ended, id), id, size FROM task WHERE queue = ? AND state = ?"
            " ORDER BY ended, id LIMIT ?",
            (number, state, _PIECE),
        )
        found += [(order, task, queue, size) for order, task, size in rows]
    found.sort()
    return [(task, queue, size) for _, task, queue, size in found[:_PIECE]]

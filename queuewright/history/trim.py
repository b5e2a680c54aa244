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
        total = batch.known.states.get(state)
        while total is not None and _is_over(total, bound):
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
    least = (total.rows - bound.rows * (1 - _SLACK), total.size - bound.size * (1 - _SLACK))
    names = {number: name for name, number in batch.known.queues.items()}
    doomed: list[int] = []
    size_gone = 0
    for number, queue, size in database.execute(
        "SELECT id, queue, size FROM task WHERE state = ? ORDER BY ended, id LIMIT ?",
        (state, _PIECE),
    ).fetchall():
        if len(doomed) >= least[0] and size_gone >= least[1]:
            break
        doomed.append(number)
        size_gone += size
        batch.known.count(names[queue], state, -1, -size)
    marks = ",".join("?" * len(doomed))
    for table in ("attempt", "line"):
        delete(database, batch, table, f"task IN ({marks})", doomed)
    database.execute(f"DELETE FROM task WHERE id IN ({marks})", doomed)
    if state == "unfinished":
        batch.known.forget(frozenset(doomed))
    return bool(doomed)

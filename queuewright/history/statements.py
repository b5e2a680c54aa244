"""Writes the rows of a batch, many with one statement.

A statement with many rows runs in SQLite as a whole, while the event loop goes on; a statement for
each row would have to wait for Python's lock after each.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from queuewright.history.batch import Batch
from queuewright.history.bounds import ATTEMPTS_PER_TASK, BUCKET_US, BUCKETS_PER_QUEUE

_AT_ONCE: Final = (256, 32, 1)


@dataclass(frozen=True)
class Bulk:
    """A statement that inserts rows."""

    table: str
    columns: tuple[str, ...]
    otherwise: str = ""
    """What to do with a row that is there already."""

    def run(self, database: sqlite3.Connection, rows: Sequence[Collection[object]]) -> None:
        """Insert rows."""
        first = 0
        for count in _AT_ONCE:
            while len(rows) - first >= count:
                some = rows[first : first + count]
                database.execute(self._statement(count), tuple(chain.from_iterable(some)))
                first += count

    def _statement(self, count: int) -> str:
        row = f"({','.join('?' * len(self.columns))})"
        into = f"{self.table} ({', '.join(self.columns)})"
        return f"INSERT INTO {into} VALUES {','.join([row] * count)} {self.otherwise}"


_LAST_ATTEMPT: Final = (
    *("attempt", "max_attempts", "schedule_us", "start_us", "duration_us", "message", "by_hand"),
    *("headers", "is_cut", "size", "body", "content"),
)
_TASKS: Final = Bulk(
    "task",
    (
        *("id", "queue", "name", "create_us", "state", "ended", "end_us", "attempts", "result"),
        *("target", "why", "creator", "parent", "parent_name", *_LAST_ATTEMPT),
    ),
    f"""ON CONFLICT (id) DO UPDATE SET
    state = excluded.state, ended = excluded.ended, end_us = excluded.end_us,
    attempts = max(attempts, excluded.attempts),
    result = CASE excluded.result WHEN 0 THEN result ELSE excluded.result END,
    target = CASE excluded.target WHEN '' THEN target ELSE excluded.target END,
    why = excluded.why, {", ".join(f"{name} = excluded.{name}" for name in _LAST_ATTEMPT)}""",
)
_ATTEMPTS: Final = Bulk(
    "attempt",
    (
        *("task", "attempt", "max_attempts", "schedule_us", "start_us", "duration_us"),
        *("outcome", "result", "message", "target", "by_hand", "next_us", "reason"),
        *("headers", "is_cut", "size", "body"),
    ),
)
_LINES: Final = Bulk("line", ("task", "attempt", "time_us", "certainty", "size", "text"))
_LATE: Final = "UPDATE task SET attempts = max(attempts, ?), result = ? WHERE id = ?"
_BUCKET: Final = """
INSERT INTO bucket VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    created = created + excluded.created, attempts = attempts + excluded.attempts,
    finished = finished + excluded.finished, retried = retried + excluded.retried,
    failed = failed + excluded.failed
"""


def write(database: sqlite3.Connection, batch: Batch) -> None:
    """Write a batch, within a transaction."""
    if batch.queues:
        database.executemany("INSERT INTO queue VALUES (?, ?)", batch.queues)
    _TASKS.run(database, list(batch.tasks.values()))
    _ATTEMPTS.run(database, batch.attempts)
    _LINES.run(database, batch.lines)
    if batch.late:
        database.executemany(_LATE, batch.late)
    for (queue, start_us), counts in batch.buckets.items():
        database.execute(_BUCKET, (queue, start_us, *counts))
        database.execute(
            "DELETE FROM bucket WHERE queue = ? AND start_us <= ?",
            (queue, start_us - BUCKETS_PER_QUEUE * BUCKET_US),
        )
    for task in batch.long_stories:
        _shorten(database, batch, task)


def _shorten(database: sqlite3.Connection, batch: Batch, task: int) -> None:
    """Delete the oldest attempts of a task, but for the latest `ATTEMPTS_PER_TASK`."""
    oldest = database.execute(
        "SELECT id FROM attempt WHERE task = ? ORDER BY id DESC LIMIT 1 OFFSET ?",
        (task, ATTEMPTS_PER_TASK - 1),
    ).fetchone()
    if oldest is not None:
        delete(database, batch, "attempt", "task = ? AND id < ?", (task, oldest[0]))


def delete(
    database: sqlite3.Connection, batch: Batch, table: str, where: str, values: Sequence[object]
) -> None:
    """Delete rows of `attempt` or `line`, and count them."""
    rows, size = database.execute(
        f"SELECT count(*), total(size) FROM {table} WHERE {where}", values
    ).fetchone()
    if rows:
        database.execute(f"DELETE FROM {table} WHERE {where}", values)
        known = batch.known.attempts if table == "attempt" else batch.known.lines
        known.add(-rows, -int(size))

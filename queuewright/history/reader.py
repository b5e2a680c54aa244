"""The queries on the history. They block, so they belong in a thread, not on the event loop."""

from __future__ import annotations

import heapq
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final

from queuewright.history.bounds import ATTEMPTS_PER_TASK, BUCKET_US, LINES_PER_ATTEMPT
from queuewright.history.content import read_headers, task_content
from queuewright.history.records import (
    AttemptRecord,
    Bucket,
    LogLine,
    State,
    TaskContent,
    TaskRecord,
)

_TASK: Final = (
    "SELECT task.id, queue.name, task.name, state, create_us, end_us, ended, attempts, result,"
    " target, why, creator, parent_name, parent FROM task JOIN queue ON queue.id = task.queue"
)
_MOST_CHILDREN: Final = 100


def tasks(
    database: sqlite3.Connection,
    queue: str,
    states: Collection[State],
    text: str,
    before: int | None,
    limit: int,
) -> list[TaskRecord]:
    """Return tasks of a queue that ended, the latest first; see `History.tasks`."""
    found, values = "", list[str]()
    if text:
        found = " AND (instr(task.content, CAST(? AS BLOB)) OR instr(task.name, ?))"
        values = [text, text]
    query = (
        f"{_TASK} WHERE queue.name = ? AND state = ? AND ended < ?{found}"
        " ORDER BY ended DESC LIMIT ?"
    )
    last = 2**62 if before is None else before
    rows = [_records(database, query, (queue, state, last, *values, limit)) for state in states]
    merged = heapq.merge(*rows, key=lambda record: record.order or 0, reverse=True)
    return [record for record, _ in zip(merged, range(limit), strict=False)]


def named(database: sqlite3.Connection, name: str, limit: int) -> list[TaskRecord]:
    """Return the tasks of a name, the latest first."""
    queue, _, task_id = name.rpartition("/tasks/")
    return _records(
        database,
        f"{_TASK} WHERE queue.name = ? AND task.name = ? ORDER BY task.id DESC LIMIT ?",
        (queue, task_id, limit),
    )


def children(database: sqlite3.Connection, parent: int) -> list[TaskRecord]:
    """Return the tasks that a task's handler created during its attempts, oldest first."""
    return _records(
        database, f"{_TASK} WHERE parent = ? ORDER BY task.id LIMIT ?", (parent, _MOST_CHILDREN)
    )


def content(database: sqlite3.Connection, number: int) -> TaskContent | None:
    """Return what a task that ended has sent, or None."""
    found = database.execute("SELECT content FROM task WHERE id = ?", (number,)).fetchone()
    return None if found is None or not found[0] else task_content(found[0])


def attempts(database: sqlite3.Connection, record: TaskRecord) -> list[AttemptRecord]:
    """Return the latest attempts of a task that have ended, oldest first, with their log lines."""
    cursor = database.cursor()
    cursor.row_factory = sqlite3.Row
    rows = cursor.execute(
        "SELECT attempt, max_attempts, schedule_us, start_us, duration_us, outcome, result,"
        " message, target, by_hand, next_us, reason, headers, body, is_cut"
        " FROM attempt WHERE task = ? ORDER BY id DESC LIMIT ?",
        (record.number, ATTEMPTS_PER_TASK),
    ).fetchall()
    printed = lines(database, record.number)
    return [_attempt(record.name, row, printed.get(row["attempt"], ())) for row in reversed(rows)]


def lines(database: sqlite3.Connection, task: int) -> dict[int, list[LogLine]]:
    """Return the log lines of a task, by the number of their attempt."""
    found: dict[int, list[LogLine]] = defaultdict(list)
    for attempt, time_us, text, certainty in database.execute(
        "SELECT attempt, time_us, text, certainty FROM line WHERE task = ? ORDER BY id LIMIT ?",
        (task, ATTEMPTS_PER_TASK * LINES_PER_ATTEMPT),
    ):
        found[attempt].append(LogLine(time_us=time_us, text=text, certainty=certainty))
    return found


def buckets(database: sqlite3.Connection, queue: str, since_us: int) -> list[Bucket]:
    """Return the buckets of a queue in which something happened, oldest first."""
    return [
        Bucket(
            start_us=start_us,
            created=created,
            attempts=tried,
            finished=finished,
            retried=retried,
            failed=failed,
        )
        for start_us, created, tried, finished, retried, failed in database.execute(
            "SELECT start_us, created, attempts, finished, retried, failed FROM bucket"
            " WHERE queue = (SELECT id FROM queue WHERE name = ?) AND start_us >= ?"
            " ORDER BY start_us",
            (queue, since_us - since_us % BUCKET_US),
        )
    ]


def _records(
    database: sqlite3.Connection, query: str, values: Sequence[object]
) -> list[TaskRecord]:
    return [_record(*row) for row in database.execute(query, values)]


def _record(
    number: int,
    queue: str,
    name: str,
    state: State,
    create_us: int,
    end_us: int | None,
    ended: int | None,
    attempts: int,
    result: int,
    target: str,
    why: str,
    creator: str,
    parent_name: str,
    parent: int | None,
) -> TaskRecord:
    """Return a row of `_TASK` as a record."""
    return TaskRecord(
        number=number,
        queue=queue,
        name=f"{queue}/tasks/{name}",
        state=state,
        created_us=create_us,
        ended_us=end_us,
        order=ended,
        attempts=attempts,
        last_result=result,
        target=target,
        why=why,
        creator=creator,
        parent=parent_name,
        parent_number=parent,
    )


def _attempt(task: str, row: sqlite3.Row, printed: Sequence[LogLine]) -> AttemptRecord:
    return AttemptRecord(
        task=task,
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
        schedule_us=row["schedule_us"],
        started_us=row["start_us"],
        duration_us=row["duration_us"],
        outcome=row["outcome"],
        result=row["result"],
        message=row["message"],
        target=row["target"],
        by_hand=bool(row["by_hand"]),
        next_us=row["next_us"],
        reason=row["reason"],
        headers=read_headers(row["headers"]),
        body=row["body"],
        is_cut=bool(row["is_cut"]),
        lines=tuple(printed[:LINES_PER_ATTEMPT]),
        more_lines=max(0, len(printed) - LINES_PER_ATTEMPT),
    )

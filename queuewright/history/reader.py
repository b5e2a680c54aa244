"""The queries on the history. They block, so they belong in a thread, not on the event loop."""

from __future__ import annotations

import heapq
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final, Literal

from queuewright.history.bounds import ATTEMPTS_PER_TASK, BUCKET_US, LINES_PER_ATTEMPT
from queuewright.history.content import read_headers, task_content
from queuewright.history.records import (
    AttemptRecord,
    Bucket,
    Certainty,
    LogLine,
    State,
    TaskContent,
    TaskRecord,
)

_Line = tuple[int, str, Certainty | Literal["more"]]
"""When a log line arrived, its text, and how certain it is; see `PrintedLine`."""

_TASK: Final = (
    "SELECT task.id, queue.name, task.name, state, create_us, end_us, ended, attempts, result,"
    " target, why, creator, parent_name, parent FROM task JOIN queue ON queue.id = task.queue"
)
_ATTEMPTS: Final = (
    "SELECT attempt, max_attempts, schedule_us, start_us, duration_us, outcome, result, message,"
    " target, by_hand, next_us, reason, headers, body, is_cut"
    " FROM attempt WHERE task = ? ORDER BY id DESC LIMIT ?"
)
_LAST_ATTEMPT: Final = (
    "SELECT attempt, max_attempts, schedule_us, start_us, duration_us,"
    " CASE state WHEN 'finished' THEN 'succeeded' ELSE 'gave_up' END AS outcome, result, message,"
    " target, by_hand, NULL AS next_us, why AS reason, headers, body, is_cut"
    " FROM task WHERE id = ? AND attempt IS NOT NULL"
)
"""The attempt that ended a task, from the task's own row."""
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


def attempts(
    database: sqlite3.Connection, record: TaskRecord, running: Sequence[AttemptRecord] = ()
) -> list[AttemptRecord]:
    """Return the latest attempts of a task, oldest first, with their log lines; `running` last."""
    cursor = database.cursor()
    cursor.row_factory = sqlite3.Row
    rows = cursor.execute(_ATTEMPTS, (record.number, ATTEMPTS_PER_TASK)).fetchall()
    rows += cursor.execute(_LAST_ATTEMPT, (record.number,)).fetchall()
    rows.sort(key=lambda row: (row["attempt"], row["start_us"]))
    found = [*(_attempt(record.name, row) for row in rows), *running]
    printed = _lines(database, record.number)
    last_us = {attempt.attempt: attempt.started_us for attempt in found}
    return [
        _with_lines(attempt, printed[attempt.attempt], last_us[attempt.attempt])
        for attempt in found
    ]


def _with_lines(attempt: AttemptRecord, printed: Sequence[_Line], last_us: int) -> AttemptRecord:
    """Return an attempt with its lines among those of its number.

    Args:
        attempt: the attempt.
        printed: the lines.
        last_us: when the last attempt of the number began: one that a stop of the engine
            interrupted is followed by another one with its number.
    """
    is_last = attempt.started_us == last_us
    own = [line for line in printed if is_last == (line[0] >= last_us)]
    return replace(
        attempt,
        lines=tuple(
            LogLine(time_us=time_us, text=text, certainty=certainty)
            for time_us, text, certainty in own
            if certainty != "more"
        ),
        more_lines=sum(int(text) for _, text, certainty in own if certainty == "more"),
    )


def _lines(database: sqlite3.Connection, task: int) -> dict[int, list[_Line]]:
    """Return the log lines of a task, by the number of their attempt."""
    found: dict[int, list[_Line]] = defaultdict(list)
    for attempt, *line in database.execute(
        "SELECT attempt, time_us, text, certainty FROM line WHERE task = ? ORDER BY id LIMIT ?",
        (task, ATTEMPTS_PER_TASK * LINES_PER_ATTEMPT),
    ):
        found[attempt].append((line[0], line[1], line[2]))
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


def _attempt(task: str, row: sqlite3.Row) -> AttemptRecord:
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
    )

"""The store: every statement that reads or writes the state.

The writes of a call are committed before the call returns. Results of attempts stay pending in
memory, where every read sees them, and are written in batches a few milliseconds later. If the
process dies in between, the task is delivered again, which Cloud Tasks permits. On a full disk,
new tasks are refused first, then other changes, and pending results wait.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from queuewright.engine.protocol import refusals
from queuewright.engine.protocol.messages import Operation, Policy, Queue, Task
from queuewright.engine.rules.queue_config import QueueOptions, is_pull
from queuewright.engine.state.file import opened_state
from queuewright.engine.state.pull_tasks import PullTasks
from queuewright.engine.state.rows import (
    GoneTask,
    KeptOperation,
    NewTask,
    QueueRow,
    TaskRow,
    Tombstone,
)
from queuewright.errors import Refusal

_ID_BLOCK: Final = 100_000
"""Numbers are reserved in the file in blocks, so that none is ever used twice."""


_INSERT: Final = "INSERT INTO new_task VALUES (?, ?, ?, ?, ?, ?)"
"""Takes the fields of a `NewTask`, in order."""

_ROW_AND_CONTENT: Final = (
    f"SELECT {', '.join(f'task.{field}' for field in TaskRow._fields)}, content.task"
    " FROM task LEFT JOIN content USING (id) WHERE id = ?"
)

_LAST_ID: Final = 2**63 - 1

_NEWEST: Final = (
    f"SELECT {', '.join(f'task.{field}' for field in TaskRow._fields)},"
    " coalesce(content.task, x'')"
    " FROM task LEFT JOIN content USING (id)"
    " WHERE queue = ?1 AND id < ?2 AND id > ?3 ORDER BY id DESC LIMIT ?4"
)

_QUEUES_WITH_TASKS: Final = """
WITH RECURSIVE found (queue) AS (
    SELECT min(queue) FROM task WHERE queue > ?1
    UNION ALL
    SELECT (SELECT min(queue) FROM task WHERE queue > found.queue)
        FROM found WHERE found.queue IS NOT NULL LIMIT ?2
)
SELECT queue, queue NOT IN (SELECT number FROM queue) FROM found
"""
"""Steps from queue to queue in the index, instead of reading all of it."""

KEPT: Final = {"queue_tombstone": "name", "operation": "request"}
"""The tables of rows that are kept until `until_us`, and their keys."""


class Store:
    """Reads and writes the state.

    Args:
        folder: the folder of the state file. None uses a temporary state.
        key: scrambles the ids in a new state. Random by default.

    Raises:
        TargetError: the state can't be used; see `state_file.opened`.
    """

    def __init__(self, folder: Path | None, *, key: int | None = None) -> None:
        self._state = opened_state(folder)
        self._database = self._state.database
        self.pull_tasks = PullTasks(self._state)
        """The statements on tasks of pull queues."""
        self._failed: dict[int, TaskRow] = {}
        self._ended: dict[int, Tombstone | None] = {}
        self.key = self._fact("key", secrets.randbits(63) if key is None else key)
        """Scrambles the ids of unnamed tasks; stored in the state."""
        self._next_id = self._reserved_id = self._fact("next_id", 1)
        self.freed_id = self._fact("freed_id", 0)
        """The ids of unnamed tasks with numbers up to this were made free by `free_names`."""
        self.has_claimed_ids = bool(self._fact("has_claimed_ids", 0))
        """Whether a user may have named a task by the id of an unnamed task to come."""

    def close(self) -> None:
        """Write pending results if possible, and close the state."""
        with contextlib.suppress(Refusal):
            self.catch_up()
        self._state.close()

    def on_write(self, callback: Callable[[], None] | None) -> None:
        """Call back after every write. None: no longer."""
        self._state.on_write = callback

    def checkpoint(self) -> bool:
        """Move the log into the file; see `StateFile.checkpoint`."""
        return self._state.checkpoint()

    # Numbers

    def new_ids(self, count: int) -> range:
        """Return the next free numbers, for tasks or queues. No number is used twice."""
        first = self._next_id
        if first + count > self._reserved_id:
            reserved = first + count + _ID_BLOCK
            self._keep_fact("next_id", reserved)
            self._reserved_id = reserved
        self._next_id += count
        return range(first, first + count)

    @property
    def last_id(self) -> int:
        """The latest number in use."""
        return self._next_id - 1

    def was_given(self, number: int) -> bool:
        """Return whether this number was ever used."""
        return 0 < number < self._next_id

    def claim_ids(self) -> None:
        """Note that a user has named a task by an id that was not given yet."""
        if not self.has_claimed_ids:
            self._keep_fact("has_claimed_ids", 1)
            self.has_claimed_ids = True

    # Queues

    def queues(self) -> list[QueueRow]:
        """Return all queues."""
        rows = self._database.execute(
            "SELECT number, config, policy, purged_id, task_ttl_us, tombstone_ttl_us, burst"
            " FROM queue ORDER BY number"
        )
        return [
            QueueRow(
                number,
                parsed := Queue.FromString(config),
                Policy.FromString(policy),
                replace(QueueOptions(*options), pull=is_pull(parsed)),
                purged_id,
            )
            for number, config, policy, purged_id, *options in rows
        ]

    def save_queue(self, row: QueueRow) -> None:
        """Write a new or changed queue; removes the tombstone of its name."""
        name, options = row.config.name, row.options
        values = (
            row.number,
            name,
            row.config.SerializeToString(),
            row.policy.SerializeToString(),
            row.purged_id,
            options.task_ttl_us,
            options.tombstone_ttl_us,
            options.burst,
        )

        def write() -> None:
            self._database.execute("DELETE FROM queue_tombstone WHERE name = ?", (name,))
            self._database.execute(
                "REPLACE INTO queue (number, name, config, policy, purged_id, task_ttl_us,"
                " tombstone_ttl_us, burst) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )

        self._state.commit(write)

    def delete_queue(self, row: QueueRow, until_us: int) -> None:
        """Delete a queue. Its name stays taken until `until_us`; the sweeper deletes its tasks."""

        def write() -> None:
            self._database.execute("DELETE FROM queue WHERE number = ?", (row.number,))
            self._database.execute(
                "REPLACE INTO queue_tombstone VALUES (?, ?)", (row.config.name, until_us)
            )

        self._state.commit(write)

    def queue_tombstones(self) -> dict[str, int]:
        """Return the names of deleted queues, and until when they stay taken."""
        return dict(self._database.execute("SELECT name, until_us FROM queue_tombstone"))

    # Tasks

    def insert(self, tasks: Sequence[NewTask], operation: KeptOperation | None = None) -> None:
        """Store new tasks, all or none, together with the operation of their batch."""
        if len(tasks) == 1 and operation is None:
            self._state.write(_INSERT, tuple(tasks[0]))
            return
        with self._state.transaction():
            self._database.executemany(_INSERT, tasks)
            self._keep(operation)

    def delete(
        self,
        tasks: Sequence[GoneTask],
        operation: KeptOperation | None = None,
    ) -> None:
        """Delete tasks, all or none, and store their tombstones."""

        def write() -> None:
            self._delete(tasks)
            self._keep(operation)

        self._state.commit(write)
        for number, _ in tasks:
            self._failed.pop(number, None)

    def find(self, queue: int, name: str) -> int | None:
        """Return the number of the task that the user gave this name."""
        found = self._state.rows("SELECT id FROM task WHERE queue = ? AND name = ?", (queue, name))
        return found[0][0] if found and found[0][0] not in self._ended else None

    def tombstone_us(self, queue: int, name: str) -> int | None:
        """Return until when the name of a finished or deleted task stays taken, or None."""
        for tombstone in self._ended.values():
            if tombstone is not None and tombstone[:2] == (queue, name):
                return tombstone.until_us
        found = self._state.rows(
            "SELECT until_us FROM task_tombstone WHERE queue = ? AND name = ?", (queue, name)
        )
        return found[0][0] if found else None

    def task(self, number: int) -> TaskRow | None:
        """Return a task's row."""
        if number in self._ended:
            return None
        if number in self._failed:
            return self._failed[number]
        found = self._state.rows(
            f"SELECT {', '.join(TaskRow._fields)} FROM task WHERE id = ?", (number,)
        )
        return TaskRow._make(found[0]) if found else None

    def content(self, number: int) -> Task:
        """Return the content of an existing task: target, deadline, retry configuration.

        Raises:
            Refusal: DATA_LOSS if it is unreadable.
        """
        found = self._state.rows("SELECT task FROM content WHERE id = ?", (number,))
        return _read(found[0][0] if found else None)

    def raw_content(self, number: int) -> bytes:
        """Return the serialized content of a task, of a push or a pull queue; b"" if missing."""
        found = self._state.rows("SELECT task FROM content WHERE id = ?", (number,))
        return found[0][0] if found else b""

    def raw_contents(self, rows: Sequence[TaskRow]) -> dict[int, bytes]:
        """Return the serialized contents of tasks by number, as far as they are readable."""
        marks = ",".join("?" * len(rows))
        try:
            found = self._state.rows(
                f"SELECT id, task FROM content WHERE id IN ({marks})", [row.id for row in rows]
            )
        except Refusal:
            return {}
        return dict(found)

    def task_with_content(self, number: int) -> tuple[TaskRow, Task]:
        """Return a task's row and its content, as `task` and `content` do.

        Raises:
            Refusal: DATA_LOSS if one of them is missing or unreadable.
        """
        found = self._state.rows(_ROW_AND_CONTENT, (number,))
        if not found or number in self._ended:
            raise refusals.state_unreadable("a waiting task is missing")
        *fields, content = found[0]
        return self._failed.get(number) or TaskRow._make(fields), _read(content)

    def tasks(self, queue: int, after: int, limit: int) -> list[TaskRow]:
        """Return up to `limit` of a queue's tasks with numbers over `after`, in order.

        It may return fewer although there are more, but none only if there are no more.
        """
        rows: list[TaskRow] = []
        while not rows:
            found = self._state.rows(
                f"SELECT {', '.join(TaskRow._fields)} FROM task"
                " WHERE queue = ? AND id > ? ORDER BY id LIMIT ?",
                (queue, after, limit),
            )
            if not found:
                break
            after = found[-1][0]
            rows = [
                self._failed.get(row[0]) or TaskRow._make(row)
                for row in found
                if row[0] not in self._ended
            ]
        return rows

    def schedule(self) -> Iterator[tuple[int, int, int, bool]]:
        """Return (queue, schedule time, number, was tried) of every push task, also purged ones."""
        return iter(
            self._database.execute(
                "SELECT queue, schedule_us, id, dispatches > 0 FROM task WHERE tag IS NULL"
            )
        )

    def newest(
        self, queue: int, before: int | None, after: int, limit: int
    ) -> list[tuple[TaskRow, bytes]]:
        """Return up to `limit` of a queue's tasks with their contents, newest first.

        Args:
            queue: the queue's number.
            before: only tasks with smaller numbers; None: from the newest.
            after: only tasks with larger numbers.
            limit: the most tasks. Reading a page costs the same at any depth.

        Raises:
            Refusal: RESOURCE_EXHAUSTED if pending results cannot be written.
        """
        self.catch_up()
        found = self._state.rows(
            _NEWEST, (queue, _LAST_ID if before is None else before, after, limit)
        )
        return [(TaskRow._make(fields), content) for *fields, content in found]

    # Attempts

    def note_failed(self, row: TaskRow) -> None:
        """Record a task's row after a failed attempt that will be retried."""
        self._failed[row.id] = row

    def note_ended(self, tasks: Sequence[GoneTask]) -> None:
        """Record that tasks are finished."""
        for number, tombstone in tasks:
            self._failed.pop(number, None)
            self._ended[number] = tombstone

    @property
    def is_behind(self) -> bool:
        """Whether there are pending results."""
        return bool(self._failed or self._ended)

    def catch_up(self) -> None:
        """Write the pending results.

        Raises:
            Refusal: RESOURCE_EXHAUSTED if the disk is full. The results stay pending.
        """
        if not self.is_behind:
            return
        self._state.commit(self._write_results)
        self._failed.clear()
        self._ended.clear()

    def _write_results(self) -> None:
        self._database.executemany(
            "UPDATE task SET schedule_us = ?4, dispatches = ?6, responses = ?7,"
            " executions = ?8, previous = ?9, first_dispatch_us = ?10,"
            " last_schedule_us = ?11, last_dispatch_us = ?12, last_response_us = ?13"
            " WHERE id = ?1",
            list(self._failed.values()),
        )
        self._delete(list(self._ended.items()))

    # Operations

    def operation(self, request: str, now_us: int) -> KeptOperation | None:
        """Return the operation that was kept for a request id."""
        found = self._database.execute(
            "SELECT operation, until_us, queue FROM operation WHERE request = ? AND until_us > ?",
            (request, now_us),
        ).fetchone()
        if found is None:
            return None
        operation, until_us, queue = found
        return KeptOperation(request, Operation.FromString(operation), until_us, queue)

    # Sweeping

    def sweep(self, queue: int, up_to: int, tombstones_until_us: int | None, limit: int) -> int:
        """Delete up to `limit` tasks of a queue with numbers up to `up_to`; return how many.

        Their names stay taken until `tombstones_until_us`. None frees them.
        """
        ids = self._state.rows(
            "SELECT id, name FROM task WHERE queue = ? AND id <= ? ORDER BY id LIMIT ?",
            (queue, up_to, limit),
        )
        if ids:
            gone = [(number, _tombstone(queue, name, tombstones_until_us)) for number, name in ids]
            self._state.commit(lambda: self._delete(gone))
        return len(ids)

    def queues_with_tasks(self, after: int, limit: int) -> list[tuple[int, bool]]:
        """Return up to `limit` queues with tasks and numbers over `after`, in order.

        Each is (number, whether the queue was deleted).
        """
        return [
            (number, bool(is_dead))
            for number, is_dead in self._state.rows(_QUEUES_WITH_TASKS, (after, limit))
            if number is not None
        ]

    def drop_task_tombstones(self, before_us: int, limit: int) -> int:
        """Drop up to `limit` tombstones of tasks kept until `before_us`; return how many."""
        with self._state.transaction():
            dropped = self._database.execute(
                "DELETE FROM task_tombstone WHERE (queue, name) IN"
                " (SELECT queue, name FROM task_tombstone WHERE until_us <= ? LIMIT ?)",
                (before_us, limit),
            )
        return dropped.rowcount

    def drop_outdated(self, table: str, after: str, before_us: int, limit: int) -> str | None:
        """Drop the rows kept until `before_us` among the next `limit` rows of a table of `KEPT`.

        Returns the key of the last row looked at, where the next call continues. None at the end.
        """
        key = KEPT[table]
        found = self._state.rows(
            f"SELECT {key}, until_us FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?",
            (after, limit),
        )
        outdated = [(name,) for name, until_us in found if until_us <= before_us]
        if outdated:
            with self._state.transaction():
                self._database.executemany(f"DELETE FROM {table} WHERE {key} = ?", outdated)
        return found[-1][0] if len(found) == limit else None

    def shrink(self, most: int) -> int:
        """Give up to `most` free pages back to the disk; see `StateFile.shrink`."""
        return self._state.shrink(most)

    def free_names(self) -> None:
        """Drop all tombstones."""
        self.catch_up()
        with self._state.transaction():
            self._database.execute("DELETE FROM task_tombstone")
            self._database.execute("DELETE FROM queue_tombstone")
        self._keep_fact("freed_id", self.last_id)
        self.freed_id = self.last_id

    def _delete(self, tasks: Sequence[GoneTask]) -> None:
        ids = [(number,) for number, _ in tasks]
        self._database.executemany("DELETE FROM task WHERE id = ?", ids)
        self._database.executemany("DELETE FROM content WHERE id = ?", ids)
        tombstones = [tombstone for _, tombstone in tasks if tombstone is not None]
        if tombstones:
            self._database.executemany("REPLACE INTO task_tombstone VALUES (?, ?, ?)", tombstones)

    def _keep(self, operation: KeptOperation | None) -> None:
        if operation is not None:
            self._database.execute(
                "REPLACE INTO operation (request, operation, until_us, queue) VALUES (?, ?, ?, ?)",
                (
                    operation.request,
                    operation.operation.SerializeToString(),
                    operation.until_us,
                    operation.queue,
                ),
            )

    def _fact(self, key: str, otherwise: int) -> int:
        found = self._database.execute("SELECT value FROM fact WHERE key = ?", (key,)).fetchone()
        if found is not None:
            return int(found[0])
        if otherwise:
            self._keep_fact(key, otherwise)
        return otherwise

    def _keep_fact(self, key: str, value: int) -> None:
        with self._state.transaction():
            self._database.execute("REPLACE INTO fact VALUES (?, ?)", (key, value))


def _read(content: bytes | None) -> Task:
    try:
        if content is not None:
            return Task.FromString(content)
    except DecodeError:
        pass
    raise refusals.state_unreadable("the task's content is missing")


def _tombstone(queue: int, name: str | None, until_us: int | None) -> Tombstone | None:
    return None if name is None or until_us is None else Tombstone(queue, name, until_us)

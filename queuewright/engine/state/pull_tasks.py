"""The statements on tasks of pull queues.

A lease is in the task's row: `schedule_us` is its end, `dispatches` the count of leases. Nothing is
pending in memory, so a lease that was given out survives the death of the process. Two indexes, by
time and by tag and time, find the next tasks without reading the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from queuewright.engine.protocol import refusals
from queuewright.engine.protocol.messages_beta import PullMessage, Task
from queuewright.engine.state.rows import GoneTask, NewTask, TaskRow
from queuewright.state_file import StateFile

_COLUMNS: Final = ", ".join(TaskRow._fields)


class Place(NamedTuple):
    """A task's place in the order of leases: by schedule time, then by age."""

    schedule_us: int
    id: int


FIRST: Final = Place(-(2**63), 0)
"""The place before all tasks."""


class PullCounts(NamedTuple):
    """How many tasks a pull queue has, and how many of them are leased."""

    tasks: int
    leased: int
    oldest_schedule_us: int | None


class PullTasks:
    """Reads and writes the tasks of pull queues."""

    def __init__(self, state: StateFile) -> None:
        self._state = state
        self._database = state.database

    def insert(self, task: NewTask, tag: str) -> None:
        """Store a new task. Its content is a v2beta3 `Task` with a pull message; no tag is ""."""
        with self._state.transaction():
            self._database.execute(
                "INSERT INTO task (id, queue, name, schedule_us, create_us, tag)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (*task[:-1], tag),
            )
            self._database.execute("INSERT INTO content VALUES (?, ?)", (task.id, task.content))

    def message(self, number: int) -> PullMessage:
        """Return the payload and the tag of an existing task.

        Raises:
            Refusal: DATA_LOSS if they are unreadable.
        """
        found = self._state.rows("SELECT task FROM content WHERE id = ?", (number,))
        try:
            if found:
                return Task.FromString(found[0][0]).pull_message
        except DecodeError:
            pass
        raise refusals.state_unreadable("the task's content is missing")

    def tag(self, number: int) -> str:
        """Return the tag of an existing task, "" if it has none."""
        found = self._state.rows("SELECT tag FROM task WHERE id = ?", (number,))
        return found[0][0] if found else ""

    def due(
        self,
        queue: int,
        now_us: int,
        *,
        after: Place = FIRST,
        tag: str | None = None,
        purged_id: int,
        limit: int,
    ) -> list[TaskRow]:
        """Return up to `limit` due tasks that nobody holds, oldest schedule time first.

        Args:
            queue: the queue's number.
            now_us: tasks that are scheduled for later are not due; leased ones are among them.
            after: only tasks behind this place.
            tag: only tasks with this tag; None returns tasks with any tag.
            purged_id: only tasks with larger numbers.
            limit: the most rows to return. The rows of other tasks are not read.
        """
        index = "pull_task_by_time" if tag is None else "pull_task_by_tag"
        condition = "tag IS NOT NULL" if tag is None else "tag = ?6"
        found = self._state.rows(
            f"SELECT {_COLUMNS} FROM task INDEXED BY {index}"
            " WHERE queue = ?1 AND schedule_us <= ?2 AND (schedule_us, id) > (?3, ?4)"
            f" AND id > ?5 AND {condition} ORDER BY schedule_us, id LIMIT ?7",
            (queue, now_us, *after, purged_id, tag or "", limit),
        )
        return [TaskRow._make(row) for row in found]

    def write(self, leased: Sequence[TaskRow], deleted: Sequence[GoneTask] = ()) -> None:
        """Store leases, and delete tasks and store their tombstones, all or none."""

        def write() -> None:
            self._database.executemany(
                "UPDATE task SET schedule_us = ?, dispatches = ? WHERE id = ?",
                [(row.schedule_us, row.dispatches, row.id) for row in leased],
            )
            for number, tombstone in deleted:
                self._database.execute("DELETE FROM task WHERE id = ?", (number,))
                self._database.execute("DELETE FROM content WHERE id = ?", (number,))
                if tombstone is not None:
                    self._database.execute(
                        "REPLACE INTO task_tombstone VALUES (?, ?, ?)", tombstone
                    )

        self._state.commit(write)

    def counts(self, queue: int, purged_id: int, now_us: int) -> PullCounts:
        """Return how many tasks a queue has."""
        values = (queue, purged_id, now_us)
        of_queue = (
            "FROM task INDEXED BY pull_task_by_time"
            " WHERE queue = ?1 AND id > ?2 AND tag IS NOT NULL"
        )
        counts = self._state.rows(
            f"SELECT (SELECT count(*) {of_queue}),"
            f" (SELECT count(*) {of_queue} AND schedule_us > ?3 AND dispatches > 0),"
            f" (SELECT schedule_us {of_queue} ORDER BY schedule_us LIMIT 1)",
            values,
        )
        return PullCounts._make(counts[0])

    def clock_set_back(self, by_us: int, now_us: int) -> None:
        """Adjust to a clock that was set back to `now_us`: tasks that were due stay due."""
        self._state.write(
            "UPDATE task SET schedule_us = schedule_us - ?1"
            " WHERE tag IS NOT NULL AND schedule_us > ?2 AND schedule_us <= ?2 + ?1",
            (by_us, now_us),
        )

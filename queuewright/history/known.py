"""What the writer knows of the file without reading it: unfinished tasks, next numbers, totals.

A task is known by its full name and the moment of its creation.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from queuewright.history.records import State

Key = tuple[str, int]
"""A task's full name, and when it was created."""

_RECENT: Final = 4_096


@dataclass(slots=True)
class Total:
    """How many rows a table has, or how many tasks a state, and their size in bytes."""

    rows: int = 0
    size: int = 0

    def add(self, rows: int, size: int) -> None:
        """Count rows; negative numbers take them off."""
        self.rows += rows
        self.size += size


@dataclass
class Known:
    """What is in the file. Made by `Known.loaded`."""

    queues: dict[str, int]
    """The number of each queue, by its full name."""
    unfinished: dict[Key, int]
    """The number of each unfinished task."""
    next_task: int
    next_ended: int
    tasks: dict[tuple[str, State], Total]
    """How many tasks each queue has in each state, and the size of their contents."""
    attempts: Total
    lines: Total
    _recent: dict[Key, int] = field(default_factory=dict)
    _older: dict[Key, int] = field(default_factory=dict)

    @classmethod
    def loaded(cls, database: sqlite3.Connection) -> Known:
        """Read the file once."""
        queues = {name: number for number, name in database.execute("SELECT id, name FROM queue")}
        names = {number: name for name, number in queues.items()}
        unfinished = {
            (f"{names[queue]}/tasks/{name}", create_us): number
            for number, queue, name, create_us in database.execute(
                "SELECT id, queue, name, create_us FROM task WHERE state = 'unfinished' ORDER BY id"
            )
        }
        tasks: dict[tuple[str, State], Total] = {
            (names[queue], state): Total(rows, size)
            for queue, state, rows, size in database.execute(
                "SELECT queue, state, count(*), sum(size) FROM task GROUP BY queue, state"
            )
        }
        (last_task,) = database.execute("SELECT max(id) FROM task").fetchone()
        (last_ended,) = database.execute("SELECT max(ended) FROM task").fetchone()
        attempts, lines = (
            Total(
                *database.execute(
                    f"SELECT count(*), coalesce(sum(size), 0) FROM {table}"
                ).fetchone()
            )
            for table in ("attempt", "line")
        )
        return cls(
            queues=queues,
            unfinished=unfinished,
            next_task=(last_task or 0) + 1,
            next_ended=(last_ended or 0) + 1,
            tasks=tasks,
            attempts=attempts,
            lines=lines,
        )

    def number(self, key: Key) -> int | None:
        """Return the number of a task that is unfinished or ended a short while ago."""
        return self.unfinished.get(key) or self._recent.get(key) or self._older.get(key)

    def begin(self, key: Key, queue: str) -> int:
        """Add an unfinished task, and return its number."""
        number = self.unfinished[key] = self.next_task
        self.next_task += 1
        self.count(queue, "unfinished", 1, 0)
        return number

    def end(self, key: Key, queue: str, state: State, size: int) -> tuple[int, int, bool]:
        """Count a task as ended.

        Returns:
            Its number; its place among those that ended; whether it was unknown before.
        """
        number = self.unfinished.pop(key, None)
        is_new = number is None
        if number is None:
            number = self.next_task
            self.next_task += 1
        else:
            self.count(queue, "unfinished", -1, 0)
        self.count(queue, state, 1, size)
        if len(self._recent) >= _RECENT:
            self._older, self._recent = self._recent, {}
        self._recent[key] = number
        ended = self.next_ended
        self.next_ended += 1
        return number, ended, is_new

    def count(self, queue: str, state: State, rows: int, size: int) -> None:
        """Count tasks; negative numbers take them off."""
        total = self.tasks.get((queue, state))
        if total is None:
            total = self.tasks[queue, state] = Total()
        total.rows += rows
        total.size += size

    def total(self, state: State) -> Total:
        """Return how many tasks of a state there are in all queues."""
        total = Total()
        for (_, other), part in list(self.tasks.items()):
            if other == state:
                total.add(part.rows, part.size)
        return total

    def forget(self, numbers: Collection[int]) -> None:
        """Forget unfinished tasks that are no longer in the file."""
        self.unfinished = {
            key: number for key, number in self.unfinished.items() if number not in numbers
        }

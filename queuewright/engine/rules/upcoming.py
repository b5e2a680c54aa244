"""Counts the waiting tasks whose time has not come, without looking at all of them.

Each task is looked at once more, when somebody asks after its time has come. So the counts of a
queue with a hundred thousand tasks cost no more than those of a queue with ten, and a queue whose
counts nobody asks for pays next to nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from typing import Final

_STALE_ALLOWED: Final = 1_024


class Upcoming:
    """The number of tasks that are due later: new ones, and ones that back off.

    Args:
        waiting: when each waiting task is due. It belongs to the caller, who changes it.
        backing_off: those of them that wait for a retry. It belongs to the caller, too.
        now_us: tasks due up to this moment are not counted.
    """

    __slots__ = ("_backing_off", "_fresh", "_later", "_until_us", "_waiting", "new", "retries")

    def __init__(
        self, waiting: Mapping[int, int], backing_off: Collection[int], now_us: int
    ) -> None:
        self._waiting = waiting
        self._backing_off = backing_off
        self._until_us = now_us
        self._later: list[tuple[int, int]] = []
        """A heap; entries of tasks that no longer wait for that moment are stale."""
        self._fresh: list[tuple[int, int]] = []
        """Entries that are not in the heap yet."""
        self.new = 0
        """Tasks that were never tried, due later."""
        self.retries = 0
        """Tasks that back off."""

    def came(self, entry: tuple[int, int]) -> None:
        """Count a task that has just begun to wait, given as (schedule time, task)."""
        if entry[0] <= self._until_us:
            return
        self._fresh.append(entry)
        if len(self._fresh) > 2 * (self.new + self.retries) + _STALE_ALLOWED:
            self._rebuild()
        self._count(entry[1], 1)

    def leaves(self, task: int) -> None:
        """Stop counting a task that still waits, and is about to stop."""
        if self._waiting.get(task, self._until_us) > self._until_us:
            self._count(task, -1)

    def advance(self, now_us: int) -> None:
        """Stop counting the tasks whose time has come."""
        most = 2 * (self.new + self.retries) + _STALE_ALLOWED
        if len(self._fresh) > _STALE_ALLOWED or len(self._later) > most:
            self._rebuild()
        for entry in self._fresh:
            heapq.heappush(self._later, entry)
        self._fresh.clear()
        later, last = self._later, None
        while later and later[0][0] <= now_us:
            entry = heapq.heappop(later)
            # A task that was given the same time twice has two equal entries, side by side.
            if entry != last and self._waiting.get(entry[1]) == entry[0]:
                self._count(entry[1], -1)
            last = entry
        self._until_us = max(self._until_us, now_us)

    def clear(self) -> None:
        """Count nothing any more: no task waits."""
        self.new = self.retries = 0
        self._later.clear()
        self._fresh.clear()

    def recount(self, now_us: int) -> None:
        """Count all tasks again, after a change of many or of the clock."""
        self._until_us = now_us
        self.new = self.retries = 0
        self._later = [
            (when_us, task) for task, when_us in self._waiting.items() if when_us > now_us
        ]
        heapq.heapify(self._later)
        self._fresh.clear()
        for _, task in self._later:
            self._count(task, 1)

    def _count(self, task: int, by: int) -> None:
        if task in self._backing_off:
            self.retries += by
        else:
            self.new += by

    def _rebuild(self) -> None:
        """Drop the entries of tasks that no longer wait for that moment."""
        self._later = [
            entry
            for entry in {*self._later, *self._fresh}
            if self._waiting.get(entry[1]) == entry[0]
        ]
        heapq.heapify(self._later)
        self._fresh.clear()

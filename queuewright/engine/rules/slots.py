"""Shares the slots for attempts among the queues.

An attempt in flight holds a slot: a connection, and so a file descriptor. Invariants:

1. A queue takes no more slots than it leaves free. So one queue alone uses half of them, two
   use a third each, and a queue that comes later finds about as many as the others hold.
2. One slot is kept for each queue that holds none, up to half of all slots. So a queue with
   nothing in flight starts its task at once.
3. A task that is run by hand takes a slot even when none is free.
"""

from __future__ import annotations

from collections.abc import Hashable


class Slots:
    """The slots, and how many each queue holds.

    Args:
        limit: the number of slots; None is no limit.
    """

    __slots__ = ("_held", "_taken", "limit")

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self._held: dict[Hashable, int] = {}
        self._taken = 0

    def may_take(self, queue: Hashable, queues: int) -> bool:
        """Return whether a queue may take a slot. `queues` is the number of queues."""
        if self.limit is None:
            return True
        held, free = self._held.get(queue, 0), self.limit - self._taken
        if held == 0:
            return free > 0
        kept = min(queues - len(self._held), self.limit // 2)
        return held < free - max(0, kept)

    def take(self, queue: Hashable) -> None:
        """Count an attempt that starts."""
        self._held[queue] = self._held.get(queue, 0) + 1
        self._taken += 1

    def give_back(self, queue: Hashable) -> None:
        """Count an attempt that has ended."""
        self._taken -= 1
        held = self._held[queue] - 1
        if held:
            self._held[queue] = held
        else:
            del self._held[queue]

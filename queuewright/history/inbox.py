"""What waits to be written: bounded by count and by size, so that a slow disk costs no memory.

The event loop puts items in, the writer's thread takes them out. Neither waits for the other.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

from queuewright.engine import events
from queuewright.history.bounds import WAITING_BYTES, WAITING_ITEMS
from queuewright.history.records import Certainty


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A log line, and the attempt that it is shown with."""

    attempt: events.AttemptStarted
    time_us: int
    text: str
    certainty: Certainty | Literal["more"]
    """`more`: the text is the number of further lines, which are not kept."""


@dataclass(frozen=True, slots=True)
class CreatedByHandler:
    """A task that a handler created, and the attempt that it worked on then, if that is known."""

    event: events.TaskCreated
    parent: events.AttemptStarted | None


Item = (
    PrintedLine
    | CreatedByHandler
    | events.TaskCreated
    | events.TaskDeleted
    | events.TaskExpired
    | events.AttemptEnded
    | events.QueuePurged
    | events.QueueDeleted
)


class Inbox:
    """The items that wait."""

    def __init__(self, max_items: int = WAITING_ITEMS, max_bytes: int = WAITING_BYTES) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._items: deque[tuple[Item, int]] = deque()
        self._put_bytes = self._taken_bytes = 0
        """Each is changed by one thread only; what waits is the difference."""
        self._has_items = threading.Event()
        self.dropped = 0
        """How many items found no room, ever."""

    def put(self, item: Item, size: int) -> None:
        """Put an item in, or drop it if too much waits. `size` is that of its body, in bytes."""
        if (
            len(self._items) >= self._max_items
            or self._put_bytes - self._taken_bytes > self._max_bytes
        ):
            self.dropped += 1
            return
        self._put_bytes += size
        self._items.append((item, size))
        if not self._has_items.is_set():
            self._has_items.set()

    def wake(self) -> None:
        """Let the thread look, even if nothing waits."""
        self._has_items.set()

    def wait(self) -> None:
        """Return when something waits, or after `wake`."""
        self._has_items.wait()
        self._has_items.clear()

    def take(self, most: int) -> list[Item]:
        """Take the oldest items out, `most` at most."""
        taken: list[Item] = []
        for _ in range(min(len(self._items), most)):
            item, size = self._items.popleft()
            self._taken_bytes += size
            taken.append(item)
        return taken

"""What one queue decides: which tasks run now, and when it next has something to run.

Neither waits nor sends nor knows a task's content: a task is a number here, the time comes in
as an argument, and the dispatcher does what it is told. What holds at every moment:

1. A task starts at or after its schedule time, never before.
2. In any span of t seconds at most `burst + rate * t` tasks start; at most `concurrency` run.
   A task that is run by hand (`run`) does not count: Google lets it pass both limits.
3. A task is waiting, or running, or unknown. A running task that was removed stays unknown,
   whatever becomes of its attempt.
4. Among tasks that are due, the one that was due first starts first.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from queuewright.engine.rules.bucket import TokenBucket
from queuewright.engine.rules.throttle import Throttle

_STALE_ALLOWED = 1_024


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How fast a queue may go: tokens a second, tokens at most, attempts at a time."""

    rate: float
    burst: int
    concurrency: int


class QueueCore:
    """One running queue; about 170 bytes for each waiting task."""

    __slots__ = (
        "_bucket",
        "_due",
        "_occupied",
        "_running",
        "_waiting",
        "limits",
        "paused",
        "throttle",
    )

    def __init__(self, limits: QueueLimits, now_us: int, *, paused: bool = False) -> None:
        self.limits = limits
        self.paused = paused
        self.throttle = Throttle()
        self._bucket = TokenBucket(limits.rate, limits.burst, now_us)
        self._waiting: dict[int, int] = {}
        self._due: list[tuple[int, int]] = []
        self._running: dict[int, int] = {}
        self._occupied = 0

    def __len__(self) -> int:
        """Return how many tasks there are, waiting and running."""
        return len(self._waiting) + sum(task not in self._waiting for task in self._running)

    def __contains__(self, task: int) -> bool:
        return task in self._waiting or task in self._running

    @property
    def running(self) -> int:
        """How many attempts hold one of the queue's slots."""
        return self._occupied

    @property
    def waiting(self) -> int:
        """How many tasks wait for their time, a token or a slot."""
        return len(self._waiting)

    def schedule_us(self, task: int) -> int | None:
        """Return when a waiting task is due, None when it doesn't wait."""
        return self._waiting.get(task)

    def first_schedule_us(self) -> int | None:
        """Return the earliest schedule time among the waiting tasks."""
        self._drop_stale()
        return self._due[0][0] if self._due else None

    def add(self, task: int, schedule_us: int) -> None:
        """Let a task wait for its time; one that waits already gets the new time."""
        if len(self._due) > 2 * len(self._waiting) + _STALE_ALLOWED:
            self._due = [(when_us, waiting) for waiting, when_us in self._waiting.items()]
            heapq.heapify(self._due)
        self._waiting[task] = schedule_us
        heapq.heappush(self._due, (schedule_us, task))

    def load(self, tasks: list[tuple[int, int]]) -> None:
        """Take over many tasks at once, as (schedule time, task)."""
        self._waiting.update((task, schedule_us) for schedule_us, task in tasks)
        self._due += tasks
        heapq.heapify(self._due)

    def start_due(self, now_us: int, most: int | None = None) -> list[int]:
        """Start the tasks that may start now, `most` of them, and return them in order.

        Each counts as running until `ended`.
        """
        started: list[int] = []
        if self.paused or now_us < self.throttle.until_us:
            return started
        while self._occupied < self.limits.concurrency and len(started) != most:
            self._drop_stale()
            if not self._due or self._due[0][0] > now_us or not self._bucket.take(now_us):
                break
            task = heapq.heappop(self._due)[1]
            del self._waiting[task]
            self._running[task] = self._running.get(task, 0) + 1
            self._occupied += 1
            started.append(task)
        return started

    def next_start_us(self, now_us: int) -> int | None:
        """Return the moment at which `start_due` will start something if nothing else changes.

        None when only a call or the end of an attempt can bring it about.
        """
        self._drop_stale()
        if self.paused or not self._due or self._occupied >= self.limits.concurrency:
            return None
        due_us = max(now_us, self._due[0][0], self.throttle.until_us)
        return max(due_us, self._bucket.next_token_us(now_us))

    def clock_set_back(self, by_us: int, now_us: int) -> None:
        """Go on when the clock was set back to `now_us`: what was due before is due now.

        Other tasks keep their time.
        """
        moved: list[tuple[int, int]] = []
        while self._due and self._due[0][0] <= now_us + by_us:
            when_us, task = heapq.heappop(self._due)
            if self._waiting.get(task) == when_us:
                moved.append((when_us - by_us, task))
        for when_us, task in moved:
            self._waiting[task] = when_us
            heapq.heappush(self._due, (when_us, task))
        self.throttle.until_us -= by_us

    def run(self, task: int) -> None:
        """Start a task by hand: paused, not due, out of tokens or running already, all the same."""
        self._waiting.pop(task, None)
        self._running[task] = self._running.get(task, 0) + 1

    def ended(self, task: int, *, by_hand: bool = False) -> bool:
        """Note the end of one attempt; return whether the task is still to be dealt with.

        It is not when it was removed meanwhile. If it is, `add` it again or `remove` it; it may
        still run in another attempt.
        """
        if not by_hand:
            self._occupied -= 1
        attempts = self._running.get(task)
        if attempts is None:
            return False
        if attempts == 1:
            del self._running[task]
        else:
            self._running[task] = attempts - 1
        return True

    def remove(self, task: int) -> None:
        """Forget a task; an attempt that runs keeps its slot until it has ended."""
        self._waiting.pop(task, None)
        self._running.pop(task, None)

    def clear(self) -> None:
        """Forget all tasks."""
        self._waiting.clear()
        self._running.clear()
        self._due.clear()

    def change_limits(self, limits: QueueLimits, now_us: int) -> None:
        """Go by other limits from now on; what runs is left alone."""
        if limits != self.limits:
            self._bucket = self._bucket.changed(limits.rate, limits.burst, now_us)
            self.limits = limits

    def _drop_stale(self) -> None:
        due = self._due
        while due and self._waiting.get(due[0][1]) != due[0][0]:
            heapq.heappop(due)

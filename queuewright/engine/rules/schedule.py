"""Decides which tasks of a queue start now, and when the next one can start.

A task is only a number here, the time is an argument, and the dispatcher does the waiting and the
sending. Invariants:

1. A task never starts before its schedule time.
2. In any span of t seconds at most `burst + rate * t` tasks start, and at most `concurrency` run.
   Tasks run by hand (`run`) do not count: Google exempts them from both limits.
3. A task is waiting, running or unknown. A task that is removed while it runs stays unknown,
   whatever the result of its attempt.
4. Of the tasks that are due, the one that was due first starts first.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection
from dataclasses import dataclass

from queuewright.engine.rules.bucket import TokenBucket
from queuewright.engine.rules.throttle import Throttle
from queuewright.engine.rules.upcoming import Upcoming

_STALE_ALLOWED = 1_024


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """A queue's limits: dispatches a second, burst size, concurrent dispatches."""

    rate: float
    burst: int
    concurrency: int


@dataclass(frozen=True, slots=True)
class StateCounts:
    """How many tasks of a queue are in each state."""

    scheduled: int
    """Never tried, due later."""
    due: int
    """Due, and waiting for a slot, a token or the end of a pause."""
    running: int
    retrying: int
    """Backing off after a failed attempt."""

    @property
    def waiting(self) -> int:
        """The tasks that do not run."""
        return self.scheduled + self.due + self.retrying


class QueueCore:
    """The schedule of one queue; takes about 170 bytes for each waiting task."""

    __slots__ = (
        "_backing_off",
        "_bucket",
        "_due",
        "_occupied",
        "_running",
        "_upcoming",
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
        self._backing_off: set[int] = set()
        """The waiting tasks whose time is the end of a backoff, not a moment that a user chose."""
        self._running: dict[int, int] = {}
        self._occupied = 0
        self._upcoming = Upcoming(self._waiting, self._backing_off, now_us)

    def __len__(self) -> int:
        """Return the number of tasks, waiting and running."""
        return len(self._waiting) + sum(task not in self._waiting for task in self._running)

    def __contains__(self, task: int) -> bool:
        return task in self._waiting or task in self._running

    @property
    def running(self) -> int:
        """The number of attempts that occupy a slot."""
        return self._occupied

    @property
    def waiting(self) -> int:
        """The number of tasks that wait for their time, a token or a slot."""
        return len(self._waiting)

    def counts(self, now_us: int) -> StateCounts:
        """Return how many tasks are in each state; costs the same for any number of tasks."""
        upcoming = self._upcoming
        upcoming.advance(now_us)
        due = len(self._waiting) - upcoming.new - upcoming.retries
        return StateCounts(upcoming.new, due, len(self._running), upcoming.retries)

    def is_retrying(self, task: int) -> bool:
        """Return whether a task waits for a retry."""
        return task in self._backing_off

    def schedule_us(self, task: int) -> int | None:
        """Return when a waiting task is due, or None if it does not wait."""
        return self._waiting.get(task)

    def first_schedule_us(self) -> int | None:
        """Return the earliest schedule time among the waiting tasks."""
        self._drop_stale()
        return self._due[0][0] if self._due else None

    def add(self, task: int, schedule_us: int, *, is_backoff: bool = False) -> None:
        """Schedule a task, or change the time of a waiting task.

        `is_backoff` means that the time is a wait from now on, whatever the clock is set to.
        """
        self._upcoming.leaves(task)
        if is_backoff:
            self._backing_off.add(task)
        else:
            self._backing_off.discard(task)
        if len(self._due) > 2 * len(self._waiting) + _STALE_ALLOWED:
            self._due = [(when_us, waiting) for waiting, when_us in self._waiting.items()]
            heapq.heapify(self._due)
        self._waiting[task] = schedule_us
        entry = (schedule_us, task)
        heapq.heappush(self._due, entry)
        self._upcoming.came(entry)

    def load(
        self, tasks: list[tuple[int, int]], now_us: int, retrying: Collection[int] = ()
    ) -> None:
        """Schedule many tasks at once, given as (schedule time, task).

        The time of those in `retrying` is the end of a backoff.
        """
        self._waiting.update((task, schedule_us) for schedule_us, task in tasks)
        self._backing_off.update(retrying)
        self._due += tasks
        heapq.heapify(self._due)
        self._upcoming.recount(now_us)

    def start_due(self, now_us: int, most: int | None = None) -> list[int]:
        """Start the tasks that may start now, at most `most`, and return them in order.

        Each of them occupies a slot until `ended`.
        """
        started: list[int] = []
        if self.paused or now_us < self.throttle.until_us:
            return started
        while self._occupied < self.limits.concurrency and len(started) != most:
            self._drop_stale()
            if not self._due or self._due[0][0] > now_us or not self._bucket.take(now_us):
                break
            task = heapq.heappop(self._due)[1]
            self._upcoming.leaves(task)
            del self._waiting[task]
            self._backing_off.discard(task)
            self._running[task] = self._running.get(task, 0) + 1
            self._occupied += 1
            started.append(task)
        return started

    def next_start_us(self, now_us: int) -> int | None:
        """Return when `start_due` will next start a task if nothing changes until then.

        None if that takes a call or the end of an attempt.
        """
        self._drop_stale()
        if self.paused or not self._due or self._occupied >= self.limits.concurrency:
            return None
        due_us = max(now_us, self._due[0][0], self.throttle.until_us)
        return max(due_us, self._bucket.next_token_us(now_us))

    def clock_set_back(self, by_us: int, now_us: int) -> None:
        """Adjust to a clock that was set back to `now_us`.

        Tasks that were due stay due, and a backoff takes no longer. Other tasks keep their time.
        """
        moved: list[tuple[int, int]] = []
        while self._due and self._due[0][0] <= now_us + by_us:
            when_us, task = heapq.heappop(self._due)
            if self._waiting.get(task) == when_us:
                moved.append((when_us - by_us, task))
        done = {task for _, task in moved}
        moved += [
            (self._waiting[task] - by_us, task) for task in self._backing_off if task not in done
        ]
        for when_us, task in moved:
            self._waiting[task] = when_us
            heapq.heappush(self._due, (when_us, task))
        self.throttle.until_us -= by_us
        self._upcoming.recount(now_us)

    def run(self, task: int) -> None:
        """Start a task by hand, even if the queue is paused or the task is not due or running."""
        self._upcoming.leaves(task)
        self._waiting.pop(task, None)
        self._backing_off.discard(task)
        self._running[task] = self._running.get(task, 0) + 1

    def ended(self, task: int, *, by_hand: bool = False) -> bool:
        """Record the end of an attempt; return False if the task was removed in the meantime.

        On True, the caller must `add` the task again or `remove` it. Another attempt of it may
        still be running.
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
        """Forget a task. A running attempt keeps its slot until it ends."""
        self._upcoming.leaves(task)
        self._waiting.pop(task, None)
        self._backing_off.discard(task)
        self._running.pop(task, None)

    def clear(self) -> None:
        """Forget all tasks."""
        self._waiting.clear()
        self._backing_off.clear()
        self._running.clear()
        self._due.clear()
        self._upcoming.clear()

    def change_limits(self, limits: QueueLimits, now_us: int) -> None:
        """Apply other limits from now on. Running attempts are not affected."""
        if limits != self.limits:
            self._bucket = self._bucket.changed(limits.rate, limits.burst, now_us)
            self.limits = limits

    def _drop_stale(self) -> None:
        due = self._due
        while due and self._waiting.get(due[0][1]) != due[0][0]:
            heapq.heappop(due)

"""The running queues: each one's configuration, schedule and running tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from queuewright.cloud_tasks.leases import LEASE_CALLS_PER_SECOND
from queuewright.cloud_tasks.retry import RetryPolicy
from queuewright.engine.protocol.messages import HttpTarget, Queue
from queuewright.engine.protocol.times import SECOND_US
from queuewright.engine.rules.bucket import TokenBucket
from queuewright.engine.rules.queue_config import RUNNING, limits, retry_policy
from queuewright.engine.rules.schedule import QueueCore
from queuewright.engine.settings import Settings
from queuewright.engine.state.rows import GoneTask, QueueRow, TaskRow, Tombstone

_MINUTE_US: Final = 60 * SECOND_US


@dataclass(eq=False, slots=True)
class RunningTask:
    """A task with running attempts. Its row counts only the attempts that have ended."""

    row: TaskRow
    dispatch_us: list[int] = field(default_factory=list)
    """When each running attempt was dispatched."""


@dataclass(frozen=True, slots=True)
class QueueStats:
    """A queue's statistics, as in v2beta3's `QueueStats`."""

    tasks_count: int
    oldest_schedule_us: int | None
    """The earliest schedule time of the waiting tasks."""
    executed_last_minute: int
    concurrent_dispatches: int
    effective_rate: float
    """The current limit on dispatches a second."""


class RunningQueue:
    """A queue that dispatches its tasks, or lets workers lease them.

    The tasks of a pull queue are only in the state: its `core` is empty.
    """

    __slots__ = (
        "_is_held",
        "_settings",
        "core",
        "executed",
        "lease_calls",
        "name",
        "planned_us",
        "retry",
        "row",
        "running",
    )

    def __init__(self, row: QueueRow, now_us: int, settings: Settings) -> None:
        self._settings = settings
        self._is_held = False
        self.row = row
        self.name = row.config.name
        self.core = QueueCore(limits(row.config), now_us, paused=self._is_paused)
        self.retry: RetryPolicy = retry_policy(row.config.retry_config)
        self.running: dict[int, RunningTask] = {}
        """The tasks with running attempts, by number."""
        self.executed: deque[tuple[int, int]] = deque(maxlen=61)
        """(second, attempts that ended in it), for the last minute."""
        self.planned_us: int | None = None
        """When the dispatcher plans to look at the queue."""
        rate = LEASE_CALLS_PER_SECOND
        self.lease_calls = TokenBucket(rate, rate, now_us) if self.is_pull else None
        """The LeaseTasks calls that a pull queue allows now; None for a push queue."""

    @property
    def config(self) -> Queue:
        """The queue as the API shows it."""
        return self.row.config

    @property
    def is_pull(self) -> bool:
        """Whether workers lease the queue's tasks, instead of having them dispatched."""
        return self.row.options.pull

    @property
    def http_target(self) -> HttpTarget | None:
        """The overrides for the queue's HTTP tasks, if any."""
        return self.config.http_target if self.config.HasField("http_target") else None

    @property
    def sampling_ratio(self) -> float | None:
        """The share of operations that is logged, or None without a logging configuration."""
        if not self.config.HasField("stackdriver_logging_config"):
            return None
        return self.config.stackdriver_logging_config.sampling_ratio

    @property
    def number(self) -> int:
        """The queue's number in the store."""
        return self.row.number

    @property
    def retention_us(self) -> int:
        """The age at which the queue's tasks expire."""
        own_us = self.row.options.task_ttl_us
        return self._settings.retention_us if own_us is None else own_us

    @property
    def name_reuse_us(self) -> int:
        """How long the name of a finished or deleted task stays taken."""
        own_us = self.row.options.tombstone_ttl_us
        return self._settings.task_name_reuse_us if own_us is None else own_us

    @property
    def is_held(self) -> bool:
        """Whether it dispatches nothing because its handler is not ready."""
        return self._is_held

    @property
    def _is_paused(self) -> bool:
        return self._is_held or self.row.config.state != RUNNING

    def hold(self, *, is_held: bool) -> None:
        """Dispatch no task while held. The queue's state in the API stays as it is."""
        self._is_held = is_held
        self.core.paused = self._is_paused

    def forget(
        self, rows: Sequence[TaskRow], now_us: int, delete: Callable[[list[GoneTask]], None]
    ) -> None:
        """Drop finished or deleted tasks, and keep their names taken for a while.

        `delete` deletes them from the state and stores their tombstones. It runs first: if it
        raises a `Refusal`, the queue still has the tasks.
        """
        until_us = now_us + self.name_reuse_us
        number = self.row.number
        delete(
            [
                (row.id, None if row.name is None else Tombstone(number, row.name, until_us))
                for row in rows
            ]
        )
        for row in rows:
            self.core.remove(row.id)
            self.running.pop(row.id, None)

    def forget_all(self) -> None:
        """Drop all tasks, which are already marked as purged in the state. Leaves no tombstones."""
        self.core.clear()
        self.running.clear()

    def apply(self, row: QueueRow, now_us: int) -> None:
        """Use another configuration from now on."""
        self.row = row
        self.retry = retry_policy(row.config.retry_config)
        self.core.paused = self._is_paused
        self.core.change_limits(limits(row.config), now_us)

    def note_executed(self, now_us: int) -> None:
        """Count an attempt that has ended."""
        second = now_us // SECOND_US
        if self.executed and self.executed[-1][0] == second:
            second, count = self.executed.pop()
            self.executed.append((second, count + 1))
        else:
            self.executed.append((second, 1))

    def stats(self, now_us: int) -> QueueStats:
        """Return the queue's statistics."""
        since = (now_us - _MINUTE_US) // SECOND_US
        held = self.core.paused or now_us < self.core.throttle.until_us
        return QueueStats(
            len(self.core),
            self.core.first_schedule_us(),
            sum(count for second, count in self.executed if second > since),
            self.core.running,
            0.0 if held else self.core.limits.rate,
        )


class Registry:
    """All queues, and the names of deleted queues."""

    def __init__(self) -> None:
        self._by_name: dict[str, RunningQueue] = {}
        self.tombstones: dict[str, int] = {}
        """The names of deleted queues, and until when (µs) they stay taken."""
        self._held: Collection[str] = ()

    def __iter__(self) -> Iterator[RunningQueue]:
        return iter(list(self._by_name.values()))

    def __len__(self) -> int:
        """Return how many queues there are."""
        return len(self._by_name)

    def get(self, name: str) -> RunningQueue | None:
        """Return a queue by its full name."""
        return self._by_name.get(name)

    def add(self, queue: RunningQueue) -> None:
        """Add a queue; removes the tombstone of its name."""
        self._by_name[queue.name] = queue
        queue.hold(is_held=queue.name in self._held)
        self.tombstones.pop(queue.name, None)

    def hold(self, names: Collection[str]) -> None:
        """Hold the queues with these names, now and when they are created; release all others."""
        self._held = frozenset(names)
        for queue in self:
            queue.hold(is_held=queue.name in self._held)

    def remove(self, queue: RunningQueue, until_us: int) -> None:
        """Remove a queue; its name stays taken until `until_us`."""
        del self._by_name[queue.name]
        self.tombstones[queue.name] = until_us

    def free_names(self, before_us: int | None = None) -> None:
        """Free the names of deleted queues that were taken until `before_us`, or all of them."""
        self.tombstones = {
            name: until_us
            for name, until_us in self.tombstones.items()
            if before_us is not None and until_us > before_us
        }

    def names(self, location: str) -> list[str]:
        """Return the names of a location's queues, in lexicographic order."""
        prefix = f"{location}/queues/"
        return sorted(name for name in self._by_name if name.startswith(prefix))

    def existed_recently(self, name: str, now_us: int) -> bool:
        """Return whether the name of a deleted queue is still taken."""
        return self.tombstones.get(name, now_us) > now_us

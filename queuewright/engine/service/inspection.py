"""Reads the queues and tasks for a person who looks at them. Not part of Google's API.

Counts are kept by the queues, so they cost the same for any number of tasks. Searches read the
newest tasks first, a slice at a time, and let the dispatcher work between two slices.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from google.protobuf.message import DecodeError

from queuewright.cloud_tasks.retry import RetryPolicy
from queuewright.engine.dispatch.registry import RunningQueue
from queuewright.engine.protocol import messages_beta, refusals
from queuewright.engine.protocol.messages import Queue, Task
from queuewright.engine.protocol.status import NO_ATTEMPT
from queuewright.engine.rules.queue_config import retry_policy
from queuewright.engine.rules.schedule import QueueLimits, StateCounts
from queuewright.engine.service.calls import Calls
from queuewright.engine.state.rows import TaskRow

State = Literal["scheduled", "due", "running", "retrying", "leased"]

SLICE: Final = 500
"""Tasks that a search reads before it lets the dispatcher work."""


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """A queue at one moment."""

    name: str
    """In full."""
    config: Queue
    """As the API shows it. Not to be changed."""
    is_pull: bool
    counts: StateCounts
    """Of a pull queue, `running` are the leased tasks."""
    limits: QueueLimits
    retry: RetryPolicy
    busy_slots: int
    """Attempts that occupy one of the queue's slots."""
    oldest_due_us: int | None
    """When the task that has been due for the longest became due."""
    next_due_us: int | None
    """When the next task is due, if none is."""
    next_start_us: int | None
    """When the next task can start; None if that takes a call, or the end of an attempt."""
    is_held: bool
    """Held because the handler is not ready, whatever the queue's state."""
    throttled_until_us: int
    """Nothing is dispatched before this moment, because the target reported an overload."""
    last_number: int
    """The number of the newest task of all queues; every later task has a larger one."""


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A task at one moment."""

    number: int
    """Grows with every task that is created."""
    name: str
    """In full."""
    queue: str
    """In full."""
    state: State
    schedule_us: int
    created_us: int
    attempts: int
    """Attempts so far, including running ones. Of a pull task: leases."""
    result: int
    """HTTP code of the last attempt that ended, `TIMED_OUT`, `UNREACHABLE` or `NO_ATTEMPT`."""
    running_since_us: tuple[int, ...]
    """When each running attempt was dispatched."""
    first_dispatch_us: int | None
    last_dispatch_us: int | None
    """Of the last attempt that ended."""
    last_response_us: int | None
    content: Task
    """The target, the body, the deadline. Of a pull task, the body is the payload."""
    retry: RetryPolicy
    """Its own, or else its queue's."""
    tag: str = ""
    """Of a pull task."""

    @property
    def id(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]

    @property
    def body(self) -> bytes:
        """The body of its request, or its payload."""
        if self.content.HasField("app_engine_http_request"):
            return self.content.app_engine_http_request.body
        return self.content.http_request.body


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks are looked for. A task must match everything that is given."""

    state: State | None = None
    text: str = ""
    """In the id, the body, or the headers and the URL; ASCII letters match in either case."""
    result: int | None = None
    """The result of the last attempt that ended."""
    failed: bool | None = None
    """Whether there was an attempt that failed."""
    created_before_us: int | None = None
    created_after_us: int | None = None
    up_to: int | None = None
    """Only tasks with numbers up to this one."""
    numbers: Collection[int] | None = None
    """Only these tasks."""

    @property
    def is_empty(self) -> bool:
        """Whether every task matches."""
        return self == TaskFilter()


class InspectionCalls(Calls):
    """What a person sees of queues and tasks."""

    def queue_facts(self, name: str | None = None) -> list[QueueFacts]:
        """Return the facts of one queue, or of all queues by name."""
        if name is not None:
            queue = self._registry.get(name)
            return [] if queue is None else [self._facts(queue)]
        return [
            self._facts(queue) for queue in sorted(self._registry, key=lambda queue: queue.name)
        ]

    def queue_names(self) -> list[str]:
        """Return the full names of all queues, in order."""
        return sorted(queue.name for queue in self._registry)

    def task_facts(self, name: str) -> TaskFacts | None:
        """Return the facts of a task by its full name; None if there is none.

        Raises:
            Refusal: INVALID_ARGUMENT for a malformed name, DATA_LOSS for an unreadable task.
        """
        queue_name, _, task_id = name.rpartition("/tasks/")
        queue = self._registry.get(queue_name)
        row = None if queue is None else self._row(queue, task_id)
        return None if queue is None or row is None else self._of_row(queue, row)

    def facts_of(self, queue_name: str, numbers: Iterable[int]) -> list[TaskFacts]:
        """Return the facts of those of these tasks of a queue that still exist."""
        queue = self._registry.get(queue_name)
        if queue is None:
            return []
        rows = (self._store.task(number) for number in numbers)
        return [
            self._of_row(queue, row)
            for row in rows
            if row is not None and row.queue == queue.number and row.id > queue.row.purged_id
        ]

    def number_of(self, name: str) -> int | None:
        """Return the number of a task by its full name; None if there is none."""
        queue_name, _, task_id = name.rpartition("/tasks/")
        queue = self._registry.get(queue_name)
        row = None if queue is None else self._row(queue, task_id)
        return None if row is None else row.id

    async def search(
        self, queue_name: str, wanted: TaskFilter, before: int | None = None
    ) -> AsyncIterator[TaskFacts | int]:
        """Yield the tasks of a queue that match, newest first.

        After each slice of tasks it also yields the number of the last one looked at, where a
        search that is ended there can be continued, and lets other things happen.

        Args:
            queue_name: the queue's full name.
            wanted: which tasks.
            before: only tasks with smaller numbers.

        Raises:
            Refusal: NOT_FOUND, or the state is unreadable.
        """
        queue = self._queue(queue_name)
        if wanted.up_to is not None:
            before = wanted.up_to + 1 if before is None else min(before, wanted.up_to + 1)
        needle = wanted.text.lower().encode()
        while self._registry.get(queue_name) is queue:
            rows = self._store.newest(queue.number, before, queue.row.purged_id, SLICE)
            if not rows:
                return
            now_us = self._clock.now_us()
            for row, content in rows:
                if self._matches(queue, row, content, wanted, needle, now_us):
                    yield self._of_content(queue, row, content, now_us)
            before = rows[-1][0].id
            yield before
            await asyncio.sleep(0)

    def _matches(
        self,
        queue: RunningQueue,
        row: TaskRow,
        content: bytes,
        wanted: TaskFilter,
        needle: bytes,
        now_us: int,
    ) -> bool:
        if wanted.numbers is not None and row.id not in wanted.numbers:
            return False
        if wanted.state is not None and self._state(queue, row, now_us) != wanted.state:
            return False
        if wanted.result is not None and row.previous != wanted.result:
            return False
        if wanted.failed is not None and (row.dispatches > 0) != wanted.failed:
            return False
        if wanted.created_before_us is not None and row.create_us >= wanted.created_before_us:
            return False
        if wanted.created_after_us is not None and row.create_us <= wanted.created_after_us:
            return False
        if not needle:
            return True
        task_id = row.name or self._parts.ids.text(row.id)
        return needle in task_id.lower().encode() or needle in content.lower()

    def _facts(self, queue: RunningQueue) -> QueueFacts:
        now_us, core = self._clock.now_us(), queue.core
        counts, first_us = core.counts(now_us), core.first_schedule_us()
        if queue.is_pull:
            found = self._store.pull_tasks.counts(queue.number, queue.row.purged_id, now_us)
            counts = StateCounts(0, found.tasks - found.leased, found.leased, 0)
            first_us = found.oldest_schedule_us
        is_due = first_us is not None and first_us <= now_us
        return QueueFacts(
            name=queue.name,
            config=queue.config,
            is_pull=queue.is_pull,
            counts=counts,
            limits=core.limits,
            retry=queue.retry,
            busy_slots=core.running,
            oldest_due_us=first_us if is_due else None,
            next_due_us=None if is_due else first_us,
            next_start_us=core.next_start_us(now_us),
            is_held=queue.is_held,
            throttled_until_us=core.throttle.until_us,
            last_number=self._store.last_id,
        )

    def _state(self, queue: RunningQueue, row: TaskRow, now_us: int) -> State:
        if queue.is_pull:
            if row.schedule_us <= now_us:
                return "due"
            return "leased" if row.dispatches else "scheduled"
        running = queue.running.get(row.id)
        if running is not None and running.dispatch_us:
            return "running"
        if row.schedule_us <= now_us:
            return "due"
        return "retrying" if row.dispatches else "scheduled"

    def _of_row(self, queue: RunningQueue, row: TaskRow) -> TaskFacts:
        return self._of_content(queue, row, self._store.raw_content(row.id), self._clock.now_us())

    def _of_content(
        self, queue: RunningQueue, row: TaskRow, content: bytes, now_us: int
    ) -> TaskFacts:
        running = queue.running.get(row.id)
        task, tag = _read(content, is_pull=queue.is_pull)
        return TaskFacts(
            number=row.id,
            name=self._task_name(queue, row),
            queue=queue.name,
            state=self._state(queue, row, now_us),
            schedule_us=row.schedule_us,
            created_us=row.create_us,
            attempts=row.dispatches + (len(running.dispatch_us) if running is not None else 0),
            result=NO_ATTEMPT if queue.is_pull else row.previous,
            running_since_us=tuple(running.dispatch_us) if running is not None else (),
            first_dispatch_us=row.first_dispatch_us,
            last_dispatch_us=row.last_dispatch_us,
            last_response_us=row.last_response_us,
            content=task,
            retry=retry_policy(task.retry_config) if task.HasField("retry_config") else queue.retry,
            tag=tag,
        )


def _read(content: bytes, *, is_pull: bool) -> tuple[Task, str]:
    try:
        if not is_pull:
            return Task.FromString(content), ""
        message = messages_beta.Task.FromString(content).pull_message
    except DecodeError:
        raise refusals.state_unreadable("the task's content is missing") from None
    task = Task()
    task.http_request.body = message.payload
    return task, message.tag

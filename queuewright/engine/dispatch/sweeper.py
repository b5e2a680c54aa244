"""Deletes purged and expired tasks and old tombstones in small pieces, and shrinks the file.

The API no longer shows any of them, so the work can be interrupted at any time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Final

from queuewright.engine.clock import Clock, Timer
from queuewright.engine.dispatch.registry import Registry, RunningQueue
from queuewright.engine.events import Event, TaskExpired
from queuewright.engine.protocol.times import SECOND_US
from queuewright.engine.state.store import KEPT, Store
from queuewright.engine.state.task_ids import TaskIds
from queuewright.errors import Refusal

_LOG: Final = logging.getLogger(__name__)

_PIECE: Final = 100
"""Rows or pages handled before the event loop gets a turn; a piece takes a few milliseconds."""
_LOOK: Final = 10
"""Tasks of a queue that are read to see whether any has expired."""
_TOMBSTONES_EVERY_US: Final = 3_600 * SECOND_US
_AGAIN_US: Final = 60 * SECOND_US


class Sweeper:
    """Sweeps on request, when a task expires, and once an hour."""

    def __init__(
        self,
        clock: Clock,
        store: Store,
        registry: Registry,
        ids: TaskIds,
        emit: Callable[[Event], None] | None,
    ) -> None:
        self._clock = clock
        self._store = store
        self._registry = registry
        self._ids = ids
        self._emit = emit
        self._wake = asyncio.Event()
        self._is_sweeping = False
        self._planned_us: int | None = None
        self._timer: Timer | None = None
        self._tombstones_us = clock.now_us()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start sweeping."""
        self._wake.set()
        self._loop = asyncio.create_task(self._run(), name="queuewright sweeper")

    async def stop(self) -> None:
        """Stop sweeping."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
        if self._timer is not None:
            self._timer.cancel()

    @property
    def is_busy(self) -> bool:
        """Whether a sweep is running or about to run."""
        return self._is_sweeping or self._wake.is_set()

    def sweep(self) -> None:
        """Sweep soon."""
        self._wake.set()

    def expires(self, when_us: int) -> None:
        """Sweep at that moment or earlier."""
        if self._planned_us is None or when_us < self._planned_us:
            if self._timer is not None:
                self._timer.cancel()
            self._planned_us = when_us
            self._timer = self._clock.call_at(when_us, self._due)

    def _due(self) -> None:
        self._planned_us = self._timer = None
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._is_sweeping = True
            try:
                handled = 0
                for rows in self._pieces():
                    handled += rows
                    if handled >= _PIECE:
                        handled = 0
                        await asyncio.sleep(0)
            except Refusal:  # the disk is full; dead tasks stay hidden until then
                self.expires(self._clock.now_us() + _AGAIN_US)
            except Exception:
                _LOG.exception("sweeping failed in the engine itself")
                self.expires(self._clock.now_us() + _AGAIN_US)
            self._is_sweeping = False

    def _pieces(self) -> Iterator[int]:
        """Sweep, and yield after every piece the number of rows it has handled, up to `_PIECE`."""
        yield from self._dead_queues()
        for queue in self._registry:
            while self._registry.get(queue.name) is queue:
                until_us = self._clock.now_us() + queue.name_reuse_us
                swept = self._store.sweep(queue.number, queue.row.purged_id, until_us, _PIECE)
                handled = swept or self._expired(queue)
                yield 1 + handled
                if not handled:
                    break
        now_us = self._clock.now_us()
        if now_us >= self._tombstones_us:
            self._tombstones_us = now_us + _TOMBSTONES_EVERY_US
            self.expires(self._tombstones_us)
            self._registry.free_names(now_us)
            yield from self._outdated(now_us)
        while freed := self._store.shrink(_PIECE):
            yield freed
        self.expires(self._tombstones_us)

    def _dead_queues(self) -> Iterator[int]:
        """Delete the tasks of deleted queues."""
        after = 0
        while numbers := self._store.queues_with_tasks(after, _PIECE):
            yield len(numbers)
            for after, is_dead in numbers:
                while is_dead and (
                    swept := self._store.sweep(after, self._store.last_id, None, _PIECE)
                ):
                    yield swept

    def _outdated(self, now_us: int) -> Iterator[int]:
        """Drop tombstones and operations that were kept until now."""
        while dropped := self._store.drop_task_tombstones(now_us, _PIECE):
            yield dropped
        for table in KEPT:
            after: str | None = ""
            while after is not None:
                after = self._store.drop_outdated(table, after, now_us, _PIECE)
                if after is not None:
                    yield _PIECE

    def _expired(self, queue: RunningQueue) -> int:
        """Delete some of a queue's expired tasks; return how many.

        If there are none, plan a sweep for when the queue's oldest task expires.
        """
        now_us = self._clock.now_us()
        oldest_us = now_us - queue.retention_us
        first = self._store.tasks(queue.number, queue.row.purged_id, _LOOK)
        if all(row.create_us > oldest_us for row in first):
            if first:
                self.expires(first[0].create_us + queue.retention_us)
            return 0
        rows = [
            row
            for row in self._store.tasks(queue.number, queue.row.purged_id, _PIECE)
            if row.create_us <= oldest_us
        ]
        contents = {} if self._emit is None or queue.is_pull else self._store.raw_contents(rows)
        queue.forget(rows, now_us, self._store.delete)
        if self._emit is not None:
            for row in rows:
                self._emit(
                    TaskExpired(
                        time_us=now_us,
                        queue=queue.name,
                        task=f"{queue.name}/tasks/{row.name or self._ids.text(row.id)}",
                        schedule_us=row.schedule_us,
                        dispatch_count=row.dispatches,
                        response_count=row.responses,
                        message="the task has reached its maximum age",
                        create_us=row.create_us,
                        content=contents.get(row.id, b""),
                    )
                )
        return len(rows)

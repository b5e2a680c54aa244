"""Does something to many tasks at once, as a person asks for. Not part of Google's API.

Tasks are handled in slices, and the dispatcher works between two slices.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from queuewright.engine.protocol.messages import DeleteTaskRequest
from queuewright.engine.service.calls import PROGRAM
from queuewright.engine.service.inspection import InspectionCalls, TaskFacts, TaskFilter
from queuewright.engine.service.tasks import TaskCalls
from queuewright.errors import Refusal


class BulkCalls(InspectionCalls, TaskCalls):
    """Changes of all tasks that match a filter."""

    async def make_due(self, queue_name: str, wanted: TaskFilter) -> AsyncIterator[int]:
        """Make all tasks that match due now; yield how many were, after each slice.

        The queue sends them as its rate and its slots allow. Each uses one of its attempts.

        Raises:
            Refusal: NOT_FOUND.
        """
        done = 0
        try:
            async for found in self.search(queue_name, wanted):
                if isinstance(found, TaskFacts):
                    done += self._hasten(found.name)
                else:
                    yield done
        finally:
            self._store.catch_up()

    def make_task_due(self, name: str) -> bool:
        """Make a waiting task due now; return whether it waited for later.

        Raises:
            Refusal: NOT_FOUND, or the change cannot be written.
        """
        is_hastened = self._hasten(name)
        self._store.catch_up()
        return is_hastened

    async def delete_all(self, queue_name: str, wanted: TaskFilter) -> AsyncIterator[int]:
        """Delete all tasks that match; yield how many were, after each slice.

        Raises:
            Refusal: NOT_FOUND.
        """
        done = 0
        async for found in self.search(queue_name, wanted):
            if not isinstance(found, TaskFacts):
                yield done
                continue
            with contextlib.suppress(Refusal):  # it may have finished in the meantime
                await self.delete_task(DeleteTaskRequest(name=found.name), PROGRAM)
                done += 1

    def _hasten(self, name: str) -> bool:
        queue, row = self._task(name)
        now_us = self._clock.now_us()
        planned_us = queue.core.schedule_us(row.id)
        if planned_us is None or planned_us <= now_us:
            return False
        self._store.note_failed(row._replace(schedule_us=now_us))
        queue.core.add(row.id, now_us)
        self._parts.dispatcher.touch(queue, now_us)
        return True

"""Callers whose clock is not the engine's: their schedule times are translated."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from queuewright.engine import DEVELOPER, Caller, Engine, ManualClock
from queuewright.engine.protocol import (
    BatchCreateTasksRequest,
    CreateTaskRequest,
    HttpRequest,
    ListTasksRequest,
    Queue,
    Task,
)

QUEUE = "projects/p/locations/l/queues/q"
START = datetime(2026, 1, 1, tzinfo=UTC)
AHEAD_US = 3_600_000_000


async def scheduled(caller: Caller) -> list[datetime]:
    """When two tasks are due that a caller has asked for at the engine's start plus a minute."""
    async with Engine(clock=ManualClock(START)) as engine:
        await engine.declare_queue(Queue(name=QUEUE))
        task = Task(http_request=HttpRequest(url="https://example.com/"))
        task.schedule_time.FromDatetime(START + timedelta(minutes=1))
        request = CreateTaskRequest(parent=QUEUE, task=task)
        await engine.service.create_task(request, caller)
        batch = BatchCreateTasksRequest(parent=QUEUE, requests=[request])
        await engine.service.batch_create_tasks(batch, caller)
        found = await engine.service.list_tasks(ListTasksRequest(parent=QUEUE), DEVELOPER)
        return [each.schedule_time.ToDatetime(UTC) for each in found.tasks]


def test_a_schedule_time_is_translated_in_every_call() -> None:
    """One hour later on the engine's clock; other callers' times stay."""
    later = Caller(engine_time=lambda us: us + AHEAD_US)
    due = START + timedelta(hours=1, minutes=1)
    assert asyncio.run(scheduled(later)) == [due, due]
    assert asyncio.run(scheduled(DEVELOPER)) == [START + timedelta(minutes=1)] * 2

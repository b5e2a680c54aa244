"""A fixture for the history's tests: an engine with a manual clock, and its history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from queuewright.engine import (
    DEVELOPER,
    Answer,
    Caller,
    Engine,
    InProcessSender,
    ManualClock,
    OutgoingRequest,
    Settings,
)
from queuewright.engine.protocol import messages as m
from queuewright.history import History, TaskHistory

LOCATION = "projects/acme/locations/europe-west1"
QUEUE = f"{LOCATION}/queues/emails"
URL = "https://handler.example/work"


class Stage:
    """An engine whose handler gives the prepared answers, then 200."""

    def __init__(self, history: History, clock: ManualClock, state: Path | None) -> None:
        self.history = history
        self.clock = clock
        self.answers: list[int | Answer | Exception] = []
        self.otherwise = 200
        self.takes = "0s"
        self.engine = Engine(
            clock=clock,
            state=state,
            settings=Settings(stop_grace=timedelta(0), task_name_reuse=timedelta(0)),
            on_event=history.record,
            seed=1,
            sender=InProcessSender(self._handle),
        )

    async def _handle(self, request: OutgoingRequest) -> int | Answer:
        del request
        if self.takes != "0s":
            await self.clock.sleep(self.takes)
        answer = self.answers.pop(0) if self.answers else self.otherwise
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def create_queue(self, name: str = QUEUE, **fields: Any) -> None:
        await self.engine.declare_queue(m.Queue(name=name, **fields))

    async def create_task(
        self,
        task_id: str = "",
        body: bytes = b"",
        *,
        queue: str = QUEUE,
        caller: Caller = DEVELOPER,
        **headers: str,
    ) -> str:
        http = m.HttpRequest(url=URL, body=body, headers=headers)
        name = f"{queue}/tasks/{task_id}" if task_id else ""
        request = m.CreateTaskRequest(parent=queue, task=m.Task(name=name, http_request=http))
        return (await self.engine.service.create_task(request, caller)).name

    async def delete_task(self, name: str) -> None:
        await self.engine.service.delete_task(m.DeleteTaskRequest(name=name), DEVELOPER)

    async def run_task(self, name: str) -> None:
        await self.engine.service.run_task(m.RunTaskRequest(name=name), DEVELOPER)

    async def purge(self, queue: str = QUEUE) -> None:
        await self.engine.service.purge_queue(m.PurgeQueueRequest(name=queue), DEVELOPER)

    async def queue_length(self, queue: str = QUEUE) -> int:
        request = m.ListTasksRequest(parent=queue)
        return len((await self.engine.service.list_tasks(request, DEVELOPER)).tasks)

    async def drain(self) -> None:
        await self.engine.drain()

    async def advance(self, span: str) -> None:
        await self.engine.advance(span)

    def task(self, name: str) -> TaskHistory:
        return self.history.task(name)


@asynccontextmanager
async def stage(
    folder: Path | None = None, *, clock: ManualClock | None = None, history: History | None = None
) -> AsyncIterator[Stage]:
    """A stage with a started engine and one queue; the history is kept in a folder, if given.

    Without a `history` of the caller's, it must have no trouble.
    """
    troubles: list[str] = []
    with history or History.opened(folder, report=troubles.append) as kept:
        playing = Stage(kept, clock or ManualClock(), folder)
        await playing.engine.start()
        try:
            await playing.create_queue()
            yield playing
        finally:
            await playing.engine.stop()
    assert troubles == []

"""A fixture for the engine's tests: an engine with a manual clock, and its handler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from queuewright.engine import (
    DEVELOPER,
    Answer,
    Engine,
    Event,
    InProcessSender,
    ManualClock,
    OutgoingRequest,
    Settings,
)
from queuewright.engine.protocol import messages as m
from queuewright.engine.protocol.names import location_of
from queuewright.engine.service.service import Service

LOCATION = "projects/acme/locations/europe-west1"
QUEUE = f"{LOCATION}/queues/emails"
URL = "https://handler.example/work"


class Recorder:
    """A handler that records its requests and returns the prepared answers, then 200."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.answers: list[int | Answer | Exception] = []
        self.otherwise: int = 200
        self.received: list[OutgoingRequest] = []
        self.times_us: list[int] = []
        self.takes = "0s"
        self.now_running = 0
        self.most_running = 0

    async def __call__(self, request: OutgoingRequest) -> int | Answer:
        self.received.append(request)
        self.times_us.append(self.clock.now_us())
        answer = self.answers.pop(0) if self.answers else self.otherwise
        self.now_running += 1
        self.most_running = max(self.most_running, self.now_running)
        try:
            if self.takes != "0s":
                await self.clock.sleep(self.takes)
        finally:
            self.now_running -= 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    def gaps_s(self) -> list[float]:
        """Seconds between one request and the next."""
        return [
            (later - earlier) / 1_000_000
            for earlier, later in zip(self.times_us, self.times_us[1:], strict=False)
        ]

    def headers(self, index: int) -> dict[str, str]:
        """The headers of one request."""
        return dict(self.received[index].headers)


class Stage:
    """An engine with a manual clock, its events and its handler."""

    def __init__(self, clock: ManualClock, state: Path | None, settings: Settings | None) -> None:
        self.clock = clock
        self.handler = Recorder(clock)
        self.events: list[Event] = []
        self.engine = Engine(
            clock=clock,
            state=state,
            settings=settings,
            on_event=self.events.append,
            seed=1,
            sender=InProcessSender(self.handler),
        )

    @property
    def service(self) -> Service:
        return self.engine.service

    async def create_queue(self, name: str = QUEUE, **fields: Any) -> m.Queue:
        parent = location_of(name)
        request = m.CreateQueueRequest(parent=parent, queue=m.Queue(name=name, **fields))
        return await self.service.create_queue(request, DEVELOPER)

    async def create_task(self, queue: str = QUEUE, task_id: str = "", **fields: Any) -> m.Task:
        task = m.Task(name=f"{queue}/tasks/{task_id}" if task_id else "", **fields)
        if task.WhichOneof("message_type") is None:
            task.http_request.url = URL
        return await self.service.create_task(
            m.CreateTaskRequest(parent=queue, task=task), DEVELOPER
        )

    async def get_task(self, name: str, view: int = 0) -> m.Task:
        return await self.service.get_task(
            m.GetTaskRequest(name=name, response_view=view), DEVELOPER
        )

    async def tasks(self, queue: str = QUEUE) -> Sequence[m.Task]:
        request = m.ListTasksRequest(parent=queue)
        return (await self.service.list_tasks(request, DEVELOPER)).tasks

    async def pause(self, queue: str = QUEUE) -> m.Queue:
        return await self.service.pause_queue(m.PauseQueueRequest(name=queue), DEVELOPER)

    async def resume(self, queue: str = QUEUE) -> m.Queue:
        return await self.service.resume_queue(m.ResumeQueueRequest(name=queue), DEVELOPER)

    async def run(self, task: str) -> m.Task:
        return await self.service.run_task(m.RunTaskRequest(name=task), DEVELOPER)

    def outcomes(self) -> list[str]:
        """The outcome of each attempt, in order."""
        return [event.outcome for event in self.events if event.kind == "AttemptResponse"]


@asynccontextmanager
async def stage(
    *, state: Path | None = None, settings: Settings | None = None, clock: ManualClock | None = None
) -> AsyncIterator[Stage]:
    """A stage with a started engine, stopped afterwards."""
    playing = Stage(clock or ManualClock(), state, settings or Settings(stop_grace=timedelta(0)))
    await playing.engine.start()
    try:
        yield playing
    finally:
        await playing.engine.stop()

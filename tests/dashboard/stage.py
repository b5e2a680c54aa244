"""A fixture for the dashboard's tests: an engine with a manual clock, and a client of the pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiohttp import ClientSession, CookieJar

from queuewright.dashboard import Dashboard, Surroundings
from queuewright.engine import (
    DEVELOPER,
    Answer,
    Clock,
    Engine,
    Event,
    InProcessSender,
    ManualClock,
    OutgoingRequest,
    Settings,
)
from queuewright.engine.protocol import (
    CreateTaskRequest,
    PauseQueueRequest,
    Queue,
    RateLimits,
    RetryConfig,
    Task,
)
from queuewright.history import History

LOCATION = "projects/acme/locations/europe-west1"
QUEUE = f"{LOCATION}/queues/emails"
URL = "https://handler.example/send"


class Stage:
    """An engine with a dashboard, and a browser's session without scripts."""

    def __init__(self, surroundings: Surroundings | None, clock: Clock) -> None:
        self.clock = clock
        self.history = History.opened(None)
        self.dashboard = Dashboard(self.history, surroundings)
        self.answers: list[Answer] = []
        self.otherwise = Answer(200)
        self.takes = "0s"
        self.engine = Engine(
            clock=clock,
            settings=Settings(stop_grace=timedelta(0)),
            on_event=self._notice,
            seed=1,
            sender=InProcessSender(self._answer),
        )
        self.dashboard.open(self.engine)
        self.client: ClientSession
        self.base = ""

    def _notice(self, event: Event) -> None:
        self.history.record(event)
        self.dashboard.notice(event)

    async def _answer(self, request: OutgoingRequest) -> Answer:  # noqa: ARG002
        answer = self.answers.pop(0) if self.answers else self.otherwise
        if self.takes != "0s":
            assert isinstance(self.clock, ManualClock)
            await self.clock.sleep(self.takes)
        return answer

    async def queue(self, name: str = QUEUE, **fields: Any) -> None:
        retry = RetryConfig(max_attempts=4, max_doublings=3)
        retry.min_backoff.seconds, retry.max_backoff.seconds = 10, 300
        limits = RateLimits(max_dispatches_per_second=5, max_concurrent_dispatches=2)
        await self.engine.declare_queue(
            Queue(name=name, **{"retry_config": retry, "rate_limits": limits, **fields})
        )

    async def task(
        self,
        task_id: str = "",
        body: bytes = b"",
        queue: str = QUEUE,
        later_s: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        task = Task(name=f"{queue}/tasks/{task_id}" if task_id else "")
        task.http_request.url = URL
        task.http_request.body = body
        task.http_request.headers.update(headers or {})
        if later_s:
            task.schedule_time.FromMicroseconds(self.clock.now_us() + later_s * 1_000_000)
        request = CreateTaskRequest(parent=queue, task=task)
        return (await self.engine.service.create_task(request, DEVELOPER)).name

    async def pause(self, queue: str = QUEUE) -> None:
        await self.engine.service.pause_queue(PauseQueueRequest(name=queue), DEVELOPER)

    async def get(self, path: str, status: int = 200, **headers: str) -> str:
        async with self.client.get(self.base + path, headers=headers) as response:
            text = await response.text()
            assert response.status == status, text
            return text

    async def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', await self.get("/send"))
        assert found is not None
        return found[1]

    async def post(self, path: str, status: int = 200, **fields: str) -> dict[str, Any]:
        """Send a form as the script does, with the token."""
        fields.setdefault("token", await self.token())
        accept = {"Accept": "application/json"}
        async with self.client.post(self.base + path, data=fields, headers=accept) as response:
            assert response.status == status, await response.text()
            return dict(await response.json())


@asynccontextmanager
async def stage(
    surroundings: Surroundings | None = None, clock: Clock | None = None
) -> AsyncIterator[Stage]:
    """A stage with a started engine, stopped afterwards."""
    playing = Stage(surroundings, clock or ManualClock())
    await playing.engine.start()
    port = await playing.engine.serve_http(port=0, pages=playing.dashboard.routes)
    playing.base = f"http://127.0.0.1:{port}"
    try:
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
            playing.client = client
            yield playing
    finally:
        await playing.dashboard.close()
        await playing.engine.stop()
        playing.history.close()


def text_of(page: str) -> str:
    """Return the visible text of a page, with simple spaces."""
    main = page[page.index("<main") :]
    text = re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style)\b.*?</\1>", "", main, flags=re.DOTALL))
    for code, sign in (
        ("&#39;", "'"),
        ("&#34;", '"'),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ):
        text = text.replace(code, sign)
    return " ".join(text.replace("\u00a0", " ").split())

"""The stream: what changes reaches the pages that show it, rendered once for all of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from queuewright.dashboard import live
from queuewright.engine import Answer
from tests.dashboard.stage import Stage, stage


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks follow each other at once."""
    monkeypatch.setattr(live, "TICK_S", 0.002)


class Reader:
    """Reads the stream, and keeps the latest values."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.values: dict[str, str] = {}
        self.hello: dict[str, Any] = {}

    async def until(self, key: str, value: str) -> None:
        """Read until a value is there."""
        async with asyncio.timeout(10):
            while self.values.get(key) != value:
                await self._next()

    async def _next(self) -> None:
        kind, data = "", ""
        while (line := (await self._response.content.readline()).decode()) not in ("\n", ""):
            name, _, text = line.rstrip("\n").partition(": ")
            kind, data = (text, data) if name == "event" else (kind, text)
        if kind == "hello":
            self.hello = json.loads(data)
        elif kind == "set":
            self.values |= json.loads(data)["set"]


@asynccontextmanager
async def reading(playing: Stage, *topics: str) -> AsyncIterator[Reader]:
    query = "&".join(f"t={topic}" for topic in topics)
    async with playing.client.get(f"{playing.base}/events?{query}") as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        yield Reader(response)


async def test_a_count_changes_on_the_overview() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        async with reading(playing, "overview") as reader:
            await reader.until("q/emails/due", "0")
            await playing.task()
            await reader.until("q/emails/due", "1")
            assert reader.values["q/emails/state"] == "hold|hold|Paused"
            assert reader.hello["now"] == playing.clock.now_us() // 1000


async def test_the_rows_of_a_page_change_and_no_others() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        name = await playing.task("shown")
        page = await playing.get("/queues/emails")
        topic = page.split('data-topics="')[1].split('"')[0].split()[1]
        number = playing.engine.service.number_of(name)
        other = playing.engine.service.number_of(await playing.task("other"))
        async with reading(playing, "queue:emails", topic) as reader:
            await reader.until(f"t/{number}/state", "wait|due|Due")
            playing.answers = [Answer(503)]
            await playing.post("/queues/emails/tasks/shown/run")
            await playing.engine.advance("1s")
            await reader.until(f"t/{number}/state", "retry|retry|Retrying")
            assert reader.values[f"t/{number}/code"] == "503"
            await playing.post("/queues/emails/tasks/shown/run")
            await playing.engine.advance("1s")
            await reader.until(f"t/{number}/state", "done|done|Done")
            assert f"t/{other}/state" not in reader.values
            await reader.until("created", "2")


async def test_a_task_page_is_told_to_look_again_when_an_attempt_ends() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        await playing.task("t")
        async with reading(playing, "task:emails/t") as reader:
            while "task@rev" not in reader.values:
                await reader._next()
            before = reader.values["task@rev"]
            playing.answers = [Answer(503)]
            await playing.post("/queues/emails/tasks/t/run")
            await playing.engine.advance("1s")
            async with asyncio.timeout(10):
                while reader.values["task@rev"] == before:
                    await reader._next()


async def test_a_change_is_rendered_once_for_ten_pages() -> None:
    async with stage() as playing:
        await playing.queue()
        rendered = 0
        render = playing.dashboard._live._render

        async def counted(topic: str, dirty: Any) -> Any:
            nonlocal rendered
            rendered += "*" not in dirty
            return await render(topic, dirty)

        playing.dashboard._live._render = counted
        async with contexts(playing, 10) as readers:
            await asyncio.gather(*(reader.until("q/emails/scheduled", "0") for reader in readers))
            before = rendered
            await playing.task(later_s=60)
            await asyncio.gather(*(reader.until("q/emails/scheduled", "1") for reader in readers))
            assert rendered - before < 10


@asynccontextmanager
async def contexts(playing: Stage, count: int) -> AsyncIterator[list[Reader]]:
    if not count:
        yield []
        return
    async with reading(playing, "overview") as first, contexts(playing, count - 1) as rest:
        yield [first, *rest]


async def test_nothing_runs_while_nobody_looks() -> None:
    async with stage() as playing:
        await playing.queue()
        assert not playing.dashboard.activity.is_watched
        async with reading(playing, "overview") as reader:
            await reader.until("q/emails/due", "0")
            assert playing.dashboard.activity.is_watched
        async with asyncio.timeout(10):
            while playing.dashboard._live.count:
                await playing.task()
                await asyncio.sleep(0.001)
        assert not playing.dashboard.activity.is_watched
        assert playing.dashboard._live._loop is None


async def test_a_page_that_does_not_read_gets_the_latest_state_and_no_queue_of_old_ones() -> None:
    page = live._Page(frozenset({"overview"}))
    page.put("overview", b"first", lambda: b"everything 1")
    page.put("overview", b"second", lambda: b"everything 2")
    page.put("overview", b"third", lambda: b"everything 3")
    assert page.waiting == {"overview": b"everything 3"}

"""Sends what changes to open pages: each change is rendered once, for all pages together.

Nothing runs while nobody looks. A page that reads slowly gets the latest state, not a queue of old
ones.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from aiohttp import web

from queuewright.dashboard.activity import Activity
from queuewright.dashboard.pages.overview import Values

_LOG: Final = logging.getLogger(__name__)

TICK_S: Final = 0.25
SLOW_READER_S: Final = 10.0
HEARTBEAT_S: Final = 15.0
MOST_TOPICS: Final = 40

Render = Callable[[str, Mapping[str, str]], Awaitable[Values | None]]
"""Returns the values of a topic; None if nothing of it can have changed. Gets the changed tasks."""


class _Page:
    """A connected page, or a browser's shared connection."""

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics
        self.waiting: dict[str, bytes] = {}
        """The message of each topic that is to be sent."""
        self.has_news = asyncio.Event()

    def put(self, topic: str, changes: bytes, everything: Callable[[], bytes]) -> None:
        """Send a message; if the one before still waits, send everything instead of both."""
        self.waiting[topic] = everything() if topic in self.waiting else changes
        self.has_news.set()


class Live:
    """The stream of changes.

    Args:
        activity: tells that something has changed.
        render: returns the values of a topic.
        boot: names this process; a page of another process must be loaded again.
        now_ms: the engine's time.
    """

    def __init__(
        self, activity: Activity, render: Render, boot: str, now_ms: Callable[[], int]
    ) -> None:
        self._activity = activity
        self._render = render
        self._boot = boot
        self._now_ms = now_ms
        self._pages: set[_Page] = set()
        self._values: dict[str, Values] = {}
        self._loop: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.is_closing = False

    @property
    def count(self) -> int:
        """How many connections there are."""
        return len(self._pages)

    def wake(self) -> None:
        """Look at the changes soon."""
        self._changed.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET /events?t=TOPIC&t=…` with a stream, until the page leaves."""
        topics = frozenset(request.query.getall("t", []))
        if len(topics) > MOST_TOPICS:
            return web.Response(status=400, text=f"at most {MOST_TOPICS} topics\n")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        page = _Page(topics)
        hello = {"boot": self._boot, "now": self._now_ms()}
        await response.write(b"retry: 1000\n" + _event("hello", hello))
        self._pages.add(page)
        self._start()
        try:
            for topic in topics:
                values = await self._current(topic)
                page.put(topic, _message(topic, values, self._now_ms()), lambda: b"")
            await self._send(page, response)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            self._pages.discard(page)
            if not self._pages:
                await self._stop()
        return response

    async def close(self) -> None:
        """Tell all pages that this is the end, and stop."""
        self.is_closing = True
        for page in self._pages:
            page.has_news.set()
        await self._stop()

    async def _send(self, page: _Page, response: web.StreamResponse) -> None:
        while not self.is_closing:
            try:
                await asyncio.wait_for(page.has_news.wait(), HEARTBEAT_S)
            except TimeoutError:
                await response.write(b": \n\n")
                continue
            page.has_news.clear()
            waiting, page.waiting = page.waiting, {}
            if waiting:
                await asyncio.wait_for(response.write(b"".join(waiting.values())), SLOW_READER_S)
        with suppress(ConnectionError):
            await response.write(_event("bye", {}))

    def _start(self) -> None:
        self._activity.is_watched = True
        if self._loop is None:
            self._loop = asyncio.create_task(self._run(), name="queuewright dashboard")

    async def _stop(self) -> None:
        self._activity.is_watched = False
        loop, self._loop = self._loop, None
        self._values.clear()
        if loop is not None:
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop

    async def _run(self) -> None:
        while True:
            try:
                await self._tick()
            except Exception:
                _LOG.exception("the dashboard's stream failed")
            self._changed.clear()
            await asyncio.sleep(TICK_S)
            if not self._changed.is_set():
                # Words such as `for 12 s` change although nothing happens.
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 1.0 - TICK_S)

    async def _tick(self) -> None:
        dirty = self._activity.take_dirty()
        for topic in {topic for page in self._pages for topic in page.topics}:
            before = self._values.get(topic)
            values = await self._render(topic, dirty)
            if values is None:
                continue
            after = values if before is None else before | values
            self._values[topic] = after
            changes = _changes(before or {}, values)
            if changes:
                now_ms = self._now_ms()
                message = _message(topic, changes, now_ms)

                def everything(
                    topic: str = topic, after: Values = after, now: int = now_ms
                ) -> bytes:
                    return _message(topic, after, now)

                for page in self._pages:
                    if topic in page.topics:
                        page.put(topic, message, everything)

    async def _current(self, topic: str) -> Values:
        if topic not in self._values:
            self._values[topic] = await self._render(topic, {"*": ""}) or {}
        return self._values[topic]


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Values:
    return {key: value for key, value in after.items() if before.get(key) != value}


def _message(topic: str, values: Mapping[str, str], now_ms: int) -> bytes:
    return _event("set", {"t": topic, "now": now_ms, "set": values})


def _event(kind: str, data: object) -> bytes:
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return f"event: {kind}\ndata: {text}\n\n".encode()

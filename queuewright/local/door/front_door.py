"""The stable address in front of a handler, as Cloud Run's front end.

It lets in callers with permission, holds requests while the process starts or reloads, runs no
more requests at once than the handler's instances would, and ends a request that takes too long.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import aiohttp
from aiohttp import web

from queuewright.cloud_tasks.durations import written_duration
from queuewright.local.door.access import Access, Denied
from queuewright.local.door.backend import Backend, Exchange, session
from queuewright.local.door.listener import HOST, bound, listening
from queuewright.local.door.slots import Slots

HOLD_S = 60.0
"""How long a request waits for a process that serves."""
PENDING_S = 10.0
"""How long it waits for a free instance: https://cloud.google.com/run/docs/about-instance-autoscaling."""


@dataclass(frozen=True)
class Limits:
    """What all instances of a handler can take together."""

    at_once: int
    """Requests; on Cloud Run, the maximum of instances × the concurrency of each."""
    timeout_s: float


class FrontDoor:
    """The address of a handler. Made by `FrontDoor.listen`; requests wait until `open`."""

    def __init__(
        self,
        handler: str,
        port: int,
        limits: Limits,
        client: aiohttp.ClientSession,
        *,
        now_us: Callable[[], int],
        on_refused: Callable[[str], None],
        hold_s: float,
        pending_s: float,
    ) -> None:
        self.access: Access | None = None
        """Who may call; None: everyone."""
        self.port = port
        self._handler = handler
        self._limits = limits
        self._client = client
        self._now_us = now_us
        self._on_refused = on_refused
        self._hold_s = hold_s
        self._pending_s = pending_s
        self._backend: Backend | None = None
        self._opened = asyncio.Condition()
        self._slots = Slots(limits.at_once)

    @classmethod
    @asynccontextmanager
    async def listen(
        cls,
        handler: str,
        limits: Limits,
        *,
        now_us: Callable[[], int],
        on_refused: Callable[[str], None],
        hold_s: float = HOLD_S,
        pending_s: float = PENDING_S,
    ) -> AsyncIterator[Self]:
        """Listen on a free port for requests to `handler`.

        Args:
            handler: its key.
            limits: what it can take.
            now_us: returns the time, in microseconds.
            on_refused: gets the reason for each request that did not reach the handler.
            hold_s: how long a request waits for a process that serves.
            pending_s: how long a request waits for a free instance.
        """
        async with session() as client:
            with bound() as listener:
                door = cls(
                    handler,
                    listener.getsockname()[1],
                    limits,
                    client,
                    now_us=now_us,
                    on_refused=on_refused,
                    hold_s=hold_s,
                    pending_s=pending_s,
                )
                async with listening(listener, door._answer):
                    yield door

    @property
    def url(self) -> str:
        """Its root URL: the audience of tokens for it."""
        return f"http://{HOST}:{self.port}"

    @property
    def busy(self) -> int:
        """How many requests are in progress or wait for a process that serves."""
        return self._slots.occupied

    async def open(self, backend: Backend) -> Backend | None:
        """Send requests to `backend` from now on; return the backend that got them before."""
        async with self._opened:
            before, self._backend = self._backend, backend
            self._opened.notify_all()
            return before

    def hold(self) -> None:
        """Make requests wait until the next `open`."""
        self._backend = None

    def limit(self, limits: Limits) -> None:
        """Change the limits for new requests."""
        self._limits = limits
        self._slots.size = limits.at_once

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        denied = None
        if self.access is not None:
            denied = self.access.denial(request.headers.get("Authorization"), self._now_us())
        if denied is not None:
            return self._denied(denied)
        async with self._slots.taken(self._pending_s) as has_slot:
            if not has_slot:
                text = f"it is already busy with {self.busy} requests"
                hint = "raise `instances.max` or `concurrency`, or slow the queue down"
                return self._denied(Denied(429, text, hint))
            return await self._with_backend(request)

    async def _with_backend(self, request: web.BaseRequest) -> web.StreamResponse:
        gone: Backend | None = None
        while (backend := await self._open_backend(gone)) is not None:
            backend.enter()
            try:
                return await self._exchanged(request, backend)
            except aiohttp.ClientConnectorError:  # nothing was sent yet
                if not backend.comes_back:
                    text = f"nothing listens at {backend.url}"
                    return self._denied(Denied(503, text, "start it, or remove `local.url`"))
                gone = backend
            finally:
                backend.leave()
        text = f"nothing served within {_seconds(self._hold_s)}"
        return self._denied(Denied(503, text, "see above why its process does not start"))

    async def _open_backend(self, gone: Backend | None) -> Backend | None:
        """Wait for a backend other than `gone`; None if there is none in time."""
        if self._backend in (None, gone):
            try:
                async with asyncio.timeout(self._hold_s), self._opened:
                    await self._opened.wait_for(lambda: self._backend not in (None, gone))
            except TimeoutError:
                return None
        return self._backend

    async def _exchanged(self, request: web.BaseRequest, backend: Backend) -> web.StreamResponse:
        exchange = Exchange(request, hides_token=self.access is not None)
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                return await exchange.run(self._client, backend)
        except aiohttp.ClientConnectorError:
            raise
        except TimeoutError:
            text = f"no response within its `timeout` of {_seconds(self._limits.timeout_s)}"
            denied = Denied(504, text, "raise the handler's `timeout`, or do less in one task")
        except aiohttp.ClientError as error:
            text = f"its process ended the request without a response ({error})"
            denied = Denied(503, text, "see its log lines above")
        if exchange.response is not None:
            self._on_refused(denied.reason)
            exchange.abort()
            return exchange.response
        return self._denied(denied)

    def _denied(self, denied: Denied) -> web.Response:
        self._on_refused(f"{denied.status}: {denied.reason}\n  hint: {denied.hint}")
        headers = {}
        if denied.status == 401:
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        text = f"{self._handler}: {denied.reason}\nhint: {denied.hint}\n"
        return web.Response(status=denied.status, text=text, headers=headers)


def _seconds(count: float) -> str:
    return written_duration(timedelta(seconds=count))

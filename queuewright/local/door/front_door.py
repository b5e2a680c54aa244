"""The stable address in front of a handler, as Cloud Run's front end.

It lets in callers with permission and no web pages, holds requests while the process starts or
reloads, runs no more requests at once than the handler's instances would, and ends a request that
takes too long.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import aiohttp
from aiohttp import web

from queuewright.cloud_tasks.durations import written_duration
from queuewright.local.door.access import Access, Denied
from queuewright.local.door.backend import Backend, Exchange, session
from queuewright.local.door.listener import HOST, bound, listening, names_a_path
from queuewright.local.door.slots import Slots
from queuewright.origins import RequestFilter, browser_objection

HOLD_S = 60.0
"""How long a request waits for a process that serves."""
PENDING_S = 10.0
"""How long it waits for a free instance: https://cloud.google.com/run/docs/about-instance-autoscaling."""


InProgress = Callable[[str, Mapping[str, str]], AbstractContextManager[None]]
"""Takes a backend's URL and a request's headers."""


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
        request_filter: RequestFilter,
        in_progress: InProgress,
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
        self._filter = request_filter
        self._in_progress = in_progress
        self._engine_path = f"/{secrets.token_urlsafe(32)}"
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
        allowed_hosts: Collection[str] = (),
        in_progress: InProgress = lambda *_: nullcontext(),
        hold_s: float = HOLD_S,
        pending_s: float = PENDING_S,
    ) -> AsyncIterator[Self]:
        """Listen on a free port for requests to `handler`.

        Args:
            handler: its key.
            limits: what it can take.
            now_us: returns the time, in microseconds.
            on_refused: gets the reason for each request that did not reach the handler.
            allowed_hosts: see `RequestFilter`, which refuses foreign web pages.
            in_progress: entered while a backend, given by its URL, has a request with these
                headers.
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
                    request_filter=RequestFilter(allowed_hosts),
                    in_progress=in_progress,
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
    def engine_url(self) -> str:
        """The URL at which only the engine calls: its path is a secret, which no handler sees.

        App Engine trusts its own headers, which it removes from the requests of everyone else:
        https://cloud.google.com/tasks/docs/creating-appengine-handlers#reading-headers.
        """
        return f"{self.url}{self._engine_path}"

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
        if not names_a_path(request):
            hint = "send a path, such as `POST /send`; the front door is no proxy"
            return self._denied(Denied(400, "the request does not name a path", hint))
        path = self._path_of_engine(request.raw_path)
        denied = None if path is not None else self._objection(request)
        if denied is not None:
            return self._denied(denied)
        exchange = Exchange(
            request,
            path or request.raw_path,
            hides_token=self.access is not None,
            hides_app_engine=path is None,
        )
        async with self._slots.taken(self._pending_s) as has_slot:
            if not has_slot:
                text = f"it is already busy with {self.busy} requests"
                hint = "raise `instances.max` or `concurrency`, or slow the queue down"
                return self._denied(Denied(429, text, hint))
            return await self._with_backend(exchange)

    def _path_of_engine(self, path: str) -> str | None:
        """The path that the engine asks for; None for a request of somebody else."""
        start, rest = path[: len(self._engine_path)], path[len(self._engine_path) :]
        # Compared as bytes: `compare_digest` takes no other text than ASCII.
        expected = self._engine_path.encode()
        if not secrets.compare_digest(start.encode("utf-8", "surrogateescape"), expected):
            return None
        return rest if rest.startswith("/") else f"/{rest}"

    def _objection(self, request: web.BaseRequest) -> Denied | None:
        """Why a request is denied. With a valid token, it comes from no web page."""
        if self.access is not None:
            return self.access.denial(request.headers.get("Authorization"), self._now_us())
        headers = request.headers
        objection = self._filter.objection(headers) or browser_objection(request.method, headers)
        return Denied(403, objection, "call it from a program") if objection is not None else None

    async def _with_backend(self, exchange: Exchange) -> web.StreamResponse:
        gone: Backend | None = None
        while (backend := await self._open_backend(gone)) is not None:
            backend.enter()
            try:
                with self._in_progress(backend.url, exchange.headers):
                    return await self._exchanged(exchange, backend)
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

    async def _exchanged(self, exchange: Exchange, backend: Backend) -> web.StreamResponse:
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

"""What stands before a handler, as Cloud Run's front end does: one listener with a stable port.

It lets in who may call, holds requests while the process starts or reloads, keeps to the number
of requests that the handler's instances could serve at once, and ends what takes too long.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from queuewright.engine import HTTP_LOG as LOGGER
from queuewright.local.door.access import Access, Denied, without_signature

HOST = "127.0.0.1"
HOLD_S = 60.0
"""How long a request waits for a process that serves."""
PENDING_S = 10.0
"""How long it waits for an instance that is free: https://cloud.google.com/run/docs/about-instance-autoscaling."""
# RFC 9110, 7.6.1: these concern one connection, and are not handed on.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
OWN_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


@dataclass(frozen=True)
class Limits:
    """What a handler's instances can take together."""

    at_once: int
    """Requests; Cloud Run: the instances at most × the concurrency of each."""
    timeout_s: float


class Backend:
    """A process behind the door, or something that runs elsewhere: `http://host:port`.

    `comes_back`: where it cannot be reached, another will be opened in its place.
    """

    def __init__(self, url: str, *, comes_back: bool = True) -> None:
        self.url = url.rstrip("/")
        self.comes_back = comes_back
        self._requests = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Return when no request is under way."""
        await self._idle.wait()

    def enter(self) -> None:
        """A request goes to it."""
        self._requests += 1
        self._idle.clear()

    def leave(self) -> None:
        """A request has come back."""
        self._requests -= 1
        if not self._requests:
            self._idle.set()


class FrontDoor:
    """The address of a handler. Closed until `open`; requests that come before wait."""

    def __init__(
        self,
        handler: str,
        limits: Limits,
        *,
        now_us: Callable[[], int],
        on_refused: Callable[[str], None],
        hold_s: float = HOLD_S,
        pending_s: float = PENDING_S,
    ) -> None:
        """`on_refused` is told, in words, of each request that did not reach the handler."""
        self.access: Access | None = None
        """Who may call; None: everybody."""
        self.port = 0
        self._handler = handler
        self._limits = limits
        self._now_us = now_us
        self._on_refused = on_refused
        self._hold_s = hold_s
        self._pending_s = pending_s
        self._backend: Backend | None = None
        self._opened = asyncio.Condition()
        self._slots = Slots(limits.at_once)
        self._runner: web.ServerRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        """Its root URL: the audience of tokens for it."""
        return f"http://{HOST}:{self.port}"

    @property
    def busy(self) -> int:
        """How many requests are under way, or wait for a process that serves."""
        return self._slots.occupied

    async def start(self) -> None:
        """Listen, on a port that the system chooses."""
        # A connection is not used twice: a server that closes an idle one would fail a task.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        server = web.Server(self._answer, handler_cancellation=True, access_log=None, logger=LOGGER)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0, backlog=1024).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the listener and what is under way."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def open(self, backend: Backend) -> Backend | None:
        """Send requests to `backend` from now on; returns the one that got them until now."""
        async with self._opened:
            before, self._backend = self._backend, backend
            self._opened.notify_all()
            return before

    def hold(self) -> None:
        """Let requests wait until `open`."""
        self._backend = None

    def limit(self, limits: Limits) -> None:
        """Change the limits, for requests that come."""
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
                text = f"all {self._limits.at_once} requests at once are under way"
                hint = "raise `instances.max` or `concurrency`, or slow the queue down"
                return self._denied(Denied(429, text, hint))
            gone: Backend | None = None
            while (backend := await self._held(gone)) is not None:
                backend.enter()
                try:
                    return await self._passed(request, backend)
                except aiohttp.ClientConnectorError:  # nothing was sent yet
                    if not backend.comes_back:
                        text = f"nothing listens at {backend.url}"
                        return self._denied(Denied(503, text, "start it, or remove `local.url`"))
                    gone = backend
                finally:
                    backend.leave()
            text = f"nothing served within {self._hold_s:g} s"
            return self._denied(Denied(503, text, "see above why its process does not start"))

    async def _held(self, gone: Backend | None) -> Backend | None:
        """What serves, be it after a while, and not `gone`; None where nothing does in time."""
        if self._backend in (None, gone):
            try:
                async with asyncio.timeout(self._hold_s), self._opened:
                    await self._opened.wait_for(lambda: self._backend not in (None, gone))
            except TimeoutError:
                return None
        return self._backend

    async def _passed(self, request: web.BaseRequest, backend: Backend) -> web.StreamResponse:
        assert self._session is not None, "the door was started"
        answer: web.StreamResponse | None = None
        try:
            async with (
                asyncio.timeout(self._limits.timeout_s),
                self._session.request(
                    request.method,
                    _target(backend, request),
                    headers=_onwards(request.raw_headers, hides_token=self.access is not None),
                    skip_auto_headers=OWN_HEADERS,
                    data=request.content if request.can_read_body else None,
                    allow_redirects=False,
                ) as response,
            ):
                answer = web.StreamResponse(
                    status=response.status,
                    reason=response.reason,
                    headers=_onwards(response.raw_headers),
                )
                await answer.prepare(request)
                async for chunk in response.content.iter_any():
                    await answer.write(chunk)
                await answer.write_eof()
                return answer
        except aiohttp.ClientConnectorError:
            raise
        except TimeoutError:
            text = f"no answer within its `timeout` of {self._limits.timeout_s:g} s"
            denied = Denied(504, text, "raise the handler's `timeout`, or do less in one task")
        except aiohttp.ClientError as error:
            text = f"its process ended the request without an answer ({error})"
            denied = Denied(503, text, "see its log lines above")
        if answer is not None:  # half an answer cannot be taken back; the client sees it broken off
            self._on_refused(denied.reason)
            if request.transport is not None:
                request.transport.abort()
            return answer
        return self._denied(denied)

    def _denied(self, denied: Denied) -> web.Response:
        self._on_refused(f"{denied.status}: {denied.reason}\n  hint: {denied.hint}")
        headers = {}
        if denied.status == 401:
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        text = f"{self._handler}: {denied.reason}\nhint: {denied.hint}\n"
        return web.Response(status=denied.status, text=text, headers=headers)


class Slots:
    """As many requests at once as there are slots; `size` may change while it is used."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def occupied(self) -> int:
        """How many are held."""
        return self._taken

    @property
    def size(self) -> int:
        """How many there are."""
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        self._size = size
        self._wake()

    @asynccontextmanager
    async def taken(self, patience_s: float) -> AsyncIterator[bool]:
        """Hold a slot meanwhile; False where none was free within `patience_s` seconds."""
        try:
            async with asyncio.timeout(patience_s):
                await self._take()
        except TimeoutError:
            yield False
            return
        try:
            yield True
        finally:
            self._taken -= 1
            self._wake()

    async def _take(self) -> None:
        if self._taken < self._size:
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.done() and not turn.cancelled():  # the slot came in the same instant
                self._taken -= 1
                self._wake()
            raise

    def _wake(self) -> None:
        while self._waiting and self._taken < self._size:
            turn = self._waiting.pop(0)
            if not turn.done():
                self._taken += 1
                turn.set_result(None)


def _target(backend: Backend, request: web.BaseRequest) -> URL:
    """The same path and query at the backend, letter by letter."""
    return URL(backend.url + request.raw_path, encoded=True)


def _onwards(
    headers: tuple[tuple[bytes, bytes], ...], *, hides_token: bool = False
) -> CIMultiDict[str]:
    """The headers that concern both ends, in the capitals in which they came."""
    onwards: CIMultiDict[str] = CIMultiDict()
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("utf-8", "surrogateescape")
        if name.lower() in HOP_BY_HOP:
            continue
        if hides_token and name.lower() == "authorization":
            value = without_signature(value)
        onwards.add(name, value)
    return onwards

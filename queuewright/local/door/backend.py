"""Passes a request on to the server behind a front door, and streams the response back."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from queuewright.cloud_tasks.headers import APP_ENGINE_PREFIX
from queuewright.local.door.access import without_signature

# These headers concern one connection and are not passed on: RFC 9110, 7.6.1.
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
CLIENT_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
"""The headers that aiohttp's client would add."""


class Backend:
    """The server behind a front door, at `http://host:port`.

    `comes_back`: if it cannot be reached, another backend will soon replace it.
    """

    def __init__(self, url: str, *, comes_back: bool = True) -> None:
        self.url = url.rstrip("/")
        self.comes_back = comes_back
        self._requests = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Return when it has no request in progress."""
        await self._idle.wait()

    def enter(self) -> None:
        """Count a request that it gets."""
        self._requests += 1
        self._idle.clear()

    def leave(self) -> None:
        """Count a request as finished."""
        self._requests -= 1
        if not self._requests:
            self._idle.set()


def session() -> aiohttp.ClientSession:
    """Return a client that changes nothing about a request.

    It uses a connection once: a server that closes an idle connection would fail a task.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        timeout=aiohttp.ClientTimeout(),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


class Exchange:
    """One request on its way to a backend and back."""

    def __init__(
        self, request: web.BaseRequest, path: str, *, hides_token: bool, hides_app_engine: bool
    ) -> None:
        """Prepare to pass a request on.

        Args:
            request: the request.
            path: the path and query that the backend gets.
            hides_token: replace the signature of the token in `Authorization`.
            hides_app_engine: leave the headers of App Engine out.
        """
        self.response: web.StreamResponse | None = None
        """The response, once the backend has begun it."""
        self._request = request
        self._path = path
        self.headers = _end_to_end(request.raw_headers, hides_token=hides_token)
        """The headers that the backend gets."""
        if hides_app_engine:
            for name in list(self.headers):
                # WSGI and CGI read `_` as `-`: PEP 3333, RFC 3875, 4.1.18.
                if name.lower().replace("_", "-").startswith(APP_ENGINE_PREFIX.lower()):
                    self.headers.popall(name, None)

    async def run(self, client: aiohttp.ClientSession, backend: Backend) -> web.StreamResponse:
        """Pass the request on, and stream the response.

        Raises:
            aiohttp.ClientConnectorError: the backend cannot be reached; nothing was sent.
            aiohttp.ClientError: the backend broke the exchange off.
        """
        request = self._request
        async with client.request(
            request.method,
            URL(backend.url + self._path, encoded=True),
            headers=self.headers,
            skip_auto_headers=CLIENT_HEADERS,
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
        ) as response:
            self.response = web.StreamResponse(
                status=response.status,
                reason=response.reason,
                headers=_end_to_end(response.raw_headers),
            )
            await self.response.prepare(request)
            async for chunk in response.content.iter_any():
                await self.response.write(chunk)
            await self.response.write_eof()
            return self.response

    def abort(self) -> None:
        """Break the connection off: half a response cannot be taken back."""
        if self._request.transport is not None:
            self._request.transport.abort()


def _end_to_end(
    headers: tuple[tuple[bytes, bytes], ...], *, hides_token: bool = False
) -> CIMultiDict[str]:
    """The headers that concern both ends, with their original capitals."""
    kept: CIMultiDict[str] = CIMultiDict()
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("utf-8", "surrogateescape")
        if name.lower() in HOP_BY_HOP:
            continue
        if hides_token and name.lower() == "authorization":
            value = without_signature(value)
        kept.add(name, value)
    return kept

"""The only place where bytes leave: one HTTP session for all attempts."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from queuewright.engine.dispatch.addresses import host_port, reason
from queuewright.engine.rules.http_request import OutgoingRequest

_READ_AT_MOST: Final = 1024 * 1024
"""Bytes of an answer's body that are read, and thrown away, so that the connection can stay."""

_FILES_FOR_OTHERS: Final = 128
_FEWEST_CONNECTIONS: Final = 64
_CONNECT_TIMEOUT_S: Final = 30.0

_LONGEST_LINE: Final = 1024 * 1024
"""Bytes of a header in an answer: only the status counts, so that a long policy does no harm."""

_OWN_HEADERS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What aiohttp would add; the handler receives nothing that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answered. Its body means nothing to Cloud Tasks."""

    status: int
    retry_after: str | None = None


class NoAnswerError(Exception):
    """No answer came: no address, no connection, or one that broke; says why."""


class Sender(Protocol):
    """Takes a request to its handler. A fake one makes tests of an engine fast."""

    async def send(self, request: OutgoingRequest) -> Answer:
        """Return the answer.

        Raises:
            NoAnswerError: there is none.
        """
        ...

    async def close(self) -> None:
        """Give back what is open."""
        ...


class HttpSender:
    """Sends over the network; deadlines are the caller's, who cancels."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: OutgoingRequest) -> Answer:
        """Send one request and return the answer's status once all of it is there."""
        session = self._session or self._opened()
        try:
            async with session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=CIMultiDict(request.headers),
                data=request.body or None,
                allow_redirects=request.follow_redirects,
            ) as response:
                await _discard(response)
                return Answer(response.status, response.headers.get("Retry-After"))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoAnswerError(_reason(error)) from error

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_connections(), ttl_dns_cache=10),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S),
            skip_auto_headers=_OWN_HEADERS,
            auto_decompress=False,
            requote_redirect_url=False,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )
        return self._session


async def _discard(response: aiohttp.ClientResponse) -> None:
    """Read the body to its end, so that the connection can be used again; not an endless one."""
    read = 0
    async for chunk in response.content.iter_any():
        read += len(chunk)
        if read > _READ_AT_MOST:
            response.close()
            return


def _connections() -> int:
    """How many connections this process may have open: a share of its file descriptors."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return 0
    return max(_FEWEST_CONNECTIONS, limit - _FILES_FOR_OTHERS)


def _reason(error: BaseException) -> str:
    """Why no answer came, in a line that a person understands."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            address = host_port(error.host, error.port or 443)
            return f"no trust in {address}: {error.certificate_error}"
        case aiohttp.ClientConnectorSSLError():
            address = host_port(error.host, error.port or 443)
            return f"no TLS with {address}, is it http? ({reason(error.os_error)})"
        case aiohttp.ClientConnectorError():
            address = host_port(error.host, error.port or 80)
            return f"cannot connect to {address}: {reason(error.os_error)}"
        case aiohttp.ClientResponseError():
            return f"what came back is not HTTP: {error.message.partition(chr(10))[0].rstrip(':')}"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before a response came"
        case aiohttp.ClientPayloadError():
            return "the response broke off"
        case OSError():
            return reason(error)
    return str(error) or type(error).__name__

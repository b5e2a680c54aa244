"""The only place where tasks leave: sends requests over shared connections."""

from __future__ import annotations

import ssl
from typing import Final
from urllib.parse import urljoin

from queuewright.engine.dispatch.http.connection import HttpConnection, Response, StaleError
from queuewright.engine.dispatch.http.destination import Destination, destination
from queuewright.engine.dispatch.http.pool import IDLE_LIMIT_S, ConnectionPool
from queuewright.engine.dispatch.http.resolver import Resolver
from queuewright.engine.dispatch.sender import Answer, NoAnswerError
from queuewright.engine.rules.http_request import OutgoingRequest
from queuewright.engine.rules.task_message import encoded

MAX_REDIRECTS: Final = 10

_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_WITHOUT_LENGTH: Final = frozenset(("GET", "HEAD", "OPTIONS"))
"""Methods that send no `Content-Length` without a body."""
_SECRET: Final = frozenset(("authorization", "cookie", "proxy-authorization"))


class HttpSender:
    """Sends over the network. The caller keeps the deadline, and cancels.

    When the server closes a reused connection before the first byte of the answer, the request is
    sent again on a new connection, once, as proxies do. The first one may have arrived, so a
    handler can receive one attempt twice; Cloud Tasks, too, delivers at least once.

    Args:
        connections: idle connections are closed when there would be more connections than this.
        idle_limit_s: how long a connection is kept for the next request.
        tls: decides which servers are trusted; by default those that the system trusts.
        resolver: looks hosts up.
    """

    def __init__(
        self,
        connections: int | None = None,
        idle_limit_s: float = IDLE_LIMIT_S,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._pool = ConnectionPool(connections, idle_limit_s, tls=tls, resolver=resolver)

    async def send(self, request: OutgoingRequest) -> Answer:
        """Send a request and return its answer once it is complete.

        Raises:
            NoAnswerError: there is none; the text is the reason.
        """
        to = _destination(request.url)
        response = await self._exchanged(to, request)
        if request.follow_redirects:
            response = await self._followed(request, response)
        return Answer(response.status, response.retry_after, response.excerpt)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def _followed(self, request: OutgoingRequest, response: Response) -> Response:
        """Follow redirects, from the first response to the last."""
        redirects = 0
        while response.status in _REDIRECTS and response.location:
            redirects += 1
            if redirects > MAX_REDIRECTS:
                raise NoAnswerError(
                    f"more than {MAX_REDIRECTS} redirects, the last to {request.url}"
                )
            request = _redirected(request, response.status, response.location)
            response = await self._exchanged(_destination(request.url), request)
        return response

    async def _exchanged(self, to: Destination, request: OutgoingRequest) -> Response:
        message = _message(to, request)
        is_head = request.method == "HEAD"
        connection = self._pool.idle(to.origin)
        if connection is not None:
            try:
                return await self._asked(connection, message, is_head=is_head)
            except StaleError:
                pass
        connection = await self._pool.open(to.origin)
        return await self._asked(connection, message, is_head=is_head)

    async def _asked(
        self, connection: HttpConnection, message: bytes, *, is_head: bool
    ) -> Response:
        try:
            response = await connection.ask(message, is_head=is_head)
        except BaseException:
            connection.abort()
            raise
        self._pool.give_back(connection)
        return response


def _destination(url: str) -> Destination:
    try:
        return destination(url)
    except ValueError as error:
        raise NoAnswerError(f"the URL is not valid: {str(error).lower()}") from error


def _message(to: Destination, request: OutgoingRequest) -> bytes:
    """Return a request as bytes (RFC 9112, 3): its own headers, `Host`, and `Content-Length`."""
    method, body = request.method, request.body
    lines = [f"{method} {to.target} HTTP/1.1", f"Host: {to.host}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if to.authorization is not None and not _has(request, "authorization"):
        lines.append(f"Authorization: {to.authorization}")
    if body or method not in _WITHOUT_LENGTH:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1 or "\0" in head:
        raise NoAnswerError("the request could not be made: a header contains a line break")
    try:
        return f"{head}\r\n\r\n".encode() + body
    except UnicodeEncodeError as error:
        raise NoAnswerError("the request could not be made: a header is not text") from error


def _redirected(request: OutgoingRequest, status: int, location: str) -> OutgoingRequest:
    """Return the request that a redirect asks for (RFC 9110, 15.4)."""
    method, headers, body = request.method, request.headers, request.body
    try:
        url = urljoin(request.url, encoded(location))
    except ValueError as error:
        raise NoAnswerError(f"the redirect's URL is not valid: {str(error).lower()}") from error
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body = "GET", b""
        headers = tuple(item for item in headers if not item[0].lower().startswith("content-"))
    if _destination(url).origin != _destination(request.url).origin:
        headers = tuple(item for item in headers if item[0].lower() not in _SECRET)
    return OutgoingRequest(method, url, headers, body, follow_redirects=True)


def _has(request: OutgoingRequest, name: str) -> bool:
    return any(other.lower() == name for other, _ in request.headers)

"""One connection to a server: a request goes out, the status of its answer comes back.

What holds:

1. A connection carries one request at a time.
2. A body is read to its end, or to `MAX_BODY_BYTES`, and dropped, but for an excerpt. Interim
   answers (1xx) and trailers are dropped. 101 counts as an answer, because no request asks for
   another protocol.
3. A connection is not used again after `Connection: close`, after an HTTP/1.0 answer without
   keep-alive, after HEAD, after bytes that belong to no answer, or when the answer came before
   the request was sent in full.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple, cast

import httptools

from queuewright.engine.dispatch.addresses import reason
from queuewright.engine.dispatch.http.destination import Origin
from queuewright.engine.dispatch.sender import NoAnswerError
from queuewright.engine.rules.excerpt import KEPT_HEADERS, Excerpt, excerpt
from queuewright.engine.rules.excerpt import MAX_BODY_BYTES as MAX_EXCERPT_BYTES

MAX_HEAD_BYTES: Final = 1024 * 1024
"""Of an answer's headers, interim answers included."""

MAX_BODY_BYTES: Final = 1024 * 1024
"""Of an answer's body that are read so that the connection can be used again."""

_NEEDED: Final = KEPT_HEADERS | {b"transfer-encoding"}
_SWITCHING_PROTOCOLS: Final = 101
_CLOSED: Final = "the connection was closed before a response came"


class Response(NamedTuple):
    """What is kept of an answer."""

    status: int
    retry_after: str | None
    location: str | None
    excerpt: Excerpt


class StaleError(Exception):
    """The server closed a connection that had been used before, and answered nothing."""


class HttpConnection(asyncio.Protocol):
    """A connection to one origin.

    Args:
        origin: the server.
        lost: called once when the connection is closed.
    """

    def __init__(self, origin: Origin, lost: Callable[[HttpConnection], None]) -> None:
        self.origin = origin
        self.idle_since_s = 0.0
        """The event loop's time at which it was given back to the pool."""
        self.is_reusable = False
        """Whether another request can be sent on it."""
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection is closed."""
        self._parser = httptools.HttpResponseParser(self)
        # What aiohttp's client and browsers forgive: folded headers, LF without CR.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._has_answered = False
        self._answer: asyncio.Future[Response] | None = None
        self._is_head = False
        self._bytes = 0
        self._status = 0
        """Of the answer, once its headers are complete."""
        self._headers: dict[bytes, bytes] = {}
        self._body = b""
        """The beginning of the answer's body, a little longer than an excerpt."""

    # What the sender calls

    def ask(self, message: bytes, *, is_head: bool) -> asyncio.Future[Response]:
        """Send a request. A caller that stops waiting for the answer must call `abort`.

        The future raises `NoAnswerError`, or `StaleError` when the request may be sent again.
        """
        self._answer = answer = self._loop.create_future()
        self._is_head = is_head
        self._bytes = 0
        self._status = 0
        self._headers.clear()
        self._body = b""
        if self.closed.done():
            self._fail(_CLOSED)
        else:
            self._transport.write(message)
        return answer

    def abort(self) -> None:
        """Close the connection without waiting for the other side."""
        self.is_reusable = False
        self._transport.abort()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse the next bytes of the answer."""
        if self._answer is None:  # bytes that answer no request
            self.abort()
            return
        is_body = self._status != 0
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.is_reusable = False
            self._fail(f"what came back is not HTTP: {self._mistake(error)}")
            self.abort()
            return
        if self._answer is None:
            return
        if is_body and self._bytes > MAX_BODY_BYTES:
            self._finish(is_reusable=False)
            self.abort()
        elif self._status != 0 and not is_body:
            self._bytes = 0
        elif self._bytes > MAX_HEAD_BYTES:
            self._fail(f"the response's headers are longer than {MAX_HEAD_BYTES:,} bytes")
            self.abort()

    def eof_received(self) -> None:
        """Close the connection when the server has closed its side."""
        self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """End the answer, whether it is complete or not."""
        self.is_reusable = False
        self.closed.set_result(None)
        self._lost(self)
        if self._answer is None:
            return
        if self._status != 0:
            if error is None and self._ends_with_the_connection():
                self._finish(is_reusable=False)
            else:
                self._fail("the response broke off")
        elif self._has_answered and self._bytes == 0:
            self._end(StaleError())
        elif isinstance(error, OSError):
            self._fail(reason(error))
        else:
            self._fail(_CLOSED)

    # What the parser calls

    def on_message_begin(self) -> None:
        """Note that the connection cannot be used again if no request awaits this answer."""
        if self._answer is None:
            self.is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a needed header, the first of its name. Trailers come after the status is set."""
        name = name.lower()
        if name in _NEEDED and self._status == 0:
            self._headers.setdefault(name, value)

    def on_headers_complete(self) -> None:
        """Keep the status."""
        status = self._parser.get_status_code()
        if self._answer is None or _is_interim(status):
            self._headers.clear()
            return
        self._status = status
        if self._is_head:  # no body follows, whatever the headers say (RFC 9110, 9.3.2)
            self._finish(is_reusable=False)

    def on_body(self, data: bytes) -> None:
        """Keep the beginning of the body."""
        if self._status != 0 and len(self._body) <= MAX_EXCERPT_BYTES:
            self._body += data[: MAX_EXCERPT_BYTES + 1 - len(self._body)]

    def on_message_complete(self) -> None:
        """End the answer."""
        if self._answer is not None and self._status != 0:
            is_whole = self._transport.get_write_buffer_size() == 0
            self._finish(
                is_reusable=is_whole
                and self._status != _SWITCHING_PROTOCOLS
                and self._parser.should_keep_alive()
            )

    # The end of an answer

    def _finish(self, *, is_reusable: bool) -> None:
        self.is_reusable = is_reusable
        self._has_answered = True
        headers = self._headers
        self._end(
            Response(
                self._status,
                _text(headers[b"retry-after"]) if b"retry-after" in headers else None,
                _text(headers[b"location"]) if b"location" in headers else None,
                excerpt(headers.items(), self._body),
            )
        )

    def _fail(self, message: str) -> None:
        self._end(NoAnswerError(message))

    def _end(self, result: Response | Exception) -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():  # given up
            return
        if isinstance(result, Response):
            answer.set_result(result)
        else:
            answer.set_exception(result)

    def _ends_with_the_connection(self) -> bool:
        """Whether the body ends where the connection ends (RFC 9112, 6.3)."""
        coding = self._headers.get(b"transfer-encoding")
        if coding is not None:
            return not coding.lower().endswith(b"chunked")
        return b"content-length" not in self._headers

    def _mistake(self, error: Exception) -> str:
        is_status_line = isinstance(error, httptools.HttpParserInvalidStatusError) or (
            self._status == 0 and not self._headers and "HTTP" in str(error)
        )
        return "Bad status line" if is_status_line else str(error)


def _is_interim(status: int) -> bool:
    return 100 <= status < 200 and status != _SWITCHING_PROTOCOLS


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")

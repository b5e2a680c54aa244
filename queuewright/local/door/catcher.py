"""Takes the place of a handler that does not run here: answers 200 and shows each request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Self

from aiohttp import web

from queuewright.local.door.listener import HOST, bound, listening, names_a_path
from queuewright.origins import RequestFilter, browser_objection

SHOWN_CHARACTERS = 300
"""How much of a body is printed."""
# The way to the catcher sets these; they say nothing about the task.
TRANSPORT_HEADERS = frozenset({"host", "content-length", "connection"})


class Catcher:
    """A listener for the tasks of one handler. Made by `Catcher.listen`."""

    def __init__(
        self,
        port: int,
        target: str,
        on_caught: Callable[[str], None],
        request_filter: RequestFilter,
    ) -> None:
        self.url = f"http://{HOST}:{port}"
        self.target = target
        """Scheme and host that the requests are meant for."""
        self._on_caught = on_caught
        self._filter = request_filter

    @classmethod
    @asynccontextmanager
    async def listen(
        cls,
        target: str,
        *,
        on_caught: Callable[[str], None],
        allowed_hosts: Collection[str] = (),
    ) -> AsyncIterator[Self]:
        """Listen on a free port.

        Args:
            target: scheme and host that the requests are meant for.
            on_caught: gets a description of each request.
            allowed_hosts: see `RequestFilter`, which refuses foreign web pages.
        """
        with bound() as listener:
            port = listener.getsockname()[1]
            catcher = cls(port, target, on_caught, RequestFilter(allowed_hosts))
            async with listening(listener, catcher._answer):
                yield catcher

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if not names_a_path(request):
            return self._refused(400, "the request does not name a path")
        headers = request.headers
        objection = self._filter.objection(headers) or browser_objection(request.method, headers)
        if objection is not None:
            return self._refused(403, objection)
        body = await request.read()
        lines = [f"not sent: {request.method} {self.target}{request.raw_path}"]
        for name, value in request.raw_headers:
            if name.decode("latin-1").lower() not in TRANSPORT_HEADERS:
                lines.append(f"  {name.decode('latin-1')}: {_header(value)}")
        if body:
            lines.append(f"  {shortened(body)}")
        self._on_caught("\n".join(lines))
        return web.Response(text="caught: the handler does not run on this machine\n")

    def _refused(self, status: int, reason: str) -> web.Response:
        self._on_caught(f"{status}: {reason}")
        return web.Response(status=status, text=f"{reason}\n")


def shortened(body: bytes) -> str:
    """Return a body in one line.

    >>> shortened(b'{"order": 1815}')
    '{"order": 1815}'
    >>> shortened(bytes([255, 216, 255]))
    '3 bytes of binary data'
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return f"{len(body):,} bytes of binary data"
    line = " ".join(text.split())
    if len(line) <= SHOWN_CHARACTERS:
        return line
    return f"{line[:SHOWN_CHARACTERS]}… ({len(body):,} bytes)"


def _header(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    scheme, _, token = text.partition(" ")
    return f"{scheme} {token[:12]}…" if scheme == "Bearer" else text

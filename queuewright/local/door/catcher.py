"""Takes the place of a handler that does not run here: answers 200 and shows each request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

from aiohttp import web

from queuewright.local.door.listener import HOST, bound, listening

SHOWN_CHARACTERS = 300
"""How much of a body is printed."""
# The way to the catcher sets these; they say nothing about the task.
TRANSPORT_HEADERS = frozenset({"host", "content-length", "connection"})


class Catcher:
    """A listener for the tasks of one handler. Made by `Catcher.listen`."""

    def __init__(self, port: int, target: str, on_caught: Callable[[str], None]) -> None:
        self.url = f"http://{HOST}:{port}"
        self.target = target
        """Scheme and host that the requests are meant for."""
        self._on_caught = on_caught

    @classmethod
    @asynccontextmanager
    async def listen(cls, target: str, *, on_caught: Callable[[str], None]) -> AsyncIterator[Self]:
        """Listen on a free port; `on_caught` gets a description of each request."""
        with bound() as listener:
            catcher = cls(listener.getsockname()[1], target, on_caught)
            async with listening(listener, catcher._answer):
                yield catcher

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        lines = [f"not sent: {request.method} {self.target}{request.raw_path}"]
        for name, value in request.raw_headers:
            if name.decode("latin-1").lower() not in TRANSPORT_HEADERS:
                lines.append(f"  {name.decode('latin-1')}: {_header(value)}")
        if body:
            lines.append(f"  {shortened(body)}")
        self._on_caught("\n".join(lines))
        return web.Response(text="caught: the handler does not run on this machine\n")


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

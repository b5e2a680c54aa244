"""Stands in for what does not run here: answers 200, and says what would have been sent."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from queuewright.engine import HTTP_LOG as LOGGER
from queuewright.local.door.front_door import HOST

SHOWN_BODY = 300
"""Characters of a body that are printed."""
LARGEST_BODY = 32 * 1024 * 1024
# Set by the way a request takes to the catcher, and not by the task.
OF_THE_WAY = frozenset({"host", "content-length", "connection"})


class Catcher:
    """A listener for the tasks of one handler."""

    def __init__(self, *, on_caught: Callable[[str], None]) -> None:
        """`on_caught` is told, in words, what each request was."""
        self.port = 0
        self.base = ""
        """Scheme and host that they are meant for."""
        self._on_caught = on_caught
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Listen, on a port that the system chooses."""
        self._runner = web.ServerRunner(
            web.Server(self._answer, access_log=None, logger=LOGGER), shutdown_timeout=0.0
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the listener."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        lines = [f"not sent: {request.method} {self.base}{request.raw_path}"]
        for name, value in request.raw_headers:
            if name.decode("latin-1").lower() not in OF_THE_WAY:
                lines.append(f"  {name.decode('latin-1')}: {_header(value)}")
        if body:
            lines.append(f"  {shortened(body)}")
        self._on_caught("\n".join(lines))
        return web.Response(text="caught: it does not run on this machine\n")


def shortened(body: bytes) -> str:
    """A body in one line.

    >>> shortened(b'{"order": 1815}')
    '{"order": 1815}'
    >>> shortened(bytes([255, 216, 255]))
    '3 bytes that are no text'
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return f"{len(body):,} bytes that are no text"
    line = " ".join(text.split())
    if len(line) <= SHOWN_BODY:
        return line
    return f"{line[:SHOWN_BODY]}… ({len(body):,} bytes)"


def _header(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    scheme, _, token = text.partition(" ")
    return f"{scheme} {token[:12]}…" if scheme == "Bearer" else text

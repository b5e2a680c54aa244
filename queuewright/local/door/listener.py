"""Listens for HTTP on a free port of this machine."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from queuewright.cloud_tasks.limits import MAX_HEADERS_BYTES
from queuewright.engine import HTTP_LOG

HOST = "127.0.0.1"
BACKLOG = 1024

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def bound() -> socket.socket:
    """Return a socket on a port that the system chooses."""
    return socket.create_server((HOST, 0), backlog=BACKLOG)


def names_a_path(request: web.BaseRequest) -> bool:
    """Return whether the target is a path, as for an origin server (RFC 9112, 3.2.1).

    `OPTIONS *`, `CONNECT`, and a whole URL as for a proxy, are not.
    """
    return request.raw_path.startswith("/")


@asynccontextmanager
async def listening(listener: socket.socket, answer: Answer) -> AsyncIterator[None]:
    """Answer requests with `answer`, which is cancelled when its client goes away."""
    server = web.Server(
        answer,
        handler_cancellation=True,
        access_log=None,
        logger=HTTP_LOG,
        max_line_size=2 * MAX_HEADERS_BYTES,
        max_field_size=2 * MAX_HEADERS_BYTES,  # a task's, and those that Cloud Tasks adds
        max_headers=MAX_HEADERS_BYTES,
    )
    runner = web.ServerRunner(server, shutdown_timeout=0.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, backlog=BACKLOG).start()
        yield
    finally:
        await runner.cleanup()

"""Calls an ASGI application (https://asgi.readthedocs.io/en/latest/specs/www.html)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from queuewright.engine import OutgoingRequest
from queuewright.testing.loop_thread import LoopThread
from queuewright.testing.reply import Reply, reply

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


def is_asgi(app: object) -> bool:
    """Return whether an application is an ASGI application: a coroutine function, or an object."""
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(
        getattr(app, "__call__", None)  # noqa: B004 - what it calls is what matters
    )


class AsgiApplication:
    """An ASGI application on an event loop of its own, between its startup and its shutdown."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._state: dict[str, Any] = {}
        self._thread = LoopThread("queuewright: an ASGI handler")
        self._lifespan: _Lifespan | None = None

    def start(self) -> None:
        """Tell the application that it starts.

        Raises:
            RuntimeError: the application says that its startup failed.
        """
        self._lifespan = self._thread.run_alone(_Lifespan.started(self._app, self._state))

    def call(self, request: OutgoingRequest) -> Reply:
        """Call it with a request. An exception that it raises is a response 500."""
        return self._thread.run_alone(self._called(request))

    def close(self) -> None:
        """Tell the application that it ends, and end its loop."""
        if self._lifespan is not None:
            self._thread.run_alone(self._lifespan.end())
        self._thread.close()

    async def _called(self, request: OutgoingRequest) -> Reply:
        asked = [{"type": "http.request", "body": request.body, "more_body": False}]
        status, headers, body = 500, list[tuple[str, str]](), b""

        async def receive() -> Message:
            return asked.pop() if asked else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            nonlocal status, headers, body
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in message.get("headers", ())
                ]
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")

        try:
            await self._app(_scope(request, self._state), receive, send)
        except Exception as error:
            return reply(500, headers, body, error)
        return reply(status, headers, body)


def _scope(request: OutgoingRequest, state: dict[str, Any]) -> Message:
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    headers = [
        (name.lower().encode("latin-1"), value.encode("utf-8")) for name, value in request.headers
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": parts.scheme,
        "path": unquote(parts.path) or "/",
        "raw_path": parts.path.encode("ascii") or b"/",
        "query_string": parts.query.encode("ascii"),
        "root_path": "",
        "headers": [
            (b"host", parts.netloc.encode("ascii")),
            (b"content-length", str(len(request.body)).encode("ascii")),
            *headers,
        ],
        "client": ("127.0.0.1", 0),
        "server": (host, parts.port or (443 if parts.scheme == "https" else 80)),
        "state": dict(state),
    }


class _Lifespan:
    """An application's lifespan (https://asgi.readthedocs.io/en/latest/specs/lifespan.html)."""

    def __init__(self) -> None:
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def started(cls, app: Application, state: dict[str, Any]) -> _Lifespan:
        lifespan = cls()
        lifespan._task = asyncio.create_task(lifespan._run(app, state))
        answer = await lifespan._asked("lifespan.startup")
        if answer is not None and answer["type"] == "lifespan.startup.failed":
            raise RuntimeError(f"its startup failed: {answer.get('message', '')}")
        return lifespan

    async def end(self) -> None:
        if self._task is not None and not self._task.done():
            await self._asked("lifespan.shutdown")
            self._task.cancel()

    async def _asked(self, what: str) -> Message | None:
        """Return the application's answer; None if it knows no lifespan."""
        await self._to_app.put({"type": what})
        return await self._from_app.get()

    async def _run(self, app: Application, state: dict[str, Any]) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
        try:
            await app({**scope, "state": state}, self._to_app.get, self._from_app.put)
        except Exception:
            pass
        finally:
            await self._from_app.put(None)

"""Middleware for ASGI, as of FastAPI and Starlette: dead letters, `current_task`, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from queuewright_runtime import limits
from queuewright_runtime.attempt import TaskAttempt, handling
from queuewright_runtime.attempts import Answer, Attempts
from queuewright_runtime.letters import TaskRequest

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]


class AsgiTasks:
    """Handles the tasks that an ASGI application gets; other requests pass.

    With FastAPI or Starlette::

        app = FastAPI()
        app.add_middleware(AsgiTasks)

    Args:
        app: the application.
        attempts: the attempts in this process. Default: its own, as the variables say.
    """

    def __init__(self, app: App, *, attempts: Attempts | None = None) -> None:
        self._app = app
        self._attempts = attempts or Attempts()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:  # noqa: ANN401
        """Answer a request, or pass another event on."""
        attempt = None
        if scope["type"] == "http":
            headers = {key.lower(): value for key, value in _headers(scope)}
            attempt = self._attempts.attempt_of(headers)
        if attempt is None or _length(headers) > limits.MAX_TASK_BYTES:
            await self._app(scope, receive, send)
            return
        request = _request(scope, await _body(receive))
        answer = await asyncio.to_thread(self._attempts.begin, attempt, request)
        if answer is None:
            answer = await self._ended(scope, receive, send, attempt, request)
        if answer is not None:
            await _say(answer, send)

    async def _ended(
        self,
        scope: object,
        receive: Receive,
        send: Send,
        attempt: TaskAttempt,
        request: TaskRequest,
    ) -> Answer | None:
        """Run the application; pass its response on, or return another one."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        status = 500
        error: BaseException | None = None
        raised: Exception | None = None
        try:
            with handling(attempt) as noted:
                await self._app(scope, _again(request.body, receive), collect)
        except Exception as exception:
            error = raised = exception
        except BaseException:
            self._attempts.abandon(attempt)
            raise
        else:
            error = noted.error
            starts = (each for each in messages if each["type"] == "http.response.start")
            status = next((each["status"] for each in starts), 500)
        answer = await asyncio.to_thread(
            self._attempts.end,
            attempt,
            request,
            status=status,
            error=error,
            body=_content(messages),
        )
        if answer is None:
            if raised is not None:
                raise raised
            for message in messages:
                await send(message)
        return answer


def _headers(scope: Any) -> list[tuple[str, str]]:  # noqa: ANN401
    """The headers, with the usual capitals: ASGI has them in lower case."""
    pairs = ((key.decode("latin-1"), text.decode("latin-1")) for key, text in scope["headers"])
    return [(key.title(), text) for key, text in pairs]


def _length(headers: dict[str, str]) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() else 0


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(parts)


def _content(messages: list[Message]) -> bytes:
    """The body of a response."""
    return b"".join(each.get("body", b"") for each in messages)


def _again(body: bytes, receive: Receive) -> Receive:
    """Receives the body once more, and then what follows."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received


def _request(scope: Any, body: bytes) -> TaskRequest:  # noqa: ANN401
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope.get("query_string", b"").decode("latin-1")
    headers = _headers(scope)
    return TaskRequest(
        method=scope["method"],
        host=next((value for key, value in headers if key == "Host"), ""),
        target=path + (f"?{query}" if query else ""),
        headers=tuple(headers),
        body=body,
    )


async def _say(answer: Answer, send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.text.encode()})

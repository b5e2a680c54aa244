"""Middleware for WSGI, as of Flask and Django: dead letters, `current_task`, and one at a time."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from queuewright_runtime import limits
from queuewright_runtime.attempt import TaskAttempt, handling, note
from queuewright_runtime.attempts import Answer, Attempts
from queuewright_runtime.errors import PermanentError
from queuewright_runtime.letters import TaskRequest

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

_REASONS = {200: "OK", 409: "Conflict", 500: "Internal Server Error"}


class WsgiTasks:
    """Handles the tasks that a WSGI application gets; other requests pass.

    With Flask::

        app = Flask(__name__)
        app.wsgi_app = WsgiTasks(app.wsgi_app)

    Args:
        app: the application.
        attempts: the attempts in this process. Default: its own, as the variables say.
    """

    def __init__(self, app: App, *, attempts: Attempts | None = None) -> None:
        self._app = app
        self._attempts = attempts or Attempts()
        _note_what_flask_catches()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        attempt = self._attempts.attempt_of(_lower(environ))
        body = _body(environ) if attempt is not None else None
        if attempt is None or body is None:
            return self._app(environ, start_response)
        return self._answered(environ, start_response, attempt, _request(environ, body))

    def _answered(
        self,
        environ: Environ,
        start_response: StartResponse,
        attempt: TaskAttempt,
        request: TaskRequest,
    ) -> Iterable[bytes]:
        answer = self._attempts.begin(attempt, request)
        if answer is not None:
            return _say(answer, start_response)
        try:
            with handling(attempt) as noted:
                status, headers, content = _collected(self._app, environ)
        except Exception as error:
            answer = self._attempts.end(attempt, request, status=500, error=error)
            if answer is None:
                raise
            return _say(answer, start_response)
        except BaseException:
            self._attempts.abandon(attempt)
            raise
        code = int(status.split(" ", 1)[0])
        answer = self._attempts.end(attempt, request, status=code, error=noted.error, body=content)
        if answer is not None:
            return _say(answer, start_response)
        start_response(status, headers)
        return [content]


def _collected(app: App, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
    """An application's whole response. Cloud Tasks ignores its body, so there is no hurry."""
    began: list[tuple[str, list[tuple[str, str]]]] = []
    parts: list[bytes] = []

    def start(
        status: str, headers: list[tuple[str, str]], _: object = None
    ) -> Callable[[bytes], object]:
        began.append((status, headers))
        return parts.append

    chunks = app(environ, start)
    try:
        parts.extend(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, headers = began[-1]
    return status, headers, b"".join(parts)


def _say(answer: Answer, start_response: StartResponse) -> list[bytes]:
    content = answer.text.encode()
    start_response(
        f"{answer.status} {_REASONS[answer.status]}",
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(content)))],
    )
    return [content]


def _lower(environ: Environ) -> dict[str, str]:
    return {name.lower(): value for name, value in _headers(environ)}


def _headers(environ: Environ) -> list[tuple[str, str]]:
    """The headers, with the usual capitals: WSGI has none."""
    found = [(key[5:], value) for key, value in environ.items() if key.startswith("HTTP_")]
    found += [(key, environ[key]) for key in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(key)]
    return [(key.replace("_", "-").title(), str(value)) for key, value in found]


def _body(environ: Environ) -> bytes | None:
    """The body, which the application can read again; None if it is none of a task."""
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return None
    if length > limits.MAX_TASK_BYTES:
        return None
    stream = environ["wsgi.input"]
    body = stream.read(length) if length or not environ.get("wsgi.input_terminated") else b""
    environ["wsgi.input"] = io.BytesIO(body)
    return bytes(body)


def _request(environ: Environ, body: bytes) -> TaskRequest:
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if not target:
        path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
        query = environ.get("QUERY_STRING", "")
        target = quote(path.encode("latin-1")) + (f"?{query}" if query else "")
    if not str(target).startswith("/"):  # RFC 9112, 3.2.2: it may be a whole URL
        target = "/" + str(target).partition("://")[2].partition("/")[2]
    return TaskRequest(
        method=str(environ["REQUEST_METHOD"]),
        host=str(environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")),
        target=str(target),
        headers=tuple(_headers(environ)),
        body=body,
    )


def _note_what_flask_catches() -> None:
    """Have Flask tell us of the exceptions that it makes a response of."""
    flask = sys.modules.get("flask")
    signal = getattr(flask, "got_request_exception", None)
    if signal is not None:
        signal.connect(_note_exception, weak=False)


def _note_exception(_: object, exception: BaseException, **__: object) -> None:
    if not isinstance(exception, PermanentError):  # it has noted itself
        note(exception)

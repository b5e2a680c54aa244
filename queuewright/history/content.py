"""A task's content and an answer's headers, as they are stored and as they are shown. Pure."""

from __future__ import annotations

from functools import lru_cache

from google.protobuf.message import DecodeError

from queuewright.engine import METHODS
from queuewright.engine.protocol import Task
from queuewright.history.records import TaskContent

Headers = tuple[tuple[str, str], ...]


def task_content(raw: bytes) -> TaskContent | None:
    """Return what a serialized `Task` sends; None if it is unreadable or sends nothing."""
    try:
        task = Task.FromString(raw)
    except DecodeError:
        return None
    if task.HasField("http_request"):
        http = task.http_request
        headers = tuple(http.headers.items())
        return TaskContent(
            method=METHODS[http.http_method],
            url=http.url,
            headers=headers,
            body=http.body,
            raw=raw,
        )
    if task.HasField("app_engine_http_request"):
        app = task.app_engine_http_request
        return TaskContent(
            method=METHODS[app.http_method],
            url=app.relative_uri,
            headers=tuple(app.headers.items()),
            body=app.body,
            raw=raw,
        )
    return None


@lru_cache(maxsize=1024)
def written_headers(headers: Headers) -> str:
    r"""Return headers as text, a line for each. No value has a line break.

    >>> written_headers((("content-type", "text/plain"), ("allow", "GET")))
    'content-type: text/plain\nallow: GET'
    """
    return "\n".join(f"{name}: {value}" for name, value in headers)


def read_headers(text: str) -> Headers:
    """Return the headers that `written_headers` has written.

    >>> read_headers("content-type: text/plain")
    (('content-type', 'text/plain'),)
    """
    pairs = (line.partition(": ") for line in text.split("\n") if line)
    return tuple((name, value) for name, _, value in pairs)

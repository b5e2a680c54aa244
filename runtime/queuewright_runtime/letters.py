"""A dead letter: the task as it came, and in headers of ours what happened to it. Pure.

The letter is a task in the queue of dead letters, named after the task that it was: a second burial
of the same task finds that its letter exists.
"""

from __future__ import annotations

import base64
import hashlib
import json
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from queuewright_runtime import limits
from queuewright_runtime.attempt import APP_ENGINE, CLOUD_TASKS, TaskAttempt
from queuewright_runtime.dead_letters import DeadLetterQueue
from queuewright_runtime.durations import timestamp

PREFIX = "X-Queuewright-"
"""Begins the headers that tell what happened."""

Reason = Literal["permanent", "failed", "unanswered"]
"""A `PermanentError`, a failure in the last attempt, or a last attempt without an answer."""

MAX_ERROR_BYTES = 2_000
MAX_EXCERPT_BYTES = 500
"""Of a response: enough for a sentence, and not for a page."""
MAX_TRACEBACK_BYTES = 16_000
TASK_OVERHEAD_BYTES = 1_024
"""What a stored task has besides its name, URL, headers and body, with room to spare."""

_NOT_KEPT = frozenset(
    {
        "host",
        "content-length",
        "user-agent",
        "authorization",  # a token that has ended by then; the queue adds a new one
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "accept-encoding",
        "forwarded",
        "via",
        "traceparent",
        "tracestate",
        "x-cloud-trace-context",
        "function-execution-id",
    }
)
_NOT_KEPT_PREFIXES = (CLOUD_TASKS, APP_ENGINE, "x-google-", "x-forwarded-", PREFIX.lower())
"""The headers that Cloud Tasks, Cloud Run and proxies add on the way."""


class LetterTooLargeError(ValueError):
    """The task leaves no room for what happened."""


@dataclass(frozen=True)
class TaskRequest:
    """The request of a task, as the handler got it."""

    method: str
    host: str
    """With the port, if it has one."""
    target: str
    """The path and the query, as they came."""
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Story:
    """What happened to a task."""

    reason: Reason
    attempts: int
    """How many ran."""
    status: int | None
    """The HTTP status of the last answer; None if there was none."""
    error: str
    """In one line."""
    traceback: str
    """Empty if there was no exception."""
    died: datetime


def story_of(
    reason: Reason,
    attempts: int,
    status: int | None,
    error: BaseException | str,
    died: datetime,
) -> Story:
    """Return the story of a task: `error` is the exception, or a sentence."""
    if isinstance(error, BaseException):
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        line = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return Story(reason, attempts, status, line, trace, died)
    return Story(reason, attempts, status, error, "", died)


def answered(status: int, body: bytes) -> str:
    """Return a sentence about a response that is not 2xx.

    >>> answered(503, b"not sent: connection refused"), answered(500, b"")
    ('HTTP status 503: not sent: connection refused', 'HTTP status 500')
    """
    text = body[:MAX_EXCERPT_BYTES].decode("utf-8", "replace").strip()
    return f"HTTP status {status}: {text}" if text else f"HTTP status {status}"


def letter(
    request: TaskRequest, attempt: TaskAttempt, dead: DeadLetterQueue, story: Story
) -> dict[str, Any]:
    """Return the dead letter as a task in the API's JSON.

    Raises:
        LetterTooLargeError: the task's own headers or body leave no room for what happened.
    """
    name = f"{dead.queue}/tasks/{letter_id(request, attempt)}"
    headers = kept_headers(request.headers)
    url = request.target if attempt.is_app_engine else f"https://{request.host}{request.target}"
    own = _bytes(headers.items())
    room = min(
        limits.MAX_HEADERS_BYTES - 1 - own,
        limits.MAX_TASK_BYTES
        - TASK_OVERHEAD_BYTES
        - (len(name) + len(url) + own + len(request.body)),
    )
    told = _told(attempt, story, room)
    created: dict[str, Any] = {"httpMethod": request.method, "headers": {**headers, **told}}
    if request.body:
        created["body"] = base64.b64encode(request.body).decode()
    if attempt.is_app_engine:
        return {"name": name, "appEngineHttpRequest": {"relativeUri": url, **created}}
    return {"name": name, "httpRequest": {"url": url, **created}}


def letter_id(request: TaskRequest, attempt: TaskAttempt) -> str:
    """Return the id of a task's letter: the same for every attempt of the task.

    The content is part of it: a name can be used again a day after its task is gone.
    """
    content = hashlib.sha256(request.body).hexdigest()
    parts = (attempt.queue, attempt.name, request.method, request.target, content)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def kept_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the headers that the task had when it was enqueued.

    >>> kept_headers([("Content-Type", "text/plain"), ("Authorization", "Bearer x"), ("A", "1")])
    {'Content-Type': 'text/plain', 'A': '1'}
    """
    kept: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        if lower not in _NOT_KEPT and not lower.startswith(_NOT_KEPT_PREFIXES):
            kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return kept


def escaped(text: str) -> str:
    r"""Return a text as a header can have it: as in JSON, in ASCII and on one line.

    >>> print(escaped('Ü "a"\n'))
    \u00dc \"a\"\n
    """
    return json.dumps(text)[1:-1]


def _told(attempt: TaskAttempt, story: Story, room: int) -> dict[str, str]:
    """What happened, in headers that take no more than `room` bytes."""
    told = {
        f"{PREFIX}Task": attempt.name,
        f"{PREFIX}Reason": story.reason,
        f"{PREFIX}Attempts": str(story.attempts),
        f"{PREFIX}Died": timestamp(story.died),
    }
    if attempt.schedule_time is not None:
        told[f"{PREFIX}Scheduled"] = timestamp(attempt.schedule_time)
    if story.status is not None:
        told[f"{PREFIX}Status"] = str(story.status)
    room -= _bytes(told.items())
    if room < 0:
        raise LetterTooLargeError(
            "its headers and its body leave no room for what happened to it "
            f"({-room:,} bytes too few)"
        )
    for part, text, most in (
        ("Error", story.error, MAX_ERROR_BYTES),
        ("Traceback", story.traceback, MAX_TRACEBACK_BYTES),
    ):
        name = f"{PREFIX}{part}"
        value = _end(text, min(most, room - len(name)))
        if value:
            told[name] = value
            room -= len(name) + len(value)
    return told


def _end(text: str, most: int) -> str:
    """The end of a text, escaped, in at most so many bytes."""
    value = escaped(text)
    if len(value) <= most:
        return value
    kept = text
    while kept and len(value := escaped(f"… {kept}")) > most:
        kept = kept[max(1, len(value) - most, len(kept) // 64) :]
    return value if kept else ""


def _bytes(headers: Iterable[tuple[str, str]]) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in headers)

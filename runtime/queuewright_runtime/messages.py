"""A new task as the API's JSON, checked against Google's limits. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from queuewright_runtime import limits
from queuewright_runtime.addresses import QueueAddress
from queuewright_runtime.durations import duration, seconds, timestamp
from queuewright_runtime.errors import EnqueueError

P = TypeVar("P")

PLACEHOLDER = "https://queue.invalid"
"""A task must have a URL, although the queue's routing replaces its scheme and host. `.invalid`
never resolves (RFC 2606)."""


@dataclass(frozen=True)
class NewTask(Generic[P]):
    """A task to enqueue."""

    payload: P | bytes = b""
    """Bytes are sent as they are, everything else as JSON."""
    delay: str | float | timedelta | None = None
    """How long it waits at least: `10m`, seconds, or a `timedelta`; at most 30 days. A pull queue
    needs `delays: true` for it."""
    at: datetime | None = None
    """Its earliest time, with a time zone; at most 30 days ahead."""
    key: str | None = None
    """The same key, the same task: a second one is not created, for up to 24 hours after the
    first is done. For a pull queue only with a delay."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of its requests; of a pull queue, its attributes."""
    path: str | None = None
    """The path at the handler, for a queue that has none of its own."""
    url: str | None = None
    """The task's own URL, for a queue without a handler."""
    ordering_key: str | None = None
    """For a pull queue with `ordering`."""


def task_id(key: str) -> str:
    """Return the id of the task with a key: a hash, so that similar keys are far apart.

    Ids in a sequence make a queue slow: `CreateTaskRequest.task` in cloudtasks.proto.

    Raises:
        EnqueueError: the key is not a text, or it is empty: tasks whose key was left empty by
            mistake would all be the same task.

    >>> task_id("order-17")
    '72a90ea3da8b5dd01bde2f27314e02e2'
    """
    if not isinstance(key, str):
        raise EnqueueError(f"`key` must be a text, not {key!r}")
    if not key:
        raise EnqueueError("`key` is empty; give another one, or None for a task of its own")
    return hashlib.sha256(_utf8(key, "`key`")).hexdigest()[:32]


def body_of(task: NewTask[Any]) -> bytes:
    """Return the bytes of a task's payload.

    Raises:
        EnqueueError: it has no JSON.
    """
    if isinstance(task.payload, bytes):
        return task.payload
    try:
        text = json.dumps(task.payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise EnqueueError(f"the payload can't be written as JSON: {error}") from None
    return _utf8(text, "the payload")


def headers_of(task: NewTask[Any]) -> dict[str, str]:
    """Return a task's headers; JSON has a `Content-Type`, unless the task gives another.

    Raises:
        EnqueueError: a name or a value is not a text.
    """
    given = dict(task.headers)
    for name, value in given.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise EnqueueError(f"`headers`: name and value must be texts, not {name!r}: {value!r}")
        _utf8(name + value, f"header {name!r}")
    is_typed = any(name.lower() == "content-type" for name in given)
    if isinstance(task.payload, bytes) or is_typed:
        return given
    return {"Content-Type": "application/json", **given}


def task_json(queue: QueueAddress, task: NewTask[Any], now: datetime) -> dict[str, Any]:
    """Return a task of a push queue in the API's JSON. It has a name: a retry creates no second.

    Raises:
        EnqueueError: Google would refuse it; the message says what and the limit.
    """
    if task.ordering_key is not None:
        raise EnqueueError(
            f"queue `{queue.key}` is a push queue, which knows no `ordering_key`: "
            "Cloud Tasks keeps no order; a pull queue with `ordering: true` does"
        )
    body, headers = body_of(task), headers_of(task)
    identifier = uuid.uuid4().hex if task.key is None else task_id(task.key)
    created: dict[str, Any] = {"name": f"{queue.name}/tasks/{identifier}"}
    due = schedule_time(task, now)
    if due is not None:
        created["scheduleTime"] = timestamp(due)
    if queue.deadline is not None:
        created["dispatchDeadline"] = seconds(dispatch_deadline(queue))
    url = _url(queue, task)
    request: dict[str, Any] = {"headers": headers} if headers else {}
    if body:
        request["body"] = base64.b64encode(body).decode()
    if queue.is_app_engine:
        created["appEngineHttpRequest"] = {"relativeUri": url, **request}
    else:
        created["httpRequest"] = {"url": url, **request}
    _check_size(queue, created["name"], url, headers, body)
    return created


def schedule_time(task: NewTask[Any], now: datetime) -> datetime | None:
    """Return the earliest time of a task; None: at once.

    Raises:
        EnqueueError: both `delay` and `at` are given, or it is too far ahead.
    """
    if task.at is not None and task.delay is not None:
        raise EnqueueError("give one of `delay` and `at`")
    due = task.at
    if due is not None and due.tzinfo is None:
        raise EnqueueError(
            f"`at` has no time zone: {due.isoformat()}; give one, as in "
            "`datetime.now(timezone.utc)`"
        )
    if task.delay is not None:
        try:
            due = now + duration(task.delay)
        except (ValueError, OverflowError) as error:
            raise EnqueueError(f"`delay`: {error}") from None
    if due is not None and due > now + limits.MAX_SCHEDULE_AHEAD:
        days = (due - now) / timedelta(days=1)
        raise EnqueueError(
            f"a task can't wait for {days:.1f} days: Cloud Tasks allows at most "
            f"{limits.MAX_SCHEDULE_AHEAD.days} days"
        )
    return due


def dispatch_deadline(queue: QueueAddress) -> timedelta:
    """Return how long an attempt may take: the queue's, within what Google allows."""
    most = (
        limits.MAX_APP_ENGINE_DISPATCH_DEADLINE
        if queue.is_app_engine
        else limits.MAX_HTTP_DISPATCH_DEADLINE
    )
    return min(max(queue.deadline or most, limits.MIN_DISPATCH_DEADLINE), most)


def _url(queue: QueueAddress, task: NewTask[Any]) -> str:
    """Return a task's URL; of an App Engine task, its relative URI."""
    if task.url is not None:
        if task.path is not None or queue.is_app_engine:
            what = "`path`" if task.path is not None else "an App Engine queue"
            raise EnqueueError(f"`url` and {what} don't go together: give `path` alone")
        return task.url
    path = task.path if task.path is not None else "/"
    if not path.startswith("/"):
        raise EnqueueError(f"`{path}` is not a path: start it with `/`, as in `/send`")
    return path if queue.is_app_engine else PLACEHOLDER + path


def _utf8(text: str, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise EnqueueError(f"{what} can't be written as UTF-8: {error}") from None


def _check_size(
    queue: QueueAddress, name: str, url: str, headers: Mapping[str, str], body: bytes
) -> None:
    in_headers = sum(len(key.encode()) + len(value.encode()) for key, value in headers.items())
    if len(url) > limits.MAX_URL_CHARACTERS:
        raise EnqueueError(
            f"the URL has {len(url):,} characters: Cloud Tasks allows {limits.MAX_URL_CHARACTERS:,}"
        )
    if in_headers >= limits.MAX_HEADERS_BYTES:
        raise EnqueueError(
            f"the headers have {in_headers:,} bytes: Cloud Tasks allows less than "
            f"{limits.MAX_HEADERS_BYTES:,}"
        )
    # What Google measures has some bytes more; it refuses itself what is within them.
    size = len(name) + len(url) + in_headers + len(body)
    if size > limits.MAX_TASK_BYTES:
        raise EnqueueError(
            f"the task for `{queue.key}` has {size:,} bytes: Cloud Tasks allows "
            f"{limits.MAX_TASK_BYTES:,}; put the data into a bucket, and its name into the task"
        )

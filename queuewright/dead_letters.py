"""The dead letters of a push queue: what their headers tell, and the task that each was. Pure.

A handler's library writes them: `runtime/queuewright_runtime/letters.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from queuewright.engine import METHODS
from queuewright.engine.protocol import Task

PREFIX: Final = "X-Queuewright-"
"""Begins the headers that tell what happened."""
REASONS: Final = {
    "permanent": "it can never succeed",
    "failed": "its last attempt failed",
    "unanswered": "its last attempt did not end",
}
"""Why a task is dead, in words."""
_STORED: Final = frozenset({"user-agent", "content-length"})
"""The headers that Cloud Tasks adds to a task that it stores."""
UNKNOWN: Final = "unknown"
"""The reason of a task that somebody else added to the queue."""


@dataclass(frozen=True)
class DeadLetter:
    """A task that was given up, and what happened to it."""

    name: str
    """Of the letter, in full."""
    task: str
    """The id of the task that it was."""
    reason: str
    """One of `REASONS`, or `UNKNOWN`."""
    attempts: int
    """How many ran."""
    status: int | None
    """The HTTP status of the last answer; None if there was none."""
    error: str
    traceback: str
    """Empty if there was no exception."""
    scheduled: datetime | None
    """When the last attempt was due."""
    died: datetime
    created: datetime
    """When the letter was made, by Cloud Tasks' clock."""
    method: str
    url: str
    """Of an App Engine task, the relative URI."""
    headers: Mapping[str, str]
    """The task's own."""
    body: bytes

    @property
    def letter_id(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]

    def is_older_than(self, keep: timedelta, now: datetime) -> bool:
        """Whether it is to be gone at `now`."""
        return now - self.created >= keep


def dead_letter(task: Task) -> DeadLetter:
    """Return what a task in a queue of dead letters tells; it needs the view FULL."""
    is_app_engine = task.HasField("app_engine_http_request")
    request = task.app_engine_http_request if is_app_engine else task.http_request
    told = {
        name[len(PREFIX) :].lower(): value
        for name, value in request.headers.items()
        if name.lower().startswith(PREFIX.lower())
    }
    created = task.create_time.ToDatetime(UTC)
    reason = told.get("reason", "")
    return DeadLetter(
        name=task.name,
        task=told.get("task") or task.name.rpartition("/")[2],
        reason=reason if reason in REASONS else UNKNOWN,
        attempts=_number(told.get("attempts")) or 0,
        status=_number(told.get("status")),
        error=_unescaped(told.get("error", "")),
        traceback=_unescaped(told.get("traceback", "")),
        scheduled=_time(told.get("scheduled")),
        died=_time(told.get("died")) or created,
        created=created,
        method=METHODS[request.http_method],
        url=task.app_engine_http_request.relative_uri if is_app_engine else task.http_request.url,
        headers={
            name: value
            for name, value in own_headers(request.headers).items()
            if name.lower() not in _STORED
        },
        body=request.body,
    )


def replayed(task: Task, queue: str, *, deadline: timedelta | None = None) -> Task:
    """Return the task that a dead letter was, for the queue with this full name.

    It has its own body, method, URL and headers. Its name is derived from the letter, so that a
    second replay of the same letter finds it; the original name may be taken for a day.

    Args:
        task: the letter, with the view FULL.
        queue: the full name of the queue.
        deadline: how long an attempt may take. Default: Cloud Tasks'.
    """
    made = Task()
    made.CopyFrom(task)
    for field in ("schedule_time", "create_time", "first_attempt", "last_attempt"):
        made.ClearField(field)
    for field in ("dispatch_deadline", "dispatch_count", "response_count", "view"):
        made.ClearField(field)
    # A letter of the same name can come again, when this one has long been gone.
    born = task.create_time.ToJsonString()
    made.name = f"{queue}/tasks/{hashlib.sha256(f'{task.name} {born}'.encode()).hexdigest()[:32]}"
    is_app_engine = task.HasField("app_engine_http_request")
    request = made.app_engine_http_request if is_app_engine else made.http_request
    own = own_headers(request.headers)
    for name in list(request.headers):
        if name not in own or name.lower() in _STORED:
            del request.headers[name]
    if deadline is not None:
        made.dispatch_deadline.FromTimedelta(deadline)
    return made


def own_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that the task had, without ours.

    >>> own_headers({"X-Own": "1", "X-Queuewright-Status": "500"})
    {'X-Own': '1'}
    """
    prefix = PREFIX.lower()
    return {name: value for name, value in headers.items() if not name.lower().startswith(prefix)}


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None


def _unescaped(text: str) -> str:
    """The text of a header that is escaped as in JSON."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text

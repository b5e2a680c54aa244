"""The task that is handled now: which one it is, and which attempt this is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timezone

CLOUD_TASKS = "x-cloudtasks-"
APP_ENGINE = "x-appengine-"
"""How the headers that Cloud Tasks adds begin, of an HTTP task and of an App Engine task:
https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler and
https://cloud.google.com/tasks/docs/creating-appengine-handlers#reading-headers."""


@dataclass(frozen=True)
class TaskAttempt:
    """An attempt of a task, as Cloud Tasks describes it."""

    queue: str
    """The queue's id."""
    name: str
    """The task's id; it stays the same when the task is tried again."""
    attempt: int
    """From 1."""
    max_attempts: int | None = None
    """After how many attempts the task becomes a dead letter; None if its queue keeps none."""
    schedule_time: datetime | None = None
    """When this attempt was due, in UTC."""
    previous_response: int | None = None
    """The HTTP status of the attempt before; None of the first."""
    is_app_engine: bool = False
    trace: str | None = None
    """The id of Cloud Run's trace of this request."""

    @property
    def is_last_attempt(self) -> bool:
        """Whether the task becomes a dead letter if this attempt fails."""
        return self.max_attempts is not None and self.attempt >= self.max_attempts


class Noted:
    """What an attempt's code has raised, even if a web framework made a response of it."""

    def __init__(self) -> None:
        self.error: BaseException | None = None


_current: ContextVar[TaskAttempt | None] = ContextVar("current_task", default=None)
_noted: ContextVar[Noted | None] = ContextVar("noted", default=None)


def current_task() -> TaskAttempt | None:
    """Return the task that is handled now; None outside of a task.

    In a function with dead letters, and in a service with `WsgiTasks` or `AsgiTasks`.
    """
    return _current.get()


@contextmanager
def handling(attempt: TaskAttempt) -> Iterator[Noted]:
    """Make an attempt the current one until the block ends."""
    noted = Noted()
    current, note = _current.set(attempt), _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(note)
        _current.reset(current)


def note(error: BaseException) -> None:
    """Remember an exception of the current attempt."""
    noted = _noted.get()
    if noted is not None:
        noted.error = error


def attempt_of(
    headers: Mapping[str, str], max_attempts: Mapping[str, int] | None = None
) -> TaskAttempt | None:
    """Return the attempt that a request is; None if it does not come from Cloud Tasks.

    Args:
        headers: the request's headers, by names in lower case.
        max_attempts: the attempts of the queues that keep dead letters, by id.

    >>> headers = {
    ...     "x-cloudtasks-queuename": "emails",
    ...     "x-cloudtasks-taskname": "17",
    ...     "x-cloudtasks-taskretrycount": "7",
    ...     "x-cloudtasks-taskpreviousresponse": "503",
    ... }
    >>> found = attempt_of(headers, {"emails": 8})
    >>> found.attempt, found.is_last_attempt, found.previous_response
    (8, True, 503)
    """
    for prefix in (CLOUD_TASKS, APP_ENGINE):
        queue, name = headers.get(f"{prefix}queuename"), headers.get(f"{prefix}taskname")
        retries = _number(headers.get(f"{prefix}taskretrycount"))
        if not queue or not name or retries is None:
            continue
        return TaskAttempt(
            queue=queue,
            name=name,
            attempt=retries + 1,
            max_attempts=(max_attempts or {}).get(queue),
            schedule_time=_time(headers.get(f"{prefix}tasketa")),
            previous_response=_number(headers.get(f"{prefix}taskpreviousresponse")),
            is_app_engine=prefix == APP_ENGINE,
            trace=_trace(headers),
        )
    return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(text), timezone.utc) if text is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def _trace(headers: Mapping[str, str]) -> str | None:
    """The id of the trace: https://cloud.google.com/trace/docs/trace-context."""
    old, new = headers.get("x-cloud-trace-context"), headers.get("traceparent", "")
    if old:
        return old.partition("/")[0]
    parts = new.split("-")
    return parts[1] if len(parts) == 4 else None

"""The tasks of push queues: from a test's words to a task, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from queuewright.blueprint import AppEngineRoute, QueuePlan
from queuewright.engine import OutgoingRequest
from queuewright.engine.protocol import Task as TaskMessage
from queuewright.errors import TargetError
from queuewright.testing.payload import body_of, payload_of

# A task must have a URL, although the queue's routing always replaces its scheme and host.
# `.invalid` never resolves (RFC 2606).
_PLACEHOLDER: Final = "https://queue.invalid"


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task that waits in a push queue."""

    queue: str
    """The queue's key."""
    id: str
    payload: object
    """The body: parsed if it is JSON, else a text, else bytes; None if it is empty."""
    headers: Mapping[str, str]
    time: datetime
    """When it is due, in UTC, by the environment's clock."""
    attempts: int
    """How many attempts it has had."""


@dataclass(frozen=True, kw_only=True)
class TaskRequest:
    """A request for a handler's stand-in."""

    queue: str
    """The queue's id, as Cloud Tasks names it in a header."""
    task: str
    """The task's id."""
    attempt: int
    """From 1."""
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def payload(self) -> object:
        """The body: parsed if it is JSON, else a text, else bytes; None if it is empty."""
        return payload_of(self.body)


def new_task(
    plan: QueuePlan,
    payload: object,
    *,
    time: datetime | None,
    headers: Mapping[str, str] | None,
    name: str | None,
    path: str | None,
) -> TaskMessage:
    """Return the message of a new task.

    Args:
        plan: its queue.
        payload: see `body_of`.
        time: when it is due; None: at once.
        headers: its own headers.
        name: its id; None lets the engine choose.
        path: the path at the handler, for a queue that has none.

    Raises:
        TargetError: the queue has a path of its own, or the path does not begin with `/`.
    """
    if path is not None and not path.startswith("/"):
        raise TargetError(f"`{path}` is not a path", hint="start it with `/`, such as `/send`")
    if path is not None and plan.path is not None:
        raise TargetError(
            f"queue `{plan.key}` sends every task to `{plan.path}`", hint="leave out `path`"
        )
    body, content_type = body_of(payload)
    typed = {"Content-Type": content_type} if content_type is not None else {}
    own = {**typed, **(headers or {})}
    where = path or plan.path or "/"
    task = TaskMessage()
    if isinstance(plan.route, AppEngineRoute):
        request = task.app_engine_http_request
        request.relative_uri, request.body = where, body
        request.headers.update(own)
    else:
        task.http_request.url, task.http_request.body = _PLACEHOLDER + where, body
        task.http_request.headers.update(own)
    if time is not None:
        task.schedule_time.FromDatetime(time.astimezone(UTC))
    if name is not None:
        task.name = f"{plan.name}/tasks/{name}"
    return task


def waiting_task(key: str, message: TaskMessage) -> Task:
    """Return a task as the API shows it; `key` is its queue's."""
    is_http = message.HasField("http_request")
    request = message.http_request if is_http else message.app_engine_http_request
    return Task(
        queue=key,
        id=message.name.rpartition("/")[2],
        payload=payload_of(request.body),
        headers=dict(request.headers),
        time=message.schedule_time.ToDatetime(tzinfo=UTC),
        attempts=message.dispatch_count,
    )


def task_request(request: OutgoingRequest, queue: str, task: str, attempt: int) -> TaskRequest:
    """Return a request for a handler's stand-in."""
    return TaskRequest(
        queue=queue,
        task=task,
        attempt=attempt,
        method=request.method,
        url=request.url,
        headers=dict(request.headers),
        body=request.body,
    )

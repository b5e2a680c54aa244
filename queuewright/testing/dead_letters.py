"""The dead letters of a push queue, as a test sees them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from queuewright.engine.protocol import Task as TaskMessage
from queuewright.testing.payload import payload_of

_PREFIX: Final = "X-Queuewright-"
"""Begins the headers in which the library in the handler tells what happened."""


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A task that its handler has given up, and what happened to it."""

    queue: str
    """The key of the queue that it came from."""
    id: str
    """Its own id, in the queue that keeps it."""
    task: str
    """The id that it had."""
    payload: object
    """The body: parsed if it is JSON, else a text, else bytes; None if it is empty."""
    headers: Mapping[str, str]
    """The headers that it had."""
    time: datetime
    """When it died, in UTC, by the environment's clock."""
    reason: str
    """`permanent`: a `PermanentError`; `failed`: in the last attempt; `unanswered`: the last
    attempt did not end."""
    attempts: int
    """How many attempts ran."""
    status: int | None
    """The HTTP code of the last response; None if there was none."""
    error: str
    """The exception or the reason, in one line."""
    traceback: str
    """Empty if there was no exception."""


def dead_letter(key: str, message: TaskMessage) -> DeadLetter:
    """Return a dead letter of the queue `key`, as its task is in the queue that keeps it."""
    is_http = message.HasField("http_request")
    request = message.http_request if is_http else message.app_engine_http_request
    told = {
        name.removeprefix(_PREFIX): _text(value)
        for name, value in request.headers.items()
        if name.startswith(_PREFIX)
    }
    status = told.get("Status")
    return DeadLetter(
        queue=key,
        id=message.name.rpartition("/")[2],
        task=told["Task"],
        payload=payload_of(request.body),
        headers={
            name: value for name, value in request.headers.items() if not name.startswith(_PREFIX)
        },
        time=message.create_time.ToDatetime(tzinfo=UTC),
        reason=told["Reason"],
        attempts=int(told["Attempts"]),
        status=None if status is None else int(status),
        error=told.get("Error", ""),
        traceback=told.get("Traceback", ""),
    )


def _text(value: str) -> str:
    """The text of a header, in which it is escaped as in JSON."""
    return str(json.loads(f'"{value}"'))

"""The dead letters of a push queue, as a test sees them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from queuewright.dead_letters import dead_letter
from queuewright.engine.protocol import Task as TaskMessage
from queuewright.testing.payload import payload_of


@dataclass(frozen=True, kw_only=True)
class DeadTask:
    """A task that was given up, and what happened to it."""

    queue: str
    """The key of the queue that it was in."""
    letter: str
    """The id of its dead letter."""
    id: str
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


def dead_task(key: str, message: TaskMessage) -> DeadTask:
    """Return what a dead letter of the queue `key` tells; it needs the view FULL."""
    letter = dead_letter(message)
    return DeadTask(
        queue=key,
        letter=letter.letter_id,
        id=letter.task,
        payload=payload_of(letter.body),
        headers=letter.headers,
        time=letter.created,  # `died` is the machine's time in the handler
        reason=letter.reason,
        attempts=letter.attempts,
        status=letter.status,
        error=letter.error,
        traceback=letter.traceback,
    )

"""Where the dead letters of this handler's queues go, as queuewright says in a variable."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = "QUEUEWRIGHT_DEAD_LETTERS"


@dataclass(frozen=True)
class DeadLetterQueue:
    """The queue that keeps the dead letters of another queue."""

    queue: str
    """Its full name, `projects/P/locations/L/queues/Q`."""
    max_attempts: int
    """A task becomes a dead letter when this many attempts have failed."""
    last_attempt: int
    """The queue makes no more attempts than this. Those after `max_attempts` only bury the task."""
    timeout_s: float
    """How long a request to the handler can take."""

    @property
    def project(self) -> str:
        """The id of its project."""
        return self.queue.split("/")[1]


def dead_letter_queues(variables: Mapping[str, str] = os.environ) -> dict[str, DeadLetterQueue]:
    """Return the queues of dead letters, by the ids of the queues that they belong to.

    Raises:
        ValueError: the variable is not what queuewright writes.
    """
    text = variables.get(VARIABLE)
    if not text:
        return {}
    try:
        return {
            str(key): DeadLetterQueue(
                queue=str(each["queue"]),
                max_attempts=int(each["max_attempts"]),
                last_attempt=int(each["last_attempt"]),
                timeout_s=float(each["timeout"]),
            )
            for key, each in json.loads(text).items()
        }
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"`{VARIABLE}` is not what queuewright writes: {error!r}") from None

"""Which attempts a handler's log line belongs to. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from queuewright.engine import events
from queuewright.history.records import Certainty

MOST_SHARED: Final = 10
"""With more attempts at once, a line that names none is nobody's: it would be kept so many times.
"""

_LABELS: Final = "logging.googleapis.com/labels"


def assigned(
    line: str, during: Sequence[events.AttemptStarted | None]
) -> list[tuple[events.AttemptStarted, Certainty]]:
    """Return the attempts that a line is shown with, and how certain each is.

    A structured line may name its task: as `task`, with or without `attempt`, at the top or among
    the labels of Cloud Logging.

    Args:
        line: the line.
        during: the requests that its process works on; None is one that is no attempt.
    """
    attempts = [attempt for attempt in during if attempt is not None]
    task, number = named(line)
    if task:
        return [
            (attempt, "named")
            for attempt in attempts
            if task in (attempt.task, attempt.task.rpartition("/")[2])
            and number in (None, attempt.attempt)
        ]
    if len(during) == 1:
        return [(attempt, "alone") for attempt in attempts]
    if len(attempts) > MOST_SHARED:
        return []
    return [(attempt, "shared") for attempt in attempts]


def named(line: str) -> tuple[str, int | None]:
    """Return the task that a line names, and the attempt if it names that, too.

    >>> named('{"message": "sent", "task": "order-17", "attempt": 2}')
    ('order-17', 2)
    >>> named('{"logging.googleapis.com/labels": {"task": "order-17", "attempt": "2"}}')
    ('order-17', 2)
    >>> named("sent order-17")
    ('', None)
    """
    if not line.startswith("{"):
        return "", None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return "", None
    labels = entry.get(_LABELS)
    for names in (entry, labels if isinstance(labels, dict) else {}):
        task, number = names.get("task"), str(names.get("attempt", ""))
        if isinstance(task, str) and task:
            return task, int(number) if number.isascii() and number.isdecimal() else None
    return "", None

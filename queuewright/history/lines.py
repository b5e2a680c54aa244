"""Which attempts a handler's log line belongs to. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from queuewright.engine import events
from queuewright.history.records import Certainty
from queuewright.log_lines import entry

MOST_SHARED: Final = 10
"""With more attempts at once, a line that names none is nobody's: it would be kept so many times.
"""

_LABELS: Final = "logging.googleapis.com/labels"
_NUMBER: Final = re.compile("[0-9]{1,9}")


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
    fields = entry(line)
    labels = fields.get(_LABELS)
    for names in (fields, labels if isinstance(labels, dict) else {}):
        task, number = names.get("task"), str(names.get("attempt", ""))
        if isinstance(task, str) and task:
            return task, int(number) if _NUMBER.fullmatch(number) else None
    return "", None

"""Attempts as lines for people: when, which task, what came of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from queuewright.cloud_tasks.durations import written_duration

if TYPE_CHECKING:
    from queuewright.testing.attempts import Attempt

_SHOWN_ERROR = 100
"""How much of an error is on its line."""
_SHOWN_ATTEMPTS = 40
"""Of more attempts, the first and the last half of this number are shown."""
_ENDS = {
    "gave_up": "given up",
    "dead_letter": "dead letter",
    "deleted": "task deleted",
    "interrupted": "interrupted",
}


def timeline(attempts: Sequence[Attempt], since: datetime) -> str:
    """Return attempts as text, one line each, by queue; the times count from `since`."""
    if not attempts:
        return "no attempts"
    by_queue = sorted(attempts, key=lambda attempt: attempt.queue)  # keeps the order in each
    parts = []
    for queue, found in groupby(by_queue, key=lambda attempt: attempt.queue):
        parts.append("\n".join([queue, *_lines(list(found), since)]))
    return "\n".join(parts)


def _lines(attempts: Sequence[Attempt], since: datetime) -> list[str]:
    half = _SHOWN_ATTEMPTS // 2
    hidden = len(attempts) - _SHOWN_ATTEMPTS
    shown = attempts if hidden <= 0 else [*attempts[:half], *attempts[-half:]]
    times = [offset(attempt.time, since) for attempt in shown]
    wide = max(map(len, times))
    lines = [
        f"  {time:<{wide}}  {_line(attempt)}" for time, attempt in zip(times, shown, strict=True)
    ]
    if hidden > 0:
        lines.insert(half, f"  … {hidden:,} more attempts …")
    return lines


def _line(attempt: Attempt) -> str:
    of = f" of {attempt.max_attempts}" if attempt.max_attempts > 0 else ""
    what = "no response" if attempt.status is None else str(attempt.status)
    match attempt.outcome:
        case None:
            what = "runs"
        case "succeeded":
            what += ", done"
        case "will_retry" if attempt.next_time is not None:
            ended = attempt.time + (attempt.duration or timedelta())
            what += f", again in {written_duration(attempt.next_time - ended)}"
        case outcome:
            what += f", {_ENDS.get(outcome, outcome)}"
    error = f": {shortened(attempt.error)}" if attempt.error else ""
    return f"task {attempt.task}, attempt {attempt.number}{of}: {what}{error}"


def offset(time: datetime, since: datetime) -> str:
    """Return a moment as people count it in a test.

    >>> from datetime import UTC
    >>> start = datetime(2026, 1, 1, tzinfo=UTC)
    >>> offset(start + timedelta(seconds=90), start)
    '+1m30s'
    """
    return f"+{written_duration(time - since)}"


def shortened(text: str) -> str:
    """Return the beginning of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_ERROR else f"{line[:_SHOWN_ERROR]}…"

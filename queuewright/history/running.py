"""The attempts that run now, in memory only: an attempt is written when it has ended."""

from __future__ import annotations

from queuewright.engine import NO_ATTEMPT, events
from queuewright.history.bounds import LINES_PER_ATTEMPT
from queuewright.history.inbox import PrintedLine
from queuewright.history.records import AttemptRecord

_AttemptKey = tuple[str, int]
"""A task's full name, and the number of the attempt."""


class RunningAttempts:
    """The attempts that have started and have not ended."""

    def __init__(self) -> None:
        self._attempts: dict[_AttemptKey, events.AttemptStarted] = {}
        self._lines: dict[_AttemptKey, int] = {}
        """How many lines were printed during each attempt, if any."""

    def started(self, event: events.AttemptStarted) -> None:
        """Add an attempt."""
        self._attempts[event.task, event.attempt] = event

    def ended(self, event: events.AttemptEnded) -> PrintedLine | None:
        """Remove an attempt; return how many lines were too many, if any were."""
        key = event.task, event.attempt
        attempt = self._attempts.pop(key, None)
        if not self._lines or attempt is None:
            return None
        more = self._lines.pop(key, 0) - LINES_PER_ATTEMPT
        return PrintedLine(attempt, event.time_us, str(more), "more") if more > 0 else None

    def may_print(self, attempt: events.AttemptStarted) -> bool:
        """Count a line that was printed during an attempt; return whether it is kept."""
        key = attempt.task, attempt.attempt
        if key not in self._attempts:  # it has just ended
            return True
        count = self._lines[key] = self._lines.get(key, 0) + 1
        return count <= LINES_PER_ATTEMPT

    def find(self, task: str, attempt: int) -> events.AttemptStarted | None:
        """Return an attempt that runs, by the task's full name and its number."""
        return self._attempts.get((task, attempt))

    def records(self, task: str | None = None) -> list[AttemptRecord]:
        """Return the attempts that run, the longest-running first: of a task, or all."""
        return [
            _record(event)
            for event in list(self._attempts.values())
            if task is None or event.task == task
        ]


def _record(event: events.AttemptStarted) -> AttemptRecord:
    return AttemptRecord(
        task=event.task,
        attempt=event.attempt,
        max_attempts=event.max_attempts,
        schedule_us=event.schedule_us,
        started_us=event.time_us,
        duration_us=None,
        outcome="running",
        result=NO_ATTEMPT,
        message="",
        target=event.target_address,
        by_hand=event.by_hand,
        next_us=None,
        reason="",
        headers=(),
        body=b"",
        is_cut=False,
    )

"""What the history returns: tasks, attempts, log lines and counts, as plain data.

Moments and durations are in microseconds, moments since the epoch, as in the engine's events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

State = Literal["unfinished", "finished", "failed", "expired", "deleted", "purged"]
"""What became of a task, as far as it is known.

`finished`: an attempt succeeded. `failed`: it was given up, or is a dead letter. `expired`: it
reached its queue's maximum age. `deleted`: a caller deleted it. `purged`: its queue was purged or
deleted.
`unfinished`: none of these yet.
"""

DEAD_LETTER: Final = "it is a dead letter"
"""Begins the reason why a task ended whose handler moved it to its queue's dead letters."""

ENDS: Final[tuple[State, ...]] = ("finished", "failed", "expired", "deleted", "purged")
"""The states of tasks that are gone."""

Outcome = Literal["running", "succeeded", "will_retry", "gave_up", "deleted", "interrupted"]
"""What became of the task after an attempt: the engine's outcomes, or `running`."""

Certainty = Literal["named", "alone", "shared"]
"""Why a log line is shown with an attempt.

`named`: the line names its task. `alone`: its process worked on nothing else. `shared`: it worked
on several requests, so the line is shown with each of their attempts, and belongs to one of them.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """A task in the history."""

    number: int
    """The history's own number. A task's name may be given again, its number is not."""
    queue: str
    """The queue's full name."""
    name: str
    """The task's full name."""
    state: State
    created_us: int
    ended_us: int | None
    """When it ended; None if it is unfinished."""
    order: int | None
    """Its place among the tasks that ended, from the oldest; None if it is unfinished."""
    attempts: int
    """How many attempts have ended; older ones may be forgotten."""
    last_result: int
    """The last attempt's HTTP code, `TIMED_OUT`, `UNREACHABLE`, or `NO_ATTEMPT` if none ended."""
    target: str
    """Method and URL; "" if no attempt was made."""
    why: str
    """Why it was given up, expired or purged, in words; "" otherwise."""
    creator: str
    """The handler that created it; "" if none did."""
    parent: str
    """The full name of the task at which its creator worked then; "" if that is unknown."""
    parent_number: int | None
    """The number of that task."""

    @property
    def is_dead_letter(self) -> bool:
        """Whether its handler moved it to its queue's dead letters."""
        return self.state == "failed" and self.why.startswith(DEAD_LETTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContent:
    """What a task sends."""

    method: str
    url: str
    """For an App Engine task, the path and query only."""
    headers: tuple[tuple[str, str], ...]
    """As they were stored: a token and Cloud Tasks' own headers are added to each attempt."""
    body: bytes
    raw: bytes
    """The serialized `Task`, without its name and times: to create it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line that the handler printed during an attempt."""

    time_us: int
    """When it arrived."""
    text: str
    certainty: Certainty


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """An attempt."""

    task: str
    """The task's full name."""
    attempt: int
    """Its number, from 1."""
    max_attempts: int
    """-1 is unlimited."""
    schedule_us: int
    """When it was due."""
    started_us: int
    duration_us: int | None
    """None while it runs, and if it was interrupted."""
    outcome: Outcome
    result: int
    """HTTP code, `TIMED_OUT`, `UNREACHABLE`, or `NO_ATTEMPT` while it runs and if interrupted."""
    message: str
    """Why there was no response; "" if there was one."""
    target: str
    """Method and URL."""
    by_hand: bool
    """Whether RunTask started it."""
    next_us: int | None
    """When the task was due again; None if it was not retried."""
    reason: str
    """Why then, or why not again, such as `10s × 2³, at most 5m`; "" if there is nothing to say."""
    headers: tuple[tuple[str, str], ...]
    """Some headers of the response."""
    body: bytes
    """The beginning of the response's body."""
    is_cut: bool
    """Whether the response's body is longer."""
    lines: tuple[LogLine, ...] = ()
    """What the handler printed meanwhile, oldest first."""
    more_lines: int = 0
    """How many more lines it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHistory:
    """What is known about the latest task of a name."""

    record: TaskRecord | None
    """None if no attempt of it has ended and it is not gone."""
    content: TaskContent | None
    """None while it is unfinished (the engine has it), and if the history has it no longer."""
    attempts: tuple[AttemptRecord, ...]
    """Oldest first, the running ones last."""
    children: tuple[TaskRecord, ...]
    """The tasks that its handler created during its attempts, as far as that is known."""
    earlier: tuple[TaskRecord, ...]
    """Earlier tasks of the same name, the latest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What happened in a queue within `BUCKET_US`."""

    start_us: int
    created: int = 0
    attempts: int = 0
    """Attempts that ended."""
    finished: int = 0
    """Tasks whose attempt succeeded."""
    retried: int = 0
    """Attempts that failed and are retried."""
    failed: int = 0
    """Tasks that were given up."""

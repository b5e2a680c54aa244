"""What happened in the engine, as one readable line. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from queuewright.engine.events import Event
from queuewright.local.console.console import ENGINE, Level

SECOND_US = 1_000_000

QUEUE_WORDS = {
    "CreateQueue": "created",
    "UpdateQueue": "changed",
    "DeleteQueue": "deleted",
    "PurgeQueue": "purged: all its tasks are gone",
    "PauseQueue": "paused: dispatches nothing until it is resumed",
    "ResumeQueue": "resumed",
}


@dataclass(frozen=True)
class Line:
    """A line, and who says it."""

    source: str
    text: str
    level: Level = "info"


def line(event: Event, *, verbose: bool) -> Line | None:
    """The line for an event; None where it is of interest only to those who want it verbose."""
    source = f"queue {short(event.queue)}" if event.queue else ENGINE
    task = short(event.task)
    match event.kind:
        case "AttemptResponse":
            return _attempt(event, source, task)
        case "AttemptDispatch":
            text = f"task {task}: attempt {event.attempt}, {event.target_address}"
            return Line(source, text) if verbose else None
        case "CreateTask":
            wait_us = (event.schedule_us or event.time_us) - event.time_us
            later = f", due in {span(wait_us)}" if wait_us >= SECOND_US else ""
            return Line(source, f"task {task} added{later}")
        case "DeleteTask":
            return Line(source, f"task {task} deleted")
        case "RunTask":
            return Line(source, f"task {task} run by hand")
        case "ExpireTask":
            return Line(source, f"task {task} expired: {event.message or 'too old'}", "warning")
        case "QueueThrottled":
            return Line(source, event.message, "warning")
        case "CallDenied":
            return Line(source, f"denied to {event.principal}: {event.message}", "warning")
        case "StateFailed":
            return Line(source, event.message, "error")
    return Line(source, QUEUE_WORDS.get(event.kind, event.kind))


def _attempt(event: Event, source: str, task: str) -> Line:
    number = f"attempt {event.attempt}"
    if event.max_attempts > 0:
        number += f" of {event.max_attempts}"
    answer = str(event.http_code) if event.http_code else event.status or "no answer"
    if event.message and not event.http_code:
        answer = f"{answer} ({event.message})"
    took = f" in {span(event.duration_us)}" if event.duration_us is not None else ""
    text = f"task {task} → {answer}{took}"
    match event.outcome:
        case "succeeded":
            return Line(source, text if event.attempt == 1 else f"{text}, {number}")
        case "will_retry":
            wait_us = (event.next_retry_us or event.time_us) - event.time_us
            return Line(source, f"{text}, {number}; again in {span(wait_us)}", "warning")
        case "gave_up":
            return Line(source, f"{text}, {number}; given up, the task is gone", "error")
        case "interrupted":
            return Line(
                source, f"task {task}: {number} interrupted; delivered after the next start"
            )
        case "deleted":
            return Line(source, f"{text}, {number}; the task was deleted meanwhile")
    return Line(source, f"{text}, {number}")


def short(name: str) -> str:
    """The last part of a resource's name.

    >>> short("projects/p/locations/l/queues/emails")
    'emails'
    """
    return name.rpartition("/")[2]


def span(microseconds: int) -> str:
    """A span of time as people say it.

    >>> [span(n) for n in (800, 12_400, 999_600, 1_500_000, 90_000_000, 86_400_000_000)]
    ['1 ms', '12 ms', '1 s', '1.5 s', '1m 30s', '24h 0m']
    """
    milliseconds = max(1, round(microseconds / 1000))
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = timedelta(microseconds=microseconds).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s".replace(".0 ", " ")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes}m"

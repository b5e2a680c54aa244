"""Describes an event of the engine in one line. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from queuewright.cloud_tasks.durations import rounded_duration
from queuewright.engine import NO_ATTEMPT, Event, events
from queuewright.history import dead_letter_reason
from queuewright.local.console.console import ENGINE, Level

SECOND_US = 1_000_000


@dataclass(frozen=True)
class Line:
    """A line, and its source."""

    source: str
    text: str
    level: Level = "info"


def line(event: Event, *, verbose: bool, is_kept: bool = True) -> Line | None:
    """Return the line for an event; None for an event that is only shown when `verbose`.

    `is_kept`: whether tasks survive the end of the engine.
    """
    source = f"queue {short(event.queue)}" if event.queue else ENGINE
    match event:
        case events.AttemptEnded():
            return _attempt(event, source, is_kept=is_kept)
        case events.AttemptStarted():
            text = f"task {short(event.task)}: attempt {event.attempt}, {event.target_address}"
            return Line(source, text) if verbose else None
        case events.TaskCreated():
            wait_us = event.schedule_us - event.time_us
            later = f", due in {_duration(wait_us)}" if wait_us >= SECOND_US else ""
            return Line(source, f"task {short(event.task)} added{later}")
        case events.TaskDeleted():
            return Line(source, f"task {short(event.task)} deleted")
        case events.TaskForced():
            return Line(source, f"task {short(event.task)} run by hand")
        case events.TaskExpired():
            return Line(source, f"task {short(event.task)} expired: {event.message}", "warning")
        case events.TaskLeased():
            ends = _duration(event.until_us - event.time_us)
            return Line(source, f"task {short(event.task)} leased for {ends}, {_number(event)}")
        case events.LeaseRenewed():
            ends = _duration(event.until_us - event.time_us)
            text = f"task {short(event.task)}: lease renewed, {ends} from now"
            return Line(source, text) if verbose else None
        case events.LeaseCancelled():
            return Line(source, f"task {short(event.task)} given back, {_number(event)}", "warning")
        case events.TaskAcknowledged():
            return Line(source, f"task {short(event.task)} acknowledged, {_number(event)}")
        case events.TaskGivenUp():
            text = f"task {short(event.task)} was leased {event.attempt} times without success"
            return Line(source, f"{text}; given up, the task is gone", "error")
        case events.QueueThrottled():
            return Line(source, event.message, "warning")
        case events.CallDenied():
            return Line(source, f"denied to {event.principal}: {event.message}", "warning")
        case events.StateFailed():
            return Line(source, event.message, "error")
        case events.QueueCreated():
            return Line(source, "created")
        case events.QueueUpdated():
            return Line(source, "changed")
        case events.QueueDeleted():
            return Line(source, "deleted")
        case events.QueuePurged():
            return Line(source, "purged: all its tasks are gone")
        case events.QueuePaused():
            return Line(source, "paused: dispatches nothing until it is resumed")
        case events.QueueResumed():
            return Line(source, "resumed")


def facts(event: Event) -> dict[str, str | int | None]:
    """Return the values in the line for an event, by name, for JSON."""
    known: dict[str, str | int | None] = {"event": event.kind, "queue": event.queue}
    match event:
        case events.TaskCreated() | events.TaskDeleted() | events.TaskForced():
            return {**known, "task": event.task}
        case events.TaskExpired():
            return {**known, "task": event.task, "outcome": "expired"}
        case (
            events.AttemptStarted()
            | events.TaskLeased()
            | events.LeaseRenewed()
            | events.LeaseCancelled()
            | events.TaskAcknowledged()
        ):
            return {**known, "task": event.task, "attempt": event.attempt}
        case events.TaskGivenUp():
            return {
                **known,
                "task": event.task,
                "attempt": event.attempt,
                "outcome": "gave_up",
            }
        case events.AttemptEnded():
            return {
                **known,
                "task": event.task,
                "attempt": event.attempt,
                "http_code": event.http_code,
                "outcome": event.outcome,
            }
        case events.QueueThrottled():
            return {
                **known,
                "task": event.task,
                "attempt": event.attempt,
                "http_code": event.http_code,
            }
        case events.CallDenied():
            return {**known, "principal": event.principal}
    return known


def _number(event: events.AttemptEnded | events.LeaseEvent) -> str:
    of = f" of {event.max_attempts}" if event.max_attempts > 0 else ""
    return f"attempt {event.attempt}{of}"


def _attempt(event: events.AttemptEnded, source: str, *, is_kept: bool) -> Line:
    task, number = short(event.task), _number(event)
    answer = str(event.http_code) if event.http_code else event.status or "no answer"
    if event.message and not event.http_code:
        answer = f"{answer} ({event.message})"
    took = f" in {_duration(event.duration_us)}" if event.duration_us is not None else ""
    text = f"task {task} → {answer}{took}"
    match event.outcome:
        case "succeeded" if buried := dead_letter_reason(event.excerpt.body):
            return Line(source, f"task {task}: {number}{took}; {buried}", "error")
        case "succeeded":
            return Line(source, text if event.attempt == 1 else f"{text}, {number}")
        case "will_retry":
            wait_us = (event.next_retry_us or event.time_us) - event.time_us
            return Line(source, f"{text}, {number}; again in {_duration(wait_us)}", "warning")
        case "gave_up":
            return Line(source, f"{text}, {number}; given up, the task is gone", "error")
        case "interrupted":
            gone = "the task is gone, because `--memory` keeps nothing"
            then = "delivered after the next start" if is_kept else gone
            return Line(source, f"task {task}: {number} interrupted; {then}")
        case "deleted":
            if event.result == NO_ATTEMPT:
                text = f"task {task}: {number} interrupted"
                return Line(source, f"{text}; the task was deleted during it")
            return Line(source, f"{text}, {number}; the task was deleted during it")


def short(name: str) -> str:
    """Return the last part of a resource's name.

    >>> short("projects/p/locations/l/queues/emails")
    'emails'
    """
    return name.rpartition("/")[2]


def _duration(microseconds: int) -> str:
    return rounded_duration(timedelta(microseconds=microseconds))

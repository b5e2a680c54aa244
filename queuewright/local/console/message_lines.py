"""Describes an event of Pub/Sub in one line, in the words of pull queues. Pure.

Importing this module needs google-cloud-pubsub.
"""

from __future__ import annotations

from datetime import timedelta

from queuewright.cloud_tasks.durations import rounded_duration
from queuewright.local.console.console import ENGINE
from queuewright.local.console.event_lines import Line, short
from queuewright.pubsub import Event, events

SECOND_US = 1_000_000


def line(event: Event, *, verbose: bool) -> Line | None:
    """Return the line for an event; None for an event that is only shown when `verbose`."""
    match event:
        case events.MessagePublished():
            source, text = f"queue {short(event.topic)}", f"task {event.message} added"
            if event.subscriptions:
                return Line(source, text)
            return Line(source, f"{text}; nothing is subscribed, it is gone", "warning")
        case events.CallDenied():
            text = f"denied to {event.principal}: {event.message}"
            is_queue = "/topics/" in event.resource or "/subscriptions/" in event.resource
            source = f"queue {short(event.resource)}" if is_queue else ENGINE
            return Line(source, text, "warning")
    source, task = f"queue {short(event.subscription)}", f"task {event.message}"
    by = f" by {event.holder}" if event.holder else ""
    match event:
        case events.MessageTaken():
            lease = _duration(event.until_us - event.time_us)
            return Line(source, f"{task} taken{by} for {lease}, {_number(event)}")
        case events.LeaseExtended():
            lease = _duration(event.until_us - event.time_us)
            text = f"{task}: lease extended{by}, {lease} from now"
            return Line(source, text) if verbose else None
        case events.MessageAcknowledged():
            number = "" if event.attempt <= 1 else f", {_number(event)}"
            return Line(source, f"{task} done{by}{number}")
        case events.DeliveryFailed():
            return _failed(event, source, task, by)


def facts(event: Event) -> dict[str, str | int | None]:
    """Return the values in the line for an event, by name, for JSON."""
    known: dict[str, str | int | None] = {"event": event.kind}
    match event:
        case events.MessagePublished():
            return {**known, "topic": event.topic, "task": event.message}
        case events.CallDenied():
            return {**known, "principal": event.principal, "resource": event.resource}
    return {
        **known,
        "subscription": event.subscription,
        "task": event.message,
        "attempt": event.attempt,
        "holder": event.holder or None,
    }


def _failed(event: events.DeliveryFailed, source: str, task: str, by: str) -> Line:
    what = f"given back{by}" if event.is_given_back else f"not done{by} before its lease ended"
    text = f"{task} {what}, {_number(event)}"
    if event.again_us is None:
        return Line(source, f"{text}; given up, it is a dead letter now", "error")
    wait_us = event.again_us - event.time_us
    again = f"again in {_duration(wait_us)}" if wait_us > 0 else "again at once"
    return Line(source, f"{text}; {again}", "warning")


def _number(event: events.Delivered) -> str:
    of = f" of {event.max_attempts}" if event.max_attempts else ""
    return f"attempt {event.attempt}{of}"


def _duration(microseconds: int) -> str:
    return rounded_duration(timedelta(microseconds=microseconds))

"""Each event of a pull queue is one readable line."""

from __future__ import annotations

from typing import Any

import pytest

from queuewright.local.console.console import Level
from queuewright.local.console.message_lines import facts, line
from queuewright.pubsub import Event, events

SUBSCRIPTION = "projects/p/subscriptions/reports"


def delivered(**more: Any) -> dict[str, Any]:
    known = {"time_us": 0, "subscription": SUBSCRIPTION, "message": "17", "attempt": 2}
    return {**known, "max_attempts": 5, "holder": "reporter 1", **more}


@pytest.mark.parametrize(
    ("event", "text", "level"),
    [
        (
            events.MessagePublished(time_us=0, topic="t/reports", message="17", subscriptions=1),
            "task 17 added",
            "info",
        ),
        (
            events.MessagePublished(time_us=0, topic="t/reports", message="17", subscriptions=0),
            "task 17 added; nothing is subscribed, it is gone",
            "warning",
        ),
        (
            events.MessageTaken(**delivered(until_us=60_000_000)),
            "task 17 taken by reporter 1 for 1m, attempt 2 of 5",
            "info",
        ),
        (
            events.MessageAcknowledged(**delivered()),
            "task 17 done by reporter 1, attempt 2 of 5",
            "info",
        ),
        (
            events.MessageAcknowledged(**delivered(attempt=1, holder="")),
            "task 17 done",
            "info",
        ),
        (
            events.DeliveryFailed(**delivered(is_given_back=True, again_us=10_000_000)),
            "task 17 given back by reporter 1, attempt 2 of 5; again in 10s",
            "warning",
        ),
        (
            events.DeliveryFailed(**delivered(is_given_back=False, again_us=0, max_attempts=0)),
            "task 17 not done by reporter 1 before its lease ended, attempt 2; again at once",
            "warning",
        ),
        (
            events.DeliveryFailed(**delivered(is_given_back=True, again_us=None, attempt=5)),
            "task 17 given back by reporter 1, attempt 5 of 5; given up, it is a dead letter now",
            "error",
        ),
    ],
)
def test_an_event_is_a_line(event: Event, text: str, level: Level) -> None:
    """Of its queue."""
    shown = line(event, verbose=False)
    assert shown is not None
    assert (shown.source, shown.text, shown.level) == ("queue reports", text, level)


def test_an_extended_lease_is_shown_only_when_verbose() -> None:
    """Google's client extends leases all the time."""
    event = events.LeaseExtended(**delivered(until_us=30_000_000))
    assert line(event, verbose=False) is None
    shown = line(event, verbose=True)
    assert shown is not None
    assert shown.text == "task 17: lease extended by reporter 1, 30s from now"


def test_json_has_the_values() -> None:
    """For programs."""
    assert facts(events.MessageAcknowledged(**delivered())) == {
        "event": "Acknowledge",
        "subscription": SUBSCRIPTION,
        "task": "17",
        "attempt": 2,
        "holder": "reporter 1",
    }

"""Times inside the engine, and how they are written in messages and text.

Inside the engine a moment is an `int` of microseconds since the epoch and a span is an `int` of
microseconds; names of both end in `_us`. Cloud Tasks keeps no finer time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from queuewright.cloud_tasks.durations import parse_us

SECOND_US: Final = 1_000_000

LAST_US: Final = 253_402_300_799_999_999
"""The end of the year 9999, and of what a protobuf `Timestamp` can say."""


def span_us(span: timedelta | str) -> int:
    """Return a span in microseconds. Text is numbers with units (`ms`, `s`, `m`, `h`, `d`).

    Raises:
        ValueError: the text is not a duration, or the span is negative.

    >>> span_us("1h30m"), span_us(timedelta(hours=1))
    (5400000000, 3600000000)
    """
    if isinstance(span, str):
        return parse_us(span)
    if span < timedelta(0):
        raise ValueError(f"a span cannot be negative, like {span!r}")
    return span // timedelta(microseconds=1)


def moment(us: int) -> datetime:
    """Return the moment as an aware `datetime` in UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def moment_us(at: datetime) -> int:
    """Return an aware `datetime` in microseconds since the epoch."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def timestamp_us(timestamp: Timestamp) -> int:
    """Return a protobuf timestamp in microseconds, truncated."""
    return timestamp.seconds * SECOND_US + timestamp.nanos // 1_000


def duration_us(duration: Duration) -> int:
    """Return a protobuf duration in microseconds, truncated towards minus infinity."""
    return duration.seconds * SECOND_US + duration.nanos // 1_000


def set_timestamp(timestamp: Timestamp, us: int) -> None:
    """Write a moment into a protobuf timestamp."""
    timestamp.seconds, micros = divmod(us, SECOND_US)
    timestamp.nanos = micros * 1_000


def set_duration(duration: Duration, us: int) -> None:
    """Write a non-negative span into a protobuf duration."""
    duration.seconds, micros = divmod(us, SECOND_US)
    duration.nanos = micros * 1_000


def text(us: int) -> str:
    """Return a moment in RFC 3339, with a fraction only if it has one.

    >>> text(1_700_000_000_000_000), text(1_700_000_000_250_000)
    ('2023-11-14T22:13:20Z', '2023-11-14T22:13:20.250000Z')
    """
    at = moment(us)
    return at.isoformat().replace("+00:00", "Z")

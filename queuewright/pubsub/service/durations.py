"""Checks durations in requests."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from queuewright.cloud_tasks.limits import MAX_DURATION_SECONDS
from queuewright.pubsub.protocol import refusals

_NANOS_PER_SECOND = 1_000_000_000


def check_duration(field: str, value: Duration, least: timedelta, most: timedelta | None) -> None:
    """Check that a duration is valid and within its range, limits included.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    is_valid = (
        abs(value.seconds) <= MAX_DURATION_SECONDS
        and abs(value.nanos) < _NANOS_PER_SECOND
        and not (value.seconds > 0 > value.nanos or value.seconds < 0 < value.nanos)
    )
    if not is_valid:
        raise refusals.invalid(f"`{field}` is not a valid duration.")
    span = timedelta(seconds=value.seconds, microseconds=value.nanos // 1_000)
    if span < least:
        raise refusals.invalid(f"`{field}` must be at least {_text(least)}, not {_text(span)}.")
    if most is not None and span > most:
        raise refusals.invalid(f"`{field}` must be at most {_text(most)}, not {_text(span)}.")


def _text(span: timedelta) -> str:
    return f"{span // timedelta(seconds=1)}s"

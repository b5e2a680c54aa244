"""Durations: as people write them (`1h30m`), and as Google's JSON has them (`5400s`)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_UNITS_US = {"d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000}
_PART = r"([0-9]+)(?:\.([0-9]+))?(d|h|ms|m|s)"


def duration(value: str | float | timedelta) -> timedelta:
    """Return a duration: of a text such as `10m`, of a number of seconds, or as it is.

    The texts are those of queuewright's YAML files; a test holds the two equal.

    Raises:
        ValueError: the text is no duration, or the duration is negative.

    >>> [str(duration(value)) for value in ("1h30m", "0.25s", 90)]
    ['1:30:00', '0:00:00.250000', '0:01:30']
    """
    if isinstance(value, str):
        if not re.fullmatch(rf"({_PART})+", value, re.ASCII):
            raise ValueError(f"`{value}` is not a duration such as `90s`, `10m` or `1h30m`")
        parts = re.findall(_PART, value)
        value = timedelta(
            microseconds=sum(
                int(f"{whole}{fraction}") * _UNITS_US[unit] // 10 ** len(fraction)
                for whole, fraction, unit in parts
            )
        )
    elif not isinstance(value, timedelta):
        value = timedelta(seconds=value)
    if value < timedelta(0):
        raise ValueError(f"a duration is not negative, as {value.total_seconds():g}s is")
    return value


def seconds(value: timedelta) -> str:
    """Return a duration in protobuf's JSON.

    >>> seconds(timedelta(minutes=15)), seconds(timedelta(milliseconds=1500))
    ('900s', '1.500000s')
    """
    whole, rest = divmod(value, timedelta(seconds=1))
    micros = rest // timedelta(microseconds=1)
    return f"{whole}.{micros:06}s" if micros else f"{whole}s"


def timestamp(value: datetime) -> str:
    """Return a time in protobuf's JSON.

    >>> timestamp(datetime(2026, 11, 25, 1, 2, 3, tzinfo=timezone.utc))
    '2026-11-25T01:02:03.000000Z'
    """
    return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

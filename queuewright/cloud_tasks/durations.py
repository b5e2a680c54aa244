"""How a duration is written: by people (`1h30m`), and in protobuf's JSON (`5400s`).

Durations are exact in microseconds; Cloud Tasks keeps no finer time.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS_US: Final = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
}
_STEPS: Final = (
    (timedelta(seconds=1), timedelta(milliseconds=1)),
    (timedelta(minutes=1), timedelta(milliseconds=100)),
    (timedelta(hours=1), timedelta(seconds=1)),
    (timedelta(days=1), timedelta(minutes=1)),
    (timedelta.max, timedelta(hours=1)),
)
"""To which step a duration below each bound is rounded."""

_PART: Final = r"([0-9]+)(?:\.([0-9]+))?(d|h|ms|m|s)"

PATTERN: Final = r"^([0-9]+(\.[0-9]+)?(d|h|ms|m|s))+$"
"""For a JSON schema: numbers, each with its unit."""


def parse_us(text: str) -> int:
    """Return a duration such as `10s`, `1h30m` or `0.25s` in microseconds.

    Raises:
        ValueError: the text is not a duration.

    >>> parse_us("1h30m"), parse_us("0.25s"), parse_us("2d")
    (5400000000, 250000, 172800000000)
    """
    if not re.fullmatch(PATTERN, text):
        raise ValueError(f"{text!r} is not a duration such as '10s', '45m' or '1h30m'")
    return sum(
        int(f"{whole}{fraction}") * _UNITS_US[unit] // 10 ** len(fraction)
        for whole, fraction, unit in re.findall(_PART, text)
    )


def written_duration(value: timedelta) -> str:
    """Return the shortest text that stands for a duration.

    >>> [written_duration(timedelta(seconds=n)) for n in (0, 0.1, 1.6, 60, 5400, 86400)]
    ['0s', '100ms', '1.6s', '1m', '1h30m', '1d']
    """
    rest, text = value // timedelta(microseconds=1), ""
    is_short = rest < _UNITS_US["s"]
    for unit in ("d", "h", "m"):
        count, rest = divmod(rest, _UNITS_US[unit])
        text += f"{count}{unit}" if count else ""
    if rest:
        unit = "ms" if is_short else "s"
        whole, part = divmod(rest, _UNITS_US[unit])
        fraction = f".{part:0{len(str(_UNITS_US[unit])) - 1}}".rstrip("0") if part else ""
        text += f"{whole}{fraction}{unit}"
    return text or "0s"


def rounded_duration(value: timedelta) -> str:
    """Return a duration as people want to read it: rounded to what matters, at least `1ms`.

    >>> [rounded_duration(timedelta(seconds=n)) for n in (0, 0.0124, 0.9996, 1.54, 90.4, 86_399)]
    ['1ms', '12ms', '1s', '1.5s', '1m30s', '1d']
    """
    step = next(step for below, step in _STEPS if value < below)
    steps = (value + step / 2) // step
    return written_duration(max(steps * step, timedelta(milliseconds=1)))


def seconds(value: timedelta) -> str:
    """Return a duration as protobuf's JSON writes it: decimal seconds and an `s`.

    >>> [seconds(timedelta(seconds=n)) for n in (0, 0.1, 3600)]
    ['0s', '0.100s', '3600s']
    """
    whole, rest = divmod(value, timedelta(seconds=1))
    micros = rest // timedelta(microseconds=1)
    if not micros:
        return f"{whole}s"
    return f"{whole}.{micros // 1000:03}s" if micros % 1000 == 0 else f"{whole}.{micros:06}s"

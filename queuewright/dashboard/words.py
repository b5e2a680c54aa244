"""Numbers, times and states as people read them. Pure.

Units are joined to their numbers by no-break spaces.
"""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime, tzinfo
from http import HTTPStatus
from typing import Final

from queuewright.engine import NO_ATTEMPT, TIMED_OUT, UNREACHABLE

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US
SPACE: Final = "\u00a0"

_UNITS: Final = (("d", DAY_US), ("h", HOUR_US), ("m", MINUTE_US), ("s", SECOND_US))


def number(value: float) -> str:
    """Return a count with its thousands apart.

    >>> number(1204), number(0)
    ('1,204', '0')
    """
    return f"{value:,.0f}"


def revision(value: object) -> str:
    """Return a short text that changes with a value."""
    return f"{zlib.crc32(repr(value).encode()):08x}"


def plural(count: int, noun: str) -> str:
    r"""Return a count with its noun.

    >>> plural(1, "task"), plural(18, "task")
    ('1\xa0task', '18\xa0tasks')
    """
    return f"{number(count)}{SPACE}{noun}{'' if count == 1 else 's'}"


def rate(per_second: float) -> str:
    """Return a rate with two significant digits.

    >>> [rate(value) for value in (0, 0.04, 1.13, 14.2, 500)]
    ['0', '0.04', '1.1', '14', '500']
    """
    if per_second <= 0:
        return "0"
    if per_second >= 10:
        return number(per_second)
    return f"{per_second:.2g}"


def span(microseconds: int) -> str:
    r"""Return a span of time in whole seconds and larger units, two at most.

    >>> [span(n * SECOND_US) for n in (0, 42, 84, 3960, 306_000)]
    ['0\xa0s', '42\xa0s', '1\xa0m\xa024\xa0s', '1\xa0h\xa06\xa0m', '3\xa0d\xa013\xa0h']
    """
    rest = max(0, microseconds)
    for index, (unit, size) in enumerate(_UNITS):
        if rest >= size or unit == "s":
            count, rest = divmod(rest, size)
            text = f"{count}{SPACE}{unit}"
            if index + 1 < len(_UNITS):
                below, below_us = _UNITS[index + 1]
                text += f"{SPACE}{rest // below_us}{SPACE}{below}" if rest // below_us else ""
            return text
    return ""


def took(microseconds: int) -> str:
    r"""Return the duration of an attempt, with three significant digits.

    >>> [took(n) for n in (400, 84_300, 2_000_000, 61_500_000)]
    ['1\xa0ms', '84\xa0ms', '2.00\xa0s', '1\xa0m\xa01\xa0s']
    """
    if microseconds < SECOND_US:
        return f"{max(1, round(microseconds / 1000))}{SPACE}ms"
    if microseconds < 10 * SECOND_US:
        return f"{microseconds / SECOND_US:.2f}{SPACE}s"
    if microseconds < MINUTE_US:
        return f"{microseconds / SECOND_US:.1f}{SPACE}s"
    return span(microseconds)


def wait(microseconds: int) -> str:
    """Return a planned wait: whole seconds, or milliseconds if it is shorter than one.

    >>> wait(63_990_000).replace(SPACE, " "), wait(400_000).replace(SPACE, " ")
    ('1 m 4 s', '400 ms')
    """
    if microseconds < SECOND_US:
        return took(microseconds)
    return span((microseconds + SECOND_US // 2) // SECOND_US * SECOND_US)


def size(count: int) -> str:
    r"""Return a number of bytes.

    >>> size(1), size(12_801), size(3 * 1024 * 1024)
    ('1\xa0byte', '12,801\xa0bytes', '3.0\xa0MiB')
    """
    if count < 1024 * 1024:
        return plural(count, "byte")
    return f"{count / (1024 * 1024):.1f}{SPACE}MiB"


def moment(at_us: int) -> datetime:
    """Return a moment as a datetime in UTC."""
    return datetime.fromtimestamp(at_us / SECOND_US, UTC)


def iso(at_us: int) -> str:
    """Return a moment for `<time datetime>`, exact to the millisecond.

    >>> iso(1_764_000_000_118_000)
    '2025-11-24T16:00:00.118Z'
    """
    return moment(at_us).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(at_us: int, zone: tzinfo | None = None) -> str:
    """Return the time of day in a time zone; None is this machine's."""
    return f"{moment(at_us).astimezone(zone):%H:%M:%S}"


def exact(at_us: int, zone: tzinfo | None = None) -> str:
    """Return a moment in full, with the time zone."""
    local = moment(at_us).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03} {local:%Z}".rstrip()


def relative(at_us: int, now_us: int, zone: tzinfo | None = None) -> str:
    r"""Return a moment as seen from now; after a day, the date.

    >>> now = 1_764_000_000_000_000
    >>> relative(now - 4 * SECOND_US, now), relative(now + 42 * SECOND_US, now), relative(now, now)
    ('4\xa0s\xa0ago', 'in\xa042\xa0s', 'now')
    """
    away_us = at_us - now_us
    if abs(away_us) >= DAY_US:
        return f"{moment(at_us).astimezone(zone):%Y-%m-%d %H:%M}".replace(" ", SPACE)
    # Rounded away from now, so that nothing is `in 0 s`.
    whole_us = -(-abs(away_us) // SECOND_US) * SECOND_US if away_us > 0 else abs(away_us)
    if whole_us < SECOND_US:
        return "now"
    text = span(whole_us)
    return f"in{SPACE}{text}" if away_us > 0 else f"{text}{SPACE}ago"


def result_words(result: int) -> tuple[str, str]:
    """Return the result of an attempt in short, and what it means.

    >>> result_words(503), result_words(TIMED_OUT), result_words(NO_ATTEMPT)
    (('503', 'Service Unavailable'), ('No answer', 'within the deadline'), ('', ''))
    """
    if result == NO_ATTEMPT:
        return "", ""
    if result == TIMED_OUT:
        return "No answer", "within the deadline"
    if result == UNREACHABLE:
        return "No answer", "not reached"
    try:
        return str(result), HTTPStatus(result).phrase
    except ValueError:
        return str(result), ""


def visible(text: str) -> str:
    r"""Return a text whose control and bidirectional characters are shown, not obeyed.

    >>> visible("a\u202eb\x00c\n")
    'a\\u202eb\\u0000c\n'
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in "\n\t" else f"\\u{ord(each):04x}" for each in text
    )


def spaced(text: str) -> str:
    """Return a text whose durations have spaces between numbers and units.

    >>> spaced("10s × 2³, at most 1m30s").replace(SPACE, " ")
    '10 s × 2³, at most 1 m 30 s'
    """
    return _WRITTEN.sub(lambda found: SPACE.join(_PARTS.findall(found[0])), text)


_WRITTEN: Final = re.compile(r"\b(?:[0-9.]+(?:ms|d|h|m|s))+\b")
_PARTS: Final = re.compile(r"[0-9.]+|[a-z]+")

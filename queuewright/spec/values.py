"""Values that carry their unit: durations and sizes, read and written."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

_DURATION_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(d|h|ms|m|s))+$"
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(d|h|ms|m|s)")

_SIZE_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
SIZE_PATTERN = r"^[0-9]+(Ki|Mi|Gi)$"

# The longest that a protobuf Duration can say: google/protobuf/duration.proto.
LONGEST = timedelta(seconds=315_576_000_000)


def wrong(message: str, hint: str | None = None) -> PydanticCustomError:
    """A validation error in our own words, with a way out."""
    return PydanticCustomError("queuewright", "{message}", {"message": message, "hint": hint})


def duration(text: object) -> timedelta:
    """The time that `text` says, such as `10s`, `1h30m` or `100ms`.

    >>> duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(text, timedelta):
        return text
    if isinstance(text, bool) or not isinstance(text, str):
        hint = f"write it with its unit: `{text}s`" if isinstance(text, int | float) else None
        raise wrong(f"expected a duration, found {shown(text)}", hint)
    if not re.fullmatch(DURATION_PATTERN, text):
        raise wrong(f"`{text}` is not a duration", "use d, h, m, s and ms, as in `10s` or `1h30m`")
    try:
        total = sum(
            (
                float(amount) * _DURATION_UNITS[unit]
                for amount, unit in _DURATION_PART.findall(text)
            ),
            timedelta(),
        )
    except OverflowError:
        total = LONGEST + timedelta(seconds=1)
    if total > LONGEST:
        raise wrong(f"`{text}` is too long", "a protobuf Duration ends at 10,000 years")
    return total


def written_duration(value: timedelta) -> str:
    """The shortest text that `duration` reads back as `value`.

    >>> [written_duration(timedelta(seconds=n)) for n in (0, 0.1, 60, 5400, 86400)]
    ['0s', '100ms', '1m', '1h30m', '1d']
    """
    rest, text = value, ""
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _DURATION_UNITS[unit])
        text += f"{count}{unit}" if count else ""
    if rest:
        text += f"{rest / _DURATION_UNITS['ms']:g}ms"
    return text or "0s"


def seconds(value: timedelta) -> str:
    """`value` as protobuf's JSON writes a Duration: decimal seconds and an `s`.

    >>> [seconds(timedelta(seconds=n)) for n in (0, 0.1, 3600)]
    ['0s', '0.100s', '3600s']
    """
    whole, rest = divmod(value, timedelta(seconds=1))
    micros = rest // timedelta(microseconds=1)
    if not micros:
        return f"{whole}s"
    return f"{whole}.{micros // 1000:03}s" if micros % 1000 == 0 else f"{whole}.{micros:06}s"


def size(text: object) -> int:
    """The bytes that `text` says, such as `256Mi` or `1Gi`.

    >>> size("1Gi")
    1073741824
    """
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise wrong(f"expected a size, found {shown(text)}", "use Ki, Mi or Gi, as in `512Mi`")
    match = re.fullmatch(SIZE_PATTERN, str(text))
    if not match:
        digits = re.match(r"^[0-9]+", str(text))
        hint = (
            f"`{digits[0]}Mi` or `{digits[0]}Gi`" if digits else "use Ki, Mi or Gi, as in `512Mi`"
        )
        raise wrong(f"`{text}` is not a size", hint)
    unit = match[1]
    return int(str(text).removesuffix(unit)) * _SIZE_UNITS[unit]


def written_size(value: int) -> str:
    """The shortest text that `size` reads back as `value`, a multiple of 1 Ki.

    >>> [written_size(n) for n in (2**30, 2**29, 2**20 + 2**10)]
    ['1Gi', '512Mi', '1025Ki']
    """
    unit = next(unit for unit in ("Gi", "Mi", "Ki") if value % _SIZE_UNITS[unit] == 0)
    return f"{value // _SIZE_UNITS[unit]}{unit}"


def shown(value: object) -> str:
    """A value as a person wrote it in YAML, in a few words.

    >>> [shown(value) for value in (True, None, [1, 2], "yes")]
    ['`true`', 'nothing', 'a list', '`yes`']
    """
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    text = str(value)
    return f"`{text}`" if len(text) <= 60 else f"`{text[:57]}…`"


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(written_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["10s", "1h30m"]}),
]
Size = Annotated[
    int,
    BeforeValidator(size),
    PlainSerializer(written_size, return_type=str),
    WithJsonSchema({"type": "string", "pattern": SIZE_PATTERN, "examples": ["256Mi", "1Gi"]}),
]

"""Values with a unit: reads and writes durations and sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, GetCoreSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from queuewright.cloud_tasks import durations
from queuewright.cloud_tasks.limits import MAX_DURATION_SECONDS

_SIZE_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
SIZE_PATTERN = r"^[0-9]{1,12}(Ki|Mi|Gi)$"

_PLAIN = re.compile(r"[\w/](?:[\w/.@+-]|:(?=[\w/])| (?=[\w/]))*", re.ASCII)
_TAKEN = re.compile(
    r"[-+.\d:_]+(e[+-]?\d+)?|0[bx]\w+|\d+-.*|true|false|yes|no|on|off|null", re.IGNORECASE
)
"""Plain text that YAML does not read as text."""

_LONGEST_SHOWN = 60
"""Characters; messages shorten a longer value."""


def wrong(message: str, hint: str | None = None, value: object = None) -> PydanticCustomError:
    """A validation error in our own words, with a hint.

    `{value}` in the message stands for the value as written, in backticks; `{text}` in the hint
    for the same without them.
    """
    words = {"template": message, "value": shown(value), "hint": hint}
    return PydanticCustomError("queuewright", message, words)


def duration(text: object) -> timedelta:
    """Parse a duration such as `10s`, `1h30m` or `100ms`.

    >>> duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(text, timedelta):
        return text
    if isinstance(text, bool) or not isinstance(text, str):
        is_number = isinstance(text, int | float) and not isinstance(text, bool)
        hint = f"write it with its unit: `{text}s`" if is_number else "such as `10s` or `1h30m`"
        raise wrong("expected a duration, found {value}", hint, text)
    try:
        total_us = durations.parse_us(text)
    except ValueError:
        hint = "use d, h, m, s and ms, as in `10s` or `1h30m`"
        raise wrong("{value} is not a duration", hint, text) from None
    if total_us > MAX_DURATION_SECONDS * 1_000_000:
        hint = "write less than `3652500d`: a protobuf Duration is limited to 10,000 years"
        raise wrong("{value} is too long", hint, text)
    return timedelta(microseconds=total_us)


def size(text: object) -> int:
    """Parse a size such as `256Mi` or `1Gi`, in bytes.

    >>> size("1Gi")
    1073741824
    """
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise wrong("expected a size, found {value}", "use Ki, Mi or Gi, as in `512Mi`", text)
    match = re.fullmatch(SIZE_PATTERN, text) if isinstance(text, str) else None
    if not match:
        digits = re.match(r"[0-9]{1,12}(?![0-9])", text if isinstance(text, str) else f"{text:d}")
        units = f"write `{digits[0]}Mi` or `{digits[0]}Gi`" if digits else None
        raise wrong("{value} is not a size", units or "use Ki, Mi or Gi, as in `512Mi`", text)
    unit = match[1]
    return int(match[0].removesuffix(unit)) * _SIZE_UNITS[unit]


def written_size(value: int) -> str:
    """The shortest text for a number of bytes, a multiple of 1 Ki; `size` reads it back.

    >>> [written_size(n) for n in (2**30, 2**29, 2**20 + 2**10)]
    ['1Gi', '512Mi', '1025Ki']
    """
    unit = next(unit for unit in ("Gi", "Mi", "Ki") if value % _SIZE_UNITS[unit] == 0)
    return f"{value // _SIZE_UNITS[unit]}{unit}"


def shown(value: object) -> str:
    """A short text for a value, as in YAML, on one line.

    >>> [shown(value) for value in (True, None, [1, 2], "yes", "")]
    ['`true`', 'nothing', 'a list', '`yes`', '`""`']
    """
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    text = shortened(f"{value}")
    return f"`{text}`" if text and text.isprintable() else f"`{json.dumps(text)}`"


def shortened(text: str) -> str:
    """A text, or its beginning and an ellipsis if it is too long for a message."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}…"


def flow(value: object) -> str:
    """A value as YAML on one line.

    >>> flow({"to": "ada@example.com", "tags": ["a", "3"], "urgent": True})
    '{to: ada@example.com, tags: [a, "3"], urgent: true}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not _TAKEN.fullmatch(value):
        return value
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Between:
    """The range of a duration or a size, with both bounds as written in YAML."""

    amount: Callable[[object], float]
    """Parses a text; raises like `duration` and `size`."""
    least: str
    most: str

    def __get_pydantic_core_schema__(
        self, source: type, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def _check(self, text: object) -> object:
        if not self.amount(self.least) <= self.amount(text) <= self.amount(self.most):
            raise PydanticCustomError("between", "{value} is out of range", {"value": shown(text)})
        return text


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(durations.written_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": durations.PATTERN}),
]
Size = Annotated[
    int,
    BeforeValidator(size),
    PlainSerializer(written_size, return_type=str),
    WithJsonSchema({"type": "string", "pattern": SIZE_PATTERN}),
]

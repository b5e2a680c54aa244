"""The filters of ListQueues: a subset of Cloud Logging's query language.

`state = PAUSED AND rateLimits.maxDispatchesPerSecond >= 10`: comparisons of a field with a value
(`= != < <= > >= :`), combined with `AND`, `OR`, `NOT` and parentheses. `AND` binds tighter than
`OR` (https://cloud.google.com/logging/docs/view/logging-query-language).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, NoReturn

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from queuewright.engine.protocol import refusals
from queuewright.engine.protocol.fields import Fields, queue_fields
from queuewright.engine.protocol.messages import Queue
from queuewright.engine.protocol.times import SECOND_US, duration_us, moment_us, timestamp_us

Matches = Callable[[Queue], bool]
_Value = float | str
_ORDER: Final[dict[str, Callable[[_Value, _Value], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TOKEN: Final = re.compile(r'\s*(?:([()])|(<=|>=|!=|[<>=:])|"((?:[^"\\]|\\.)*)"|([^\s()<>=!:"]+))')
_NUMERIC: Final = (
    FieldDescriptor.TYPE_DOUBLE,
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_INT64,
)


def queue_filter(text: str) -> Matches:
    """Return a function that tells whether a queue matches. An empty filter matches every queue.

    Raises:
        Refusal: INVALID_ARGUMENT if the text is not a filter or names an unknown field.
    """
    if not text.strip():
        return lambda _: True
    parser = _Parser(text)
    matches = parser.disjunction(0)
    if parser.peek() is not None:
        parser.fail()
    return matches


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if not match:
                self.fail()
            kind = ("paren", "op", "string", "word")[(match.lastindex or 1) - 1]
            value = match[match.lastindex or 0]
            self.tokens.append(
                (kind, re.sub(r"\\(.)", r"\1", value) if kind == "string" else value)
            )
            at = match.end()
        self.at = 0

    def fail(self, why: str = "it could not be read") -> NoReturn:
        raise refusals.invalid(f"Invalid filter '{self.text[:200]}': {why}.")

    def peek(self) -> tuple[str, str] | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def accept(self, token: tuple[str, str]) -> bool:
        if self.peek() == token:
            self.at += 1
            return True
        return False

    def disjunction(self, depth: int) -> Matches:
        parts = [self.conjunction(depth)]
        while self.accept(("word", "OR")):
            parts.append(self.conjunction(depth))
        return lambda queue: any(part(queue) for part in parts)

    def conjunction(self, depth: int) -> Matches:
        parts = [self.negation(depth)]
        while self.peek() not in (None, ("word", "OR"), ("paren", ")")):
            self.accept(("word", "AND"))  # AND may be left out between two comparisons
            parts.append(self.negation(depth))
        return lambda queue: all(part(queue) for part in parts)

    def negation(self, depth: int) -> Matches:
        if depth > 50:
            self.fail("it is nested too deeply")
        if self.accept(("word", "NOT")):
            negated = self.negation(depth + 1)
            return lambda queue: not negated(queue)
        if self.accept(("paren", "(")):
            inner = self.disjunction(depth + 1)
            if not self.accept(("paren", ")")):
                self.fail("a parenthesis is not closed")
            return inner
        return self.comparison()

    def comparison(self) -> Matches:
        tokens = self.tokens[self.at : self.at + 3]
        self.at += 3
        if [kind for kind, _ in tokens[:2]] != ["word", "op"] or len(tokens) < 3:
            self.fail("a comparison is `field operator value`")
        (_, path), (_, sign), (kind, value) = tokens
        if kind not in ("word", "string"):
            self.fail("a comparison is `field operator value`")
        fields = self.fields(path)
        if sign == ":" and value == "*":
            return lambda queue: _present(queue, fields)
        if sign == ":" and fields[-1].type == FieldDescriptor.TYPE_STRING:
            return lambda queue: value.lower() in str(_value(queue, fields)).lower()
        wanted = self.literal(fields[-1], value)
        holds = _ORDER["=" if sign == ":" else sign]
        return lambda queue: holds(_value(queue, fields), wanted)

    def fields(self, path: str) -> Fields:
        fields = queue_fields(path)
        if fields is None or any(field.is_repeated for field in fields):
            self.fail(f"a queue has no field `{path}` to compare")
        return fields

    def literal(self, field: FieldDescriptor, value: str) -> _Value:
        kind = field.message_type.full_name if field.message_type else ""
        try:
            if kind == "google.protobuf.Duration":
                return float(value.removesuffix("s")) * SECOND_US
            if kind == "google.protobuf.Timestamp":
                return moment_us(datetime.fromisoformat(value))
            if field.enum_type:
                return field.enum_type.values_by_name[value.upper()].number
            if field.type in _NUMERIC:
                return float(value)
        except (ValueError, KeyError, TypeError):
            self.fail(f"`{value}` is not a valid value of `{field.name}`")
        if field.message_type:
            self.fail(f"`{field.name}` is not a single value")
        return value


def _present(queue: Queue, fields: Fields) -> bool:
    message: Message = queue
    for field in fields[:-1]:
        if not message.HasField(field.name):
            return False
        message = getattr(message, field.name)
    last = fields[-1]
    return message.HasField(last.name) if last.has_presence else bool(getattr(message, last.name))


def _value(queue: Queue, fields: Fields) -> _Value:
    value: object = queue
    for field in fields:
        value = getattr(value, field.name)
    if isinstance(value, Duration):
        return duration_us(value)
    if isinstance(value, Timestamp):
        return timestamp_us(value)
    assert isinstance(value, float | int | str), "`literal` refuses fields of other kinds"
    return value

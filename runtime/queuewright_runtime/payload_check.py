"""A payload against a JSON schema, as far as the standard library can.

It knows types, properties, items, lists of values, bounds, `$ref` within the schema and `allOf`,
`anyOf` and `oneOf`; it ignores every other keyword. So it never refuses what the schema allows; a
payload that it accepts may still break a rule that it ignores, such as `pattern`. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Path = tuple[Any, ...]
Errors = Iterator[tuple[Path, str]]
_DEEPEST = 100
"""How many schemas may be nested before the rest is ignored: a reference may go in a circle."""


def payload_errors(schema: Mapping[str, Any], payload: object) -> list[tuple[Path, str]]:
    """Return what is wrong with a payload: paths in it, each with a message.

    >>> schema = {"type": "object", "required": ["to"], "properties": {"to": {"type": "string"}}}
    >>> payload_errors(schema, {"to": 7})
    [(('to',), 'is an integer, not a string')]
    >>> payload_errors(schema, {})
    [((), 'has no `to`')]
    """
    return list(_Check(schema).errors(schema, payload, (), 0))


class _Check:
    def __init__(self, whole: Mapping[str, Any]) -> None:
        self._whole = whole
        # Up to draft 7, what is beside a reference is ignored.
        self._alone = "/draft-0" in str(whole.get("$schema"))

    def errors(self, schema: Any, value: object, at: Path, depth: int) -> Errors:  # noqa: ANN401
        if schema is False:
            yield at, "is not allowed"
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield from self.errors(_found(self._whole, reference), value, at, depth + 1)
            if self._alone:
                return
        wrong_type = _wrong_type(schema.get("type"), value)
        if wrong_type is not None:
            yield at, wrong_type
            return
        if "const" in schema and not _equal(schema["const"], value):
            yield at, f"is not {schema['const']!r}"
        if "enum" in schema and not any(_equal(each, value) for each in schema["enum"]):
            yield at, "is none of " + ", ".join(repr(each) for each in schema["enum"])
        yield from _bounds(schema, value, at)
        if isinstance(value, Mapping):
            yield from self._object(schema, value, at, depth)
        if isinstance(value, (list, tuple)):
            first = len(schema.get("prefixItems", ()))
            for index, item in enumerate(value):
                if index >= first and not isinstance(schema.get("items"), list):
                    yield from self.errors(schema.get("items"), item, (*at, index), depth + 1)
        for each in schema.get("allOf", ()):
            yield from self.errors(each, value, at, depth + 1)
        for keyword in ("anyOf", "oneOf"):
            ways = schema.get(keyword)
            if ways and not any(self._allows(way, value, depth) for way in ways):
                yield at, f"fits none of the {len(ways)} forms that are allowed"

    def _allows(self, schema: Any, value: object, depth: int) -> bool:  # noqa: ANN401
        return next(self.errors(schema, value, (), depth + 1), None) is None

    def _object(
        self, schema: Mapping[str, Any], value: Mapping[str, Any], at: Path, depth: int
    ) -> Errors:
        for name in schema.get("required", ()):
            if name not in value:
                yield at, f"has no `{name}`"
        properties = schema.get("properties", {})
        for name, item in value.items():
            if name in properties:
                yield from self.errors(properties[name], item, (*at, name), depth + 1)
            elif not schema.get("patternProperties"):
                more = schema.get("additionalProperties")
                if more is False:
                    yield at, f"has `{name}`, which is not allowed"
                else:
                    yield from self.errors(more, item, (*at, name), depth + 1)


def _bounds(schema: Mapping[str, Any], value: object, at: Path) -> Errors:
    checks: tuple[tuple[str, type | tuple[type, ...], Callable[[Any, Any], bool], str], ...] = (
        ("minimum", (int, float), lambda found, bound: found >= bound, "is less than {}"),
        ("maximum", (int, float), lambda found, bound: found <= bound, "is more than {}"),
        ("exclusiveMinimum", (int, float), lambda found, bound: found > bound, "is not above {}"),
        ("exclusiveMaximum", (int, float), lambda found, bound: found < bound, "is not below {}"),
        ("minLength", str, lambda found, bound: len(found) >= bound, "is shorter than {}"),
        ("maxLength", str, lambda found, bound: len(found) <= bound, "is longer than {}"),
        ("minItems", (list, tuple), lambda found, bound: len(found) >= bound, "has less than {}"),
        ("maxItems", (list, tuple), lambda found, bound: len(found) <= bound, "has more than {}"),
    )
    for keyword, kind, holds, words in checks:
        bound = schema.get(keyword)
        is_number = isinstance(bound, (int, float)) and not isinstance(bound, bool)
        is_measured = isinstance(value, kind) and not isinstance(value, bool)
        if is_number and is_measured and not holds(value, bound):
            yield at, words.format(bound)


def _wrong_type(wanted: object, value: object) -> str | None:
    """Return what is wrong with a value's type, or None."""
    names = wanted if isinstance(wanted, list) else [wanted]
    if not all(isinstance(name, str) and name in _IS for name in names):
        return None
    if any(_IS[str(name)](value) for name in names):
        return None
    return f"is {_kind(value)}, not {' or '.join(_ARTICLES[str(name)] for name in names)}"


def _is_integer(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


_IS: Mapping[str, Callable[[object], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, (list, tuple)),
    "object": lambda value: isinstance(value, Mapping),
}
_ARTICLES = {
    "null": "null",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}


def _kind(value: object) -> str:
    names = (_ARTICLES[name] for name, fits in _IS.items() if fits(value))
    return next(names, type(value).__name__)


def _equal(wanted: object, value: object) -> bool:
    """Whether two values are the same JSON: `1` is `1.0`, and not `true`."""
    if isinstance(wanted, bool) or isinstance(value, bool):
        return wanted is value
    if isinstance(wanted, (list, tuple)) and isinstance(value, (list, tuple)):
        return len(wanted) == len(value) and all(map(_equal, wanted, value))
    if isinstance(wanted, Mapping) and isinstance(value, Mapping):
        return wanted.keys() == value.keys() and all(
            _equal(wanted[key], value[key]) for key in wanted
        )
    return wanted == value


def _found(whole: Mapping[str, Any], reference: str) -> object:
    """Return the schema that a reference names; None if it is not in this one."""
    if not reference.startswith("#"):
        return None
    found: Any = whole
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found

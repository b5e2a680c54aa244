"""Converts JSON to protobuf messages and back, with the error texts of Google's transcoder.

The mapping is protobuf's (https://protobuf.dev/programming-guides/json/). Google's servers are
stricter (unknown names, base64) and word their refusals differently, so a body is checked here
first. All its mistakes are reported at once, each with its path.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from typing import Any, Final, TypeVar

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest

from queuewright.errors import Refusal

JSON = Any
M = TypeVar("M", bound=Message)

_LEAVES: Final = frozenset(
    {
        "google.protobuf.Any",
        "google.protobuf.Duration",
        "google.protobuf.FieldMask",
        "google.protobuf.Timestamp",
    }
)
"""Messages that are a single value in JSON (no request of this API has an `Any`)."""

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|-?Infinity|NaN")
_FORMS: Final = {
    "google.protobuf.Duration": re.compile(r"-?[0-9]+(\.[0-9]{1,9})?s"),
    "google.protobuf.Timestamp": re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
        r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
    ),
}
"""The text of values, as protobuf's C++ parser reads it (`google/protobuf/json/internal/parser.cc`,
RFC 3339). The Python one also reads other alphabets' digits, a `+`, and offsets of 25 hours."""

_CONTEXT: Final = 20
"""Characters shown on either side of a syntax error."""

_SYNTAX: Final = {
    "Expecting property name enclosed in double quotes": "Expected an object key or }.",
    "Illegal trailing comma before end of object": "Expected an object key or }.",
    "Expecting ':' delimiter": "Expected : between key:value pair.",
    "Expecting ',' delimiter": "Expected , or } after key:value pair.",
    "Extra data": "Parsing terminated before end of input.",
}


class Violations:
    """The problems of a request, collected until `raise_if_any`."""

    def __init__(self) -> None:
        self._found: list[BadRequest.FieldViolation] = []

    def unknown(self, name: str, path: str, why: str) -> None:
        """Record a name that is not a field of its message."""
        where = f" at '{path}'" if path else ""
        self._note(path, f'Invalid JSON payload received. Unknown name "{name}"{where}: {why}')

    def invalid(self, path: str, kind: str, value: str) -> None:
        """Record a value that its field cannot hold."""
        self._note(path, f"Invalid value at '{path}' ({kind}), {value}")

    def raise_if_any(self) -> None:
        """Raise INVALID_ARGUMENT with every violation as text and as a `BadRequest` detail."""
        if self._found:
            text = "\n".join(violation.description for violation in self._found)
            raise Refusal("INVALID_ARGUMENT", text, BadRequest(field_violations=self._found))

    def _note(self, path: str, description: str) -> None:
        self._found.append(
            BadRequest.FieldViolation(field=_printable(path), description=_printable(description))
        )


def parsed(data: bytes) -> JSON:
    """Return the JSON value in `data`. Empty data is an empty object.

    Raises:
        Refusal: INVALID_ARGUMENT with the position of the mistake.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _malformed("Text is not valid UTF-8.") from error
    if not text.strip():
        return {}
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _malformed(_syntax(error)) from error
    except RecursionError as error:
        raise _malformed("Message too deep. Max recursion depth reached.") from error
    except ValueError as error:
        raise _malformed("Unexpected token.") from error


def normal(value: JSON, descriptor: Descriptor, path: str, found: Violations) -> dict[str, JSON]:
    """Return `value` as an object that protobuf can parse into a `descriptor` message.

    Masks and enums are converted to the only form that protobuf's parser accepts. Mistakes are
    recorded in `found` and left out. `path` is the message's path in the request ("" for the root).
    """
    if not isinstance(value, dict):
        if path:
            found.invalid(path, _type_url(descriptor), _shown(value))
        else:
            found.unknown("", "", "Root element must be a message.")
        return {}
    fields = {name: field for field in descriptor.fields for name in (field.json_name, field.name)}
    result: dict[str, JSON] = {}
    chosen: dict[str, str] = {}
    for name, item in value.items():
        field = fields.get(name)
        if field is None:
            found.unknown(name, path, "Cannot find field.")
            continue
        if item is None:
            continue
        oneof = field.containing_oneof
        if oneof is not None and chosen.setdefault(oneof.name, field.name) != field.name:
            text = f"oneof field '{oneof.name}' is already set. Cannot set '{field.json_name}'"
            found.invalid(path or field.name, "oneof", text)
            continue
        read = _field(item, field, _join(path, field.name), found)
        if read is not None:
            result[field.json_name] = read
    return result


def into(message: M, value: dict[str, JSON]) -> M:
    """Fill `message` from an object that `normal` returned; return the message."""
    try:
        json_format.ParseDict(value, message)
    except (json_format.ParseError, ValueError) as error:  # pragma: no cover - `normal` saw it
        raise _malformed(str(error)) from error
    return message


def query_value(
    name: str, texts: Iterable[str], descriptor: Descriptor, target: dict[str, JSON]
) -> str | None:
    """Put a query parameter such as `readMask` or `options.requestedPolicyVersion` into `target`.

    Returns the reason if that is impossible, else None. An empty value means the default.
    """
    *outer, last = name.split(".")
    for part in outer:
        field = _named(descriptor, part)
        if field is None or field.message_type is None or field.is_repeated:
            return _unbound(name)
        descriptor = field.message_type
        inner = target.setdefault(field.json_name, {})
        if not isinstance(inner, dict):
            return _unbound(name)
        target = inner
    field = _named(descriptor, last)
    if field is None:
        return _unbound(name)
    if field.message_type is not None and field.message_type.full_name not in _LEAVES:
        return (
            f"Cannot bind query parameter. '{name}' is a message type. "
            "Parameters can only be bound to primitive types."
        )
    given = [text for text in texts if text]
    if given:
        target[field.json_name] = given if field.is_repeated else given[-1]
    return None


def shown(message: Message, *, enums_as_numbers: bool) -> dict[str, JSON]:
    """Return `message` as Google's JSON: camelCase, no default values, base64, int64 as text."""
    result: dict[str, JSON] = json_format.MessageToDict(
        message, use_integers_for_enums=enums_as_numbers
    )
    return result


def _field(value: JSON, field: FieldDescriptor, path: str, found: Violations) -> JSON:
    if _is_map(field):
        return _map(value, field, path, found)
    if field.is_repeated:
        if not isinstance(value, list):
            value = [value]
        items = (_single(item, field, f"{path}[{n}]", found) for n, item in enumerate(value))
        return [item for item in items if item is not None]
    if isinstance(value, list):
        parent, _, _ = path.rpartition(".")
        why = "Proto field is not repeating, cannot start list."
        found.unknown(field.json_name, parent, why)
        return None
    return _single(value, field, path, found)


def _map(value: JSON, field: FieldDescriptor, path: str, found: Violations) -> JSON:
    kind = field.message_type
    assert kind is not None
    if not isinstance(value, dict):
        found.invalid(path, "Map", _shown(value))
        return None
    inner = kind.fields_by_name["value"]
    result: dict[str, JSON] = {}
    for n, (key, item) in enumerate(value.items()):
        read = _single(item, inner, f"{path}[{n}].value", found)
        if read is not None and _is_text(key, f"{path}[{n}].key", found):
            result[key] = read
    return result


def _single(value: JSON, field: FieldDescriptor, path: str, found: Violations) -> JSON:
    kind = field.message_type
    if kind is not None and kind.full_name not in _LEAVES:
        return normal(value, kind, path, found)
    if kind is None and isinstance(value, dict):
        found.invalid(path, _type_name(field), "Starting an object on a scalar field")
        return None
    read = _readable(value, field)
    if read is None:
        found.invalid(path, _type_name(field), _shown(value))
    return read


def _readable(value: JSON, field: FieldDescriptor) -> JSON:
    """Return a scalar in the form that protobuf's parser accepts, or None if it is invalid."""
    if field.type == FieldDescriptor.TYPE_BYTES:
        return value if isinstance(value, str) and _is_base64(value) else None
    if field.type == FieldDescriptor.TYPE_ENUM and isinstance(value, str):
        value = int(value) if re.fullmatch(r"-?[0-9]{1,10}", value) else value
    elif field.type == FieldDescriptor.TYPE_BOOL and value in ("true", "false"):
        value = value == "true"
    elif _is_mask(field) and isinstance(value, str):
        value = _camel_paths(value)
    if isinstance(value, str) and not _has_form(value, field):
        return None
    owner = field.containing_type
    assert owner is not None, "only an extension has no owner"
    trial: Message = message_factory.GetMessageClass(owner)()
    try:
        json_format.ParseDict({field.json_name: [value] if field.is_repeated else value}, trial)
        trial.SerializeToString()
    except (json_format.ParseError, ValueError, TypeError, AttributeError, OverflowError):
        return None
    return value


def _has_form(text: str, field: FieldDescriptor) -> bool:
    """Return whether a value that is written as text may be of its field's type."""
    if field.message_type is not None:
        form = _FORMS.get(field.message_type.full_name)
    else:
        form = _NUMBER if field.type in _NUMBERS else None
    return form is None or form.fullmatch(text) is not None


def _is_text(key: str, path: str, found: Violations) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        found.invalid(path, "TYPE_STRING", _shown(key))
        return False
    return True


def _is_base64(text: str) -> bool:
    """Return whether `text` is base64, in either alphabet, padded or not."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _camel_paths(mask: str) -> str:
    return ",".join(
        re.sub("_([a-z0-9])", lambda found: found[1].upper(), path.strip())
        for path in mask.split(",")
        if path.strip()
    )


def _is_mask(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.full_name == "google.protobuf.FieldMask"


def _is_map(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.GetOptions().map_entry


def _named(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    matches = (field for field in descriptor.fields if name in (field.json_name, field.name))
    return next(matches, None)


def _type_name(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        return _type_url(field.message_type)
    if field.enum_type is not None:
        return f"type.googleapis.com/{field.enum_type.full_name}"
    return _SCALARS[field.type]


_SCALARS: Final = {
    FieldDescriptor.TYPE_BOOL: "TYPE_BOOL",
    FieldDescriptor.TYPE_BYTES: "TYPE_BYTES",
    FieldDescriptor.TYPE_DOUBLE: "TYPE_DOUBLE",
    FieldDescriptor.TYPE_INT32: "TYPE_INT32",
    FieldDescriptor.TYPE_INT64: "TYPE_INT64",
    FieldDescriptor.TYPE_STRING: "TYPE_STRING",
}


_NUMBERS: Final = frozenset(
    {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64}
)


def _type_url(descriptor: Descriptor) -> str:
    return f"type.googleapis.com/{descriptor.full_name}"


def _unbound(name: str) -> str:
    return f"Cannot bind query parameter. Field '{name}' could not be found in request message."


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _printable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _syntax(error: json.JSONDecodeError) -> str:
    text, place = error.doc, error.pos
    if place >= len(text.rstrip()):
        what = "Unexpected end of string."
    else:
        what = _SYNTAX.get(error.msg, "Unexpected token.")
    start = max(0, place - _CONTEXT)
    line = re.sub(r"[\r\n]", " ", text[start : place + _CONTEXT])
    return f"{what}\n{line}\n{' ' * (place - start)}^"


def _malformed(what: str) -> Refusal:
    return Refusal("INVALID_ARGUMENT", _printable(f"Invalid JSON payload received. {what}"))


def _no_constant(name: str) -> JSON:
    raise ValueError(name)

"""The JSON schemas of payloads: read, checked, and applied to a payload."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from queuewright.errors import Location, Problem, SpecError
from queuewright.spec.document import Node, dotted
from queuewright.spec.files import beside, is_file, is_folder, text_of
from queuewright.spec.values import shown
from queuewright.spec.words import nearest

Schema = Mapping[str, Any]
_LONGEST = 200
"""Characters of a message; a validator's may have the whole payload in it."""


def read_schema(path: str, root: Path) -> Schema:
    """Return a payload's schema from a file in the project's folder `root`.

    Raises:
        SpecError: the file is missing, is not JSON, or is not a JSON schema.
    """
    text = text_of(root / path, path)
    try:
        schema = json.loads(text)
    except json.JSONDecodeError as error:
        place = Location(path, error.lineno, error.colno)
        raise _wrong(place, f"not JSON: {error.msg.lower()}", "a schema is a JSON file") from None
    except RecursionError:
        place = Location(path, 1, 1)
        raise _wrong(place, "nested too deep", "is a bracket never closed?") from None
    except ValueError as error:  # Python reads no number of thousands of digits
        place = Location(path, 1, 1)
        raise _wrong(place, f"cannot be read: {error}", "write a smaller number") from None
    place = Location(path, 1, 1)
    if not isinstance(schema, dict):
        raise _wrong(place, "not a JSON schema", 'start with `{"type": "object", …}`')
    from jsonschema.exceptions import SchemaError

    try:
        _validator_class(schema).check_schema(schema)
    except SchemaError as error:
        where = dotted(tuple(error.absolute_path))
        message = f"not a JSON schema: {where}: {_short(error.message)}"
        raise _wrong(place, message, "see https://json-schema.org/specification") from None
    for reference in _references(schema):
        if not reference.startswith("#"):
            message = f"the reference {shown(reference)} leads out of the file"
            raise _wrong(place, message, "put the definition into the file, under `$defs`")
        if not _leads_somewhere(schema, reference):
            message = f"the reference {shown(reference)} leads to nothing in the file"
            raise _wrong(place, message, "correct it, or add the definition under `$defs`")
    return schema


def payload_errors(schema: Schema, payload: object) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what is wrong with a payload: paths in it, each with a message.

    >>> payload_errors({"properties": {"to": {"type": "string"}}}, {"to": 7})
    [(('to',), "7 is not of type 'string'")]
    """
    from jsonschema.exceptions import ValidationError
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # A registry of its own: the default one fetches what a reference names.
    validator = _validator_class(schema)(schema, registry=Registry())
    try:
        errors: list[ValidationError] = sorted(
            validator.iter_errors(payload), key=lambda error: [str(part) for part in error.path]
        )
    except Unresolvable as error:
        return [((), f"the schema has a reference to nothing: {_short(str(error))}")]
    except RecursionError:
        return [((), "the schema refers to itself without end, or the payload is nested too deep")]
    return [(tuple(error.absolute_path), _short(error.message)) for error in errors]


def payload_problems(document: Node, root: Path) -> list[Problem]:
    """Return the problems with the payload schemas of all queues, and with their examples."""
    default = document.at(("queue_defaults", "payload"))
    found: list[Problem] = []
    for key, queue in document.entries("queues"):
        written = queue.at(("payload",)) or default
        if written is not None and isinstance(written.value, str) and written.value.strip():
            at = ("queues", key)
            if _is_outside(written.value):
                continue  # the model rejects it
            wrong = _wrong_file(written, root)
            if wrong is not None:
                found.append(Problem(written.place, dotted((*at, "payload")), *wrong))
                continue
            try:
                schema = read_schema(written.value, root)
            except SpecError as error:
                found += error.problems
                continue
            found += _example_problems(queue, at, written.value, schema)
    return found


def _example_problems(
    queue: Node, at: tuple[str, str], path: str, schema: Schema
) -> Iterator[Problem]:
    example = queue.at(("example",))
    if example is None or example.value is None:
        return
    for inside, message in payload_errors(schema, example.plain()):
        place = example.locate(inside)
        hint = f"write an example that fits `{path}`"
        yield Problem(place, dotted((*at, "example", *inside)), message, hint)


def _wrong_file(written: Node, root: Path) -> tuple[str, str] | None:
    """The message and hint if there is no such file; None if there is."""
    path = written.value
    file = root / path
    if is_file(file):
        if file.resolve().is_relative_to(root.resolve()):
            return None
        return f"{shown(path)} leads out of the project", "copy the schema into the project"
    if is_folder(file):
        return f"{shown(path)} is a folder", "name the file of the schema"
    names = [str(Path(path).parent / other.name) for other in beside(file) if is_file(other)]
    near = nearest(path, names)
    hint = f"did you mean `{near}`?" if near else "the path is relative to the project's folder"
    return f"{shown(path)} does not exist", hint


def _is_outside(path: str) -> bool:
    return os.path.normpath(path).startswith(("/", "~", "..")) or "\0" in path


def _validator_class(schema: Schema) -> Any:  # noqa: ANN401 - jsonschema's validators have no type
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    return validator_for(schema, default=Draft202012Validator)


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _leads_somewhere(schema: Schema, reference: str) -> bool:
    """Whether a reference from the root names a part of the schema.

    One in a part with an `$id` of its own starts there, so it is left to the validator.
    """
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    if any(_has_id(value) for value in schema.values()):
        return True
    resource = DRAFT202012.create_resource(schema)
    try:
        Registry().with_resource("", resource).resolver().lookup(reference)
    except (Unresolvable, TypeError, ValueError):  # the latter two inside a text or a list
        return False
    return True


def _has_id(schema: object) -> bool:
    if isinstance(schema, dict):
        return "$id" in schema or any(map(_has_id, schema.values()))
    return isinstance(schema, list) and any(map(_has_id, schema))


def _wrong(place: Location, message: str, hint: str) -> SpecError:
    return SpecError([Problem(place, "$", message, hint)])


def _short(message: str) -> str:
    message = " ".join(message.split())
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"

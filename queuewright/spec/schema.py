"""Generates JSON schemas from the models, for editors.

The schema of a file in `stacks/` applies to the file alone. Other keys may be in the file that it
extends, or in one that extends it. So no key is required, and every value may be `null`.
`queuewright check` is stricter, because it sees all files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from queuewright.cloud_tasks.durations import written_duration
from queuewright.spec.closed import Closed
from queuewright.spec.emulator_model import EmulatorFile
from queuewright.spec.fields import HANDLER_NAME, QUEUE_ID, QUEUE_NAME
from queuewright.spec.handler_model import KINDS, SETTINGS_BY_KIND
from queuewright.spec.model import SpecFile
from queuewright.spec.pull_model import (
    PULL_QUEUE_SETTINGS,
    PUSH_QUEUE_SETTINGS,
    PullQueueSpec,
)
from queuewright.spec.queue_model import QueueSpec
from queuewright.spec.words import models_in

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

Schema = dict[str, object]

_NULL: Schema = {"type": "null"}
_HANDLER: Schema = {"$ref": "#/definitions/HandlerSpec"}
_ANYTHING = "#/definitions/JsonValue"
_OUTSIDE = ("description", "examples")
"""Words about a value as a whole; they stay outside the choice between its type and `null`."""


def json_schema() -> Schema:
    """The schema of a file in `stacks/`."""
    handler: Schema = {"allOf": [_HANDLER, *map(_one_kind, KINDS)]}
    either = _either_queue()
    of_one_kind = [
        _only("pull", PUSH_QUEUE_SETTINGS - PULL_QUEUE_SETTINGS),
        _only("handler", PULL_QUEUE_SETTINGS - PUSH_QUEUE_SETTINGS),
    ]
    sections = {
        "handler_defaults": _HANDLER,
        "queue_defaults": either,
        "handlers": _entries(HANDLER_NAME, handler),
        "queues": _entries(QUEUE_ID, {"allOf": [either, *of_one_kind]}),
    }
    return _file_schema(SpecFile, "A queuewright environment", sections)


def emulator_schema() -> Schema:
    """The schema of the file of `queuewright emulator --config`."""
    queue: Schema = {"$ref": "#/definitions/EmulatedQueue"}
    sections = {"queues": _entries(f"{QUEUE_ID}|{QUEUE_NAME}", queue)}
    return _file_schema(EmulatorFile, "A queuewright emulator", sections)


def models(top: type[Closed] = SpecFile) -> list[type[Closed]]:
    """The models of the grammar, `top` first, each before the models inside it."""
    found = {top: None}
    for info in top.model_fields.values():
        for inner in models_in(info.annotation):
            found |= dict.fromkeys(models(inner))
    return list(found)


def written_default(info: FieldInfo) -> str | int | float | None:
    """The default of a key as written in a spec; None if it is not a single value."""
    if isinstance(info.default, timedelta):
        return written_duration(info.default)
    return info.default if isinstance(info.default, str | int | float) else None


def _file_schema(file: type[Closed], title: str, sections: Mapping[str, Schema]) -> Schema:
    """The schema of a file in draft 7, which every editor reads; `sections` replaces its own."""
    generated = file.model_json_schema(ref_template="#/definitions/{model}")
    definitions = _maps(generated.pop("$defs"))
    top = _map_schema(generated, file)
    properties = _maps(top["properties"])
    for key, schema in sections.items():
        outside = {word: properties[key][word] for word in _OUTSIDE if word in properties[key]}
        properties[key] = {**outside, "anyOf": [schema, _NULL]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        **top,
        "properties": properties,
        "definitions": {
            model.__name__: _map_schema(definitions[model.__name__], model)
            for model in models(file)
            if model is not file
        },
    }


def _map_schema(schema: Schema, model: type[Closed]) -> Schema:
    """A map with fixed keys, all optional and nullable; no other keys are allowed."""
    properties = {}
    for key, item in _maps(schema["properties"]).items():
        default = written_default(model.model_fields[key])
        said = {"default": default} if default is not None else {}
        properties[key] = {**said, **_nullable(_value(item))}
    return {
        "description": schema["description"],
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _value(schema: Schema) -> Schema:
    """The schema of a value, without pydantic's own additions."""
    kept = {word: item for word, item in schema.items() if word not in ("title", "default")}
    if kept.get("$ref") == _ANYTHING:
        del kept["$ref"]
    if "patternProperties" in kept:
        named = _maps(kept["patternProperties"])
        kept["patternProperties"] = {
            pattern: _nullable(_value(item)) for pattern, item in named.items()
        }
        kept["additionalProperties"] = False
    if "anyOf" in kept:
        kept["anyOf"] = [_value(choice) for choice in _choices(kept)]
    return kept


def _nullable(schema: Schema) -> Schema:
    """The same, or `null`."""
    if not {"type", "anyOf", "$ref"} & schema.keys():
        return schema  # anything, so `null` too
    outside = {word: item for word, item in schema.items() if word in _OUTSIDE}
    inside = {word: item for word, item in schema.items() if word not in _OUTSIDE}
    choices = _choices(inside) if "anyOf" in inside else [inside]
    return {**outside, "anyOf": choices if _NULL in choices else [*choices, _NULL]}


def _entries(pattern: str, entry: Schema) -> Schema:
    """A map from names that match `pattern` to entries."""
    return {
        "type": "object",
        "patternProperties": {pattern: {"anyOf": [entry, _NULL]}},
        "additionalProperties": False,
    }


def _one_kind(kind: str) -> Schema:
    """A handler of this kind has no other kind, and only the settings of this kind."""
    every = {*KINDS}.union(*SETTINGS_BY_KIND.values())
    return _only(kind, every - SETTINGS_BY_KIND[kind] - {kind})


def _only(key: str, foreign: Collection[str]) -> Schema:
    """With `key`, an entry has none of the `foreign` keys."""
    return {
        "if": {"required": [key], "properties": {key: {"not": _NULL}}},
        "then": {"properties": dict.fromkeys(sorted(foreign), _NULL)},
    }


def _either_queue() -> Schema:
    """The settings of queues of both kinds."""
    keys = {
        key: {"$ref": f"#/definitions/{model.__name__}/properties/{key}"}
        for model in (QueueSpec, PullQueueSpec)
        for key in model.model_fields
    }
    return {"type": "object", "properties": keys, "additionalProperties": False}


def _maps(schemas: object) -> dict[str, Schema]:
    if not isinstance(schemas, dict):
        raise TypeError(f"expected schemas by name, found {schemas!r}")
    return dict(schemas)


def _choices(schema: Schema) -> list[Schema]:
    choices = schema["anyOf"]
    if not isinstance(choices, list):
        raise TypeError(f"expected a list of schemas, found {choices!r}")
    return choices

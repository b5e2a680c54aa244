"""The types that a JSON schema describes, in no language. Pure.

What a type can't say, such as a pattern or a bound, is left out: the schema itself is checked when
a task is enqueued.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Scalar = Literal["string", "integer", "number", "boolean", "null"]
Value = str | int | float | bool | None


@dataclass(frozen=True)
class ScalarType:
    """One of JSON's simple types."""

    name: Scalar


@dataclass(frozen=True)
class ListType:
    """An array."""

    item: Type


@dataclass(frozen=True)
class MapType:
    """An object whose properties have no names that are known."""

    value: Type


@dataclass(frozen=True)
class LiteralType:
    """One of some values."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class UnionType:
    """One of some types, at least two."""

    types: tuple[Type, ...]


@dataclass(frozen=True)
class NamedType:
    """A `Definition`, by its name."""

    name: str


@dataclass(frozen=True)
class AnyType:
    """Any JSON."""


Type = ScalarType | ListType | MapType | LiteralType | UnionType | NamedType | AnyType
ANY = AnyType()


@dataclass(frozen=True)
class Property:
    """A property of a record."""

    name: str
    type: Type
    is_required: bool
    description: str | None


@dataclass(frozen=True)
class Record:
    """An object with properties."""

    name: str
    description: str | None
    properties: tuple[Property, ...]


@dataclass(frozen=True)
class Alias:
    """A name for another type."""

    name: str
    description: str | None
    type: Type


Definition = Record | Alias


def pascal(text: str) -> str:
    """Return a name for a type.

    >>> [pascal(text) for text in ("order-events", "cc_list", "$ref", "2023")]
    ['OrderEvents', 'CcList', 'Ref', 'Type2023']
    """
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "".join(word[0].upper() + word[1:] for word in words)
    return name if name and not name[0].isdigit() else f"Type{name}"


class Names:
    """Names that are taken; a second one gets a number."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def new(self, wanted: str) -> str:
        """Return `wanted`, or `wanted2`, … if it is taken."""
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}{number}"
        self._taken.add(name)
        return name


def definitions(schema: Mapping[str, Any], name: str, names: Names) -> list[Definition]:
    """Return the definitions that a schema needs; the last one is called `name`."""
    reader = _Reader(schema, names)
    root = reader.named(schema, name)
    return [*reader.found, root]


class _Reader:
    def __init__(self, whole: Mapping[str, Any], names: Names) -> None:
        self._whole = whole
        self._names = names
        self._by_reference: dict[str, str] = {}
        self.found: list[Definition] = []

    def named(self, schema: object, name: str) -> Definition:
        """Return the definition of a schema, under a name that is its own."""
        self._by_reference.setdefault("#", name)
        about = _description(schema)
        merged = self._object(schema)
        if merged is not None:
            return self._record(merged, name, about)
        return Alias(name, about, self._type(schema, name))

    def _type(self, schema: object, name: str) -> Type:
        """Return the type of a schema; `name` is for what must be defined on its way."""
        if not isinstance(schema, Mapping):
            return ANY
        if isinstance(reference := schema.get("$ref"), str):
            return self._referenced(reference, name)
        if "const" in schema:
            return _literal([schema["const"]])
        if "enum" in schema:
            return _literal(schema["enum"])
        for keyword in ("anyOf", "oneOf"):
            if ways := schema.get(keyword):
                return _union(
                    self._type(way, f"{name}{number}") for number, way in enumerate(ways, 1)
                )
        merged = self._object(schema)
        if merged is not None:
            own = self._names.new(name)
            self.found.append(self._record(merged, own, _description(schema)))
            return NamedType(own)
        wanted = schema.get("type")
        kinds = wanted if isinstance(wanted, list) else [wanted]
        return _union(self._of_kind(kind, schema, name) for kind in kinds)

    def _of_kind(self, kind: object, schema: Mapping[str, Any], name: str) -> Type:
        if kind == "array":
            items = schema.get("items")
            is_plain = isinstance(items, Mapping) and "prefixItems" not in schema
            return ListType(self._type(items, f"{name}Item") if is_plain else ANY)
        if kind == "object":
            return MapType(self._type(schema.get("additionalProperties"), f"{name}Value"))
        if kind in ("string", "integer", "number", "boolean", "null"):
            return ScalarType(kind)
        return ANY

    def _referenced(self, reference: str, name: str) -> Type:
        if reference in self._by_reference:
            return NamedType(self._by_reference[reference])
        found = self._whole_at(reference)
        if found is None:
            return ANY
        own = self._names.new(pascal(reference.rpartition("/")[2]) or name)
        self._by_reference[reference] = own
        self.found.append(self.named(found, own))
        return NamedType(own)

    def _whole_at(self, reference: str) -> object:
        if not reference.startswith("#"):
            return None
        found: object = self._whole
        for part in reference.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or key not in found:
                return None
            found = found[key]
        return found

    def _object(self, schema: object) -> Mapping[str, Any] | None:
        """Return the properties of a schema for objects, those of `allOf` included, or None."""
        if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
            return None
        properties = dict(schema.get("properties", {}))
        required = list(schema.get("required", []))
        for each in schema.get("allOf", []):
            if isinstance(each, Mapping) and isinstance(each.get("$ref"), str):
                each = self._whole_at(each["$ref"])
            part = self._object(each)
            if part is not None:
                properties = {**part["properties"], **properties}
                required += part["required"]
        return {"properties": properties, "required": required} if properties else None

    def _record(self, merged: Mapping[str, Any], name: str, about: str | None) -> Record:
        return Record(
            name,
            about,
            tuple(
                Property(
                    key,
                    self._type(below, f"{name}{pascal(key)}"),
                    key in merged["required"],
                    _description(below),
                )
                for key, below in merged["properties"].items()
            ),
        )


def written(
    kind: Type,
    *,
    scalars: Mapping[Scalar, str],
    any_type: str,
    list_of: Callable[[str], str],
    map_of: Callable[[str], str],
    literal: Callable[[tuple[Value, ...]], str],
) -> str:
    """Return a type in a language that writes a union with `|`."""

    def write(part: Type) -> str:
        match part:
            case ScalarType(name):
                return scalars[name]
            case ListType(item):
                return list_of(write(item))
            case MapType(value):
                return map_of(write(value))
            case LiteralType(values):
                return literal(values)
            case UnionType(types):
                return " | ".join(dict.fromkeys(map(write, types)))
            case NamedType(name):
                return name
            case AnyType():
                return any_type

    return write(kind)


def _literal(values: Iterable[object]) -> Type:
    """Return the type of some values; JSON's arrays and objects have no literals."""
    given = list(values)
    simple = [value for value in given if value is None or isinstance(value, str | int | bool)]
    return LiteralType(tuple(simple)) if len(simple) == len(given) else ANY


def _union(types: Iterable[Type]) -> Type:
    distinct = tuple(dict.fromkeys(types))
    if ANY in distinct:
        return ANY
    return distinct[0] if len(distinct) == 1 else UnionType(distinct)


def _description(schema: object) -> str | None:
    if isinstance(schema, Mapping) and isinstance(schema.get("description"), str):
        return " ".join(schema["description"].split()) or None
    return None

"""Translates between the Pulumi SDK's wire format and plain values.

A resource's properties are sent as a protobuf `Struct`. Values that JSON does not have (a secret,
an asset, an unknown value) are maps with a signature key. The signatures are Pulumi's:
https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from google.protobuf import struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown(Enum):
    """A value that a preview does not know, because only the cloud computes it."""

    UNKNOWN = "<unknown>"

    def __repr__(self) -> str:
        return self.value

    __str__ = __repr__


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True)
class Asset:
    """A file, text or folder given to a resource.

    Attributes:
        kind: `"asset"` or `"archive"`.
        origin: the key that the wire form sets: `"path"`, `"text"`, `"uri"` or `"assets"`.
        content: the path, the text or the address; empty for an archive of named assets.
        hash: the SHA-256 of the content, if the engine has computed it; empty otherwise.
        members: the names and assets in an archive of named assets.
    """

    kind: str
    origin: str
    content: str
    hash: str = ""
    members: tuple[tuple[str, Asset], ...] = ()


Value: TypeAlias = (
    "bool | int | float | str | Unknown | Asset | list[Value] | dict[str, Value] | None"
)
Properties: TypeAlias = dict[str, Value]


@dataclass(frozen=True)
class Decoded:
    """Plain properties, and which of them are secret or unknown.

    Attributes:
        properties: the values; a secret's own value, and `UNKNOWN` for an unknown one.
        secrets: the path of each secret, such as `"secretData"` or `"envs[0].value"`.
        unknowns: the path of each unknown value.
    """

    properties: Properties
    secrets: tuple[str, ...]
    unknowns: tuple[str, ...]


def decode(struct: struct_pb2.Struct) -> Decoded:
    """Read a resource's properties from their wire form."""
    secrets: list[str] = []
    properties = {
        key: _decoded(value, key, secrets) for key, value in sorted(struct.fields.items())
    }
    unknowns = sorted(path for path, value in walk(properties) if value is UNKNOWN)
    return Decoded(properties, tuple(sorted(secrets)), tuple(unknowns))


def encode(properties: Mapping[str, Value]) -> struct_pb2.Struct:
    """Write plain properties in their wire form; secrets are not marked."""
    return struct_pb2.Struct(fields={key: _encoded(value) for key, value in properties.items()})


def walk(value: Value, path: str = "") -> Iterator[tuple[str, Value]]:
    """`value` and every value inside it, each with its path.

    >>> [path for path, _ in walk({"a": [{"b": 1}]})]
    ['', 'a', 'a[0]', 'a[0].b']
    """
    yield path, value
    if isinstance(value, dict):
        for key, child in value.items():
            yield from walk(child, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from walk(child, f"{path}[{index}]")


def _decoded(value: struct_pb2.Value, path: str, secrets: list[str]) -> Value:
    match value.WhichOneof("kind"):
        case "struct_value":
            fields = value.struct_value.fields
            if SIGNATURE in fields:
                return _special(fields, path, secrets)
            return {
                key: _decoded(child, f"{path}.{key}", secrets)
                for key, child in sorted(fields.items())
            }
        case "list_value":
            return [
                _decoded(child, f"{path}[{index}]", secrets)
                for index, child in enumerate(value.list_value.values)
            ]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            text = value.string_value
            return UNKNOWN if text == UNKNOWN_TEXT else text
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _special(fields: Mapping[str, struct_pb2.Value], path: str, secrets: list[str]) -> Value:
    signature = _text(fields, SIGNATURE)
    if signature in (ASSET, ARCHIVE):
        return _asset(fields, path, secrets)
    if signature == REFERENCE:
        return _text(fields, "urn")
    if signature == SECRET or (signature == OUTPUT and "secret" in fields):
        secrets.append(path)
    if signature in (SECRET, OUTPUT):
        return _decoded(fields["value"], path, secrets) if "value" in fields else UNKNOWN
    raise ValueError(f"{path}: unknown signature {signature!r} on the wire")


def _asset(fields: Mapping[str, struct_pb2.Value], path: str, secrets: list[str]) -> Asset:
    kind = "asset" if _text(fields, SIGNATURE) == ASSET else "archive"
    if "assets" in fields:
        members = _decoded(fields["assets"], path, secrets)
        assert isinstance(members, dict)
        named = tuple((name, each) for name, each in members.items() if isinstance(each, Asset))
        return Asset(kind, "assets", "", _text(fields, "hash"), named)
    origin = next((each for each in ("path", "uri") if _text(fields, each)), "text")
    return Asset(kind, origin, _text(fields, origin), _text(fields, "hash"))


def _text(fields: Mapping[str, struct_pb2.Value], key: str) -> str:
    """The text under `key`, or "". Plain `fields[key]` would add a missing key to the map."""
    return fields[key].string_value if key in fields else ""


def _encoded(value: Value) -> struct_pb2.Value:
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case Unknown():
            return struct_pb2.Value(string_value=UNKNOWN_TEXT)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case Asset():
            return _encoded(_wire_form(value))
        case list():
            items = struct_pb2.ListValue(values=[_encoded(child) for child in value])
            return struct_pb2.Value(list_value=items)
        case dict():
            return struct_pb2.Value(struct_value=encode(value))


def _wire_form(asset: Asset) -> Properties:
    form: Properties = {SIGNATURE: ASSET if asset.kind == "asset" else ARCHIVE}
    if asset.hash:
        form["hash"] = asset.hash
    members: Properties = dict(asset.members)
    form[asset.origin] = members if asset.origin == "assets" else asset.content
    return form

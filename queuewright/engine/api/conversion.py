"""Converts a message to another version of the API, field by field, by name.

The versions share field names and enum values but number their fields differently. Fields that
only one version has are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, TypeVar

from google.protobuf.message import Message

M = TypeVar("M", bound=Message)


def converted(source: Message, kind: type[M]) -> M:
    """Return a message of `kind` with every field that `source` sets and `kind` has."""
    target = kind()
    _copy(source, target)
    return target


def _copy(source: Message, target: Message) -> None:
    if source.DESCRIPTOR is target.DESCRIPTOR:
        target.CopyFrom(source)
        return
    fields = target.DESCRIPTOR.fields_by_name
    for field, value in source.ListFields():
        other = fields.get(field.name)
        if other is None:
            continue
        if field.message_type is None:
            if field.is_repeated:
                getattr(target, field.name).extend(value)
            else:
                setattr(target, field.name, value)
        elif field.message_type.GetOptions().map_entry:
            _copy_map(value, getattr(target, field.name))
        elif field.is_repeated:
            for item in value:
                _copy(item, getattr(target, field.name).add())
        else:
            inner = getattr(target, field.name)
            inner.SetInParent()
            _copy(value, inner)


def _copy_map(source: Mapping[Any, Any], target: MutableMapping[Any, Any]) -> None:
    for key, value in source.items():
        if isinstance(value, Message):
            _copy(value, target[key])
        else:
            target[key] = value

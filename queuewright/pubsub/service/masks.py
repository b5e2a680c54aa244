"""Update masks: which fields an update writes. An update needs one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from queuewright.pubsub.protocol import refusals

M = TypeVar("M", bound=Message)


def updated(current: M, wanted: M, paths: Iterable[str], fixed: Collection[str]) -> M:
    """Return `current` with the fields named by `paths` replaced by those of `wanted`.

    Args:
        current: the present configuration.
        wanted: the configuration in the request.
        paths: fields, in snake_case or camelCase: `retry_policy.minimum_backoff`.
        fixed: the names of the fields that no update can change.

    Raises:
        Refusal: INVALID_ARGUMENT if there is no path, or one names no field or a fixed one.
    """
    result = type(current)()
    result.CopyFrom(current)
    names = list(paths)
    if not names:
        raise refusals.argument_missing("update_mask")
    for name in names:
        _copy(wanted, result, _fields(name, current, fixed))
    return result


def _fields(path: str, message: Message, fixed: Collection[str]) -> list[FieldDescriptor]:
    fields: list[FieldDescriptor] = []
    descriptor: Descriptor | None = message.DESCRIPTOR  # type: ignore[assignment]
    names = re.sub(r"[A-Z]", lambda upper: f"_{upper[0].lower()}", path).split(".")
    for name in names:
        field = descriptor.fields_by_name.get(name) if descriptor is not None else None
        if field is None:
            raise refusals.invalid(f"Invalid update_mask provided in the request: `{path}`.")
        fields.append(field)
        descriptor = None if field.is_repeated else field.message_type
    if fields[0].name in fixed:
        raise refusals.invalid(f"`{fields[0].name}` cannot be updated.")
    return fields


def _copy(source: Message, target: Message, path: list[FieldDescriptor]) -> None:
    *parents, field = path
    for parent in parents:
        source = getattr(source, parent.name)
        target = getattr(target, parent.name)
    target.ClearField(field.name)
    if field.is_repeated:
        getattr(target, field.name).MergeFrom(getattr(source, field.name))
    elif field.message_type:
        if source.HasField(field.name):
            getattr(target, field.name).CopyFrom(getattr(source, field.name))
    else:
        setattr(target, field.name, getattr(source, field.name))

"""Update masks: which fields of a queue an update writes (UpdateQueueRequest.update_mask).

Paths are in camelCase or snake_case (`rateLimits.maxBurstSize`, `rate_limits.max_burst_size`). An
empty mask means all fields. Fields that are output only are skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from google.protobuf.message import Message

from queuewright.engine.protocol import refusals
from queuewright.engine.protocol.fields import Fields, queue_fields, snake
from queuewright.engine.protocol.messages import Queue

_OUTPUT_ONLY: Final = frozenset(
    {"name", "state", "purge_time", "rate_limits.max_burst_size"}
)  # a routing's "host" is not here: every write derives it again
_OF_THE_RATE: Final = ("*", "rate_limits", "rate_limits.max_dispatches_per_second")
_WRITABLE: Final = tuple(
    field.name for field in Queue.DESCRIPTOR.fields if field.name not in _OUTPUT_ONLY
)


def updated(current: Queue, wanted: Queue, paths: Iterable[str]) -> Queue:
    """Return `current` with the fields named by `paths` replaced by those of `wanted`.

    A field that is missing in `wanted` is cleared, so it gets its default later.

    Raises:
        Refusal: INVALID_ARGUMENT if a path names no field.
    """
    result = Queue()
    result.CopyFrom(current)
    for path in _writable(paths):
        _copy(wanted, result, path)
    return result


def sets_the_rate(paths: Iterable[str]) -> bool:
    """Return whether an update with this mask writes the dispatch rate.

    >>> sets_the_rate(["rateLimits.maxDispatchesPerSecond"]), sets_the_rate([])
    (True, True)
    >>> sets_the_rate(["rateLimits.maxBurstSize"])
    False
    """
    names = {snake(path) for path in paths}
    return not names or not names.isdisjoint(_OF_THE_RATE)


def _writable(paths: Iterable[str]) -> Iterator[Fields]:
    for name in [snake(path) for path in paths] or _WRITABLE:
        if name == "*":
            yield from (queue_fields(every) or [] for every in _WRITABLE)
        elif fields := queue_fields(name):
            if name not in _OUTPUT_ONLY:
                yield fields
        else:
            raise refusals.invalid(f"Invalid field path in updateMask: '{name}'.")


def _copy(source: Message, target: Message, path: Fields) -> None:
    *parents, field = path
    for parent in parents:
        if not source.HasField(parent.name) and not target.HasField(parent.name):
            return
        source = getattr(source, parent.name)
        target = getattr(target, parent.name)
    target.ClearField(field.name)
    if field.is_repeated:
        getattr(target, field.name).MergeFrom(getattr(source, field.name))
    elif field.message_type:
        if source.HasField(field.name):
            getattr(target, field.name).CopyFrom(getattr(source, field.name))
    elif not field.has_presence or source.HasField(field.name):
        setattr(target, field.name, getattr(source, field.name))

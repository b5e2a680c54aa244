"""Converts queues, update masks and filters between v2beta3 and v2.

v2beta3 wraps the App Engine routing in `app_engine_http_queue`, can set `max_burst_size`, and adds
`type`, `task_ttl`, `tombstone_ttl` and `stats`
(https://github.com/googleapis/googleapis/blob/master/google/cloud/tasks/v2beta3/queue.proto).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from queuewright.engine.api.conversion import converted
from queuewright.engine.dispatch.registry import QueueStats
from queuewright.engine.protocol import messages_beta, refusals
from queuewright.engine.protocol.fields import snake
from queuewright.engine.protocol.messages import AppEngineRouting, Queue
from queuewright.engine.protocol.times import SECOND_US, duration_us, set_duration, set_timestamp
from queuewright.engine.rules.queue_config import QueueOptions, is_pull

BetaQueue = Any
"""A v2beta3 `Queue`; its class comes from a library without types."""

BetaStats = Any
"""A v2beta3 `QueueStats`."""

PULL: Final = 1
PUSH: Final = 2
"""`Queue.Type`."""

_DAY_US: Final = 86_400 * SECOND_US
_TASK_TTL_US: Final = (10 * _DAY_US, 3650 * _DAY_US)
"""10 days to 10 years (`Queue.task_ttl`)."""
_TOMBSTONE_TTL_US: Final = (3_600 * SECOND_US, 9 * _DAY_US)
"""1 hour to 9 days (`Queue.tombstone_ttl`)."""

_ROUTING: Final = "app_engine_routing_override"
_ONLY_BETA: Final = ("task_ttl", "tombstone_ttl", "type", "type_", "stats")
_BURST: Final = "rate_limits.max_burst_size"


def queue_of(beta: BetaQueue) -> Queue:
    """Return a v2beta3 queue as a v2 queue."""
    queue = converted(beta, Queue)
    app_engine = beta.app_engine_http_queue
    if app_engine.HasField("app_engine_routing_override"):
        routing = app_engine.app_engine_routing_override
        queue.app_engine_routing_override.SetInParent()
        queue.app_engine_routing_override.MergeFrom(converted(routing, AppEngineRouting))
        queue.app_engine_routing_override.ClearField("host")
    return queue


def options_of(beta: BetaQueue) -> QueueOptions:
    """Return the options of a v2beta3 queue that v2 lacks.

    Raises:
        Refusal: INVALID_ARGUMENT for a time to live out of range.
    """
    return replace(lifetimes_of(beta), pull=beta.type_ == PULL)


def lifetimes_of(beta: BetaQueue) -> QueueOptions:
    """Return the options of a v2beta3 or v2beta2 queue that both have: lifetimes and burst.

    Raises:
        Refusal: INVALID_ARGUMENT for a time to live out of range.
    """
    return QueueOptions(
        task_ttl_us=_ttl_us(beta.task_ttl, "taskTtl", *_TASK_TTL_US)
        if beta.HasField("task_ttl")
        else None,
        tombstone_ttl_us=_ttl_us(beta.tombstone_ttl, "tombstoneTtl", *_TOMBSTONE_TTL_US)
        if beta.HasField("tombstone_ttl")
        else None,
        burst=beta.rate_limits.max_burst_size or None,
    )


def type_of(beta: BetaQueue, current: QueueOptions, paths: Iterable[str]) -> bool:
    """Return whether a queue is a pull queue, as far as an update asks for a type."""
    named = set(paths)
    is_asked = not named or not named.isdisjoint({"*", "type", "type_"})
    return beta.type_ == PULL if is_asked and beta.type_ else current.pull


def updated_options(
    current: QueueOptions, options: QueueOptions, paths: Iterable[str]
) -> QueueOptions:
    """Return a queue's options after an update. An empty mask, in snake_case, means all fields.

    Setting the rate without the burst resets the burst (`RateLimits.max_burst_size`). The type is
    always the wanted one.
    """
    named = set(paths)
    if not named or "*" in named:
        return options
    current = replace(current, pull=options.pull)
    if "task_ttl" in named:
        current = replace(current, task_ttl_us=options.task_ttl_us)
    if "tombstone_ttl" in named:
        current = replace(current, tombstone_ttl_us=options.tombstone_ttl_us)
    if named & {"rate_limits", _BURST}:
        return replace(current, burst=options.burst)
    if "rate_limits.max_dispatches_per_second" in named:
        return replace(current, burst=None)
    return current


def paths_of(paths: Iterable[str]) -> list[str]:
    """Return a mask's paths in v2, without the fields that v2 lacks.

    An empty mask would mean all fields. So if no path is left, the mask names a field that no
    update writes.

    >>> paths_of(["app_engine_http_queue.app_engine_routing_override.service", "task_ttl"])
    ['app_engine_routing_override.service']
    >>> paths_of(["stats"]), paths_of([])
    (['name'], [])
    """
    given = list(paths)
    known = [
        re.sub(r"^app_engine_http_queue(\.app_engine_routing_override)?", _ROUTING, path)
        for path in given
        if path not in _ONLY_BETA and path != _BURST
    ]
    return known or (["name"] if given else [])


def snake_paths(mask: FieldMask) -> list[str]:
    """Return a mask's paths in snake_case."""
    return [snake(path) for path in mask.paths if path]


def filter_of(text: str) -> str:
    """Return a filter for v2beta3 queues as a filter for v2 queues."""
    wrapper = r"\b(app_engine_http_queue|appEngineHttpQueue)\.(?=app_?[eE]ngine_?[rR]outing)"
    return re.sub(wrapper, "", text)


def beta_queue(queue: Queue, *, task_ttl_us: int, tombstone_ttl_us: int) -> BetaQueue:
    """Return a v2 queue as a v2beta3 queue, without its statistics."""
    beta = converted(queue, messages_beta.Queue)
    beta.type_ = PULL if is_pull(queue) else PUSH
    set_duration(beta.task_ttl, task_ttl_us)
    set_duration(beta.tombstone_ttl, tombstone_ttl_us)
    if queue.HasField("app_engine_routing_override"):
        routing = beta.app_engine_http_queue.app_engine_routing_override
        routing.MergeFrom(converted(queue.app_engine_routing_override, type(routing)))
    return beta


def masked(beta: BetaQueue, stats: QueueStats, mask: FieldMask) -> BetaQueue:
    """Return the fields of a queue named by a read mask; an empty mask means all but `stats`.

    Raises:
        Refusal: INVALID_ARGUMENT if the mask names an unknown field.
    """
    paths = ["type_" if path == "type" else path for path in snake_paths(mask)]
    if not paths:
        return beta
    _set_stats(beta.stats, stats)
    if "*" in paths:
        return beta
    fields = FieldMask(paths=paths)
    for path in paths:
        if not FieldMask(paths=[path]).IsValidForDescriptor(beta.DESCRIPTOR):
            raise refusals.invalid(f"Invalid field path in readMask: '{path}'.")
    result = type(beta)()
    fields.MergeMessage(beta, result)
    return result


def _set_stats(target: BetaStats, stats: QueueStats) -> None:
    target.tasks_count = stats.tasks_count
    if stats.oldest_schedule_us is not None:
        set_timestamp(target.oldest_estimated_arrival_time, stats.oldest_schedule_us)
    target.executed_last_minute_count = stats.executed_last_minute
    target.concurrent_dispatches_count = stats.concurrent_dispatches
    target.effective_execution_rate = stats.effective_rate


def _ttl_us(span: Duration, field: str, least_us: int, most_us: int) -> int:
    if not least_us <= duration_us(span) <= most_us:
        raise refusals.invalid(
            f"Queue.{field} must be between {least_us // SECOND_US}s and {most_us // SECOND_US}s."
        )
    return duration_us(span)

"""Converts queues, update masks and filters between v2beta2 and v2.

v2beta2 names the limits differently, says what a queue's tasks are for by `target_type`, and says
without a limit of attempts by a field of its own
(https://github.com/googleapis/googleapis/blob/master/google/cloud/tasks/v2beta2/queue.proto).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from queuewright.cloud_tasks.leases import NAME_REUSE
from queuewright.cloud_tasks.retry import UNLIMITED
from queuewright.engine.api.beta3_queue import lifetimes_of, paths_of
from queuewright.engine.api.conversion import converted
from queuewright.engine.protocol import messages_lease, refusals
from queuewright.engine.protocol.messages import AppEngineRouting, Queue
from queuewright.engine.protocol.times import set_duration, span_us
from queuewright.engine.rules.queue_config import QueueOptions, is_pull

LeaseQueue = Any
"""A v2beta2 `Queue`; its class comes from a library without types."""

_TARGETS: Final = ("app_engine_http_target", "http_target", "pull_target")
_IN_V2: Final = {
    "rate_limits.max_tasks_dispatched_per_second": "rate_limits.max_dispatches_per_second",
    "rate_limits.max_concurrent_tasks": "rate_limits.max_concurrent_dispatches",
    "retry_config.unlimited_attempts": "retry_config.max_attempts",
}
"""The paths of an update mask that have another name in v2."""
_FILTER_WORDS: Final = (
    (r"\bmax_tasks_dispatched_per_second\b", "max_dispatches_per_second"),
    (r"\bmaxTasksDispatchedPerSecond\b", "maxDispatchesPerSecond"),
    (r"\bmax_concurrent_tasks\b", "max_concurrent_dispatches"),
    (r"\bmaxConcurrentTasks\b", "maxConcurrentDispatches"),
    (r"\b(app_engine_http_target|appEngineHttpTarget)\.(?=app_?[eE]ngine_?[rR]outing)", ""),
)


def queue_of(beta: LeaseQueue) -> Queue:
    """Return a v2beta2 queue as a v2 queue.

    Raises:
        Refusal: INVALID_ARGUMENT for `max_attempts` that is not positive.
    """
    queue = Queue(name=beta.name)
    target = beta.WhichOneof("target_type")
    if target == "http_target":
        queue.http_target.SetInParent()
        queue.http_target.MergeFrom(converted(beta.http_target, type(queue.http_target)))
    elif target == "app_engine_http_target":
        app_engine = beta.app_engine_http_target
        if app_engine.HasField("app_engine_routing_override"):
            routing = converted(app_engine.app_engine_routing_override, AppEngineRouting)
            routing.ClearField("host")
            queue.app_engine_routing_override.SetInParent()
            queue.app_engine_routing_override.MergeFrom(routing)
    if target != "pull_target":  # the limits of a pull queue are output only
        rates = beta.rate_limits
        queue.rate_limits.max_dispatches_per_second = rates.max_tasks_dispatched_per_second
        queue.rate_limits.max_concurrent_dispatches = rates.max_concurrent_tasks
    _copy_retry(beta, queue)
    return queue


def options_of(beta: LeaseQueue) -> QueueOptions:
    """Return the options of a v2beta2 queue. By default, its tasks' names are free after an hour.

    Raises:
        Refusal: INVALID_ARGUMENT for a time to live out of range.
    """
    options = replace(lifetimes_of(beta), pull=beta.WhichOneof("target_type") == "pull_target")
    if options.tombstone_ttl_us is None:
        options = replace(options, tombstone_ttl_us=span_us(NAME_REUSE))
    return options if not options.pull else replace(options, burst=None)


def type_of(beta: LeaseQueue, current: QueueOptions, paths: Iterable[str]) -> bool:
    """Return whether a queue is a pull queue, as far as an update asks for a type."""
    target = beta.WhichOneof("target_type")
    named = {path.partition(".")[0] for path in paths}
    if target is None or (named and target not in named and "*" not in named):
        return current.pull
    return bool(target == "pull_target")


def v2_paths(paths: Iterable[str]) -> list[str]:
    """Return a mask's paths, in snake_case, in v2, without the fields that v2 lacks.

    >>> v2_paths(["rate_limits.max_concurrent_tasks", "pull_target", "tombstone_ttl"])
    ['rate_limits.max_concurrent_dispatches']
    >>> v2_paths(["pull_target"]), v2_paths([])
    (['name'], [])
    """
    given = [
        re.sub(r"^app_engine_http_target\b", "app_engine_http_queue", _IN_V2.get(path, path))
        for path in paths
    ]
    known = [path for path in given if path != "pull_target"]
    return paths_of(known) or (["name"] if given else [])


def filter_of(text: str) -> str:
    """Return a filter for v2beta2 queues as a filter for v2 queues."""
    for word, in_v2 in _FILTER_WORDS:
        text = re.sub(word, in_v2, text)
    return text


def lease_queue(queue: Queue, *, task_ttl_us: int, tombstone_ttl_us: int) -> LeaseQueue:
    """Return a v2 queue as a v2beta2 queue, without its statistics."""
    beta = messages_lease.Queue(name=queue.name, state=queue.state)
    if queue.HasField("purge_time"):
        beta.purge_time.CopyFrom(queue.purge_time)
    set_duration(beta.task_ttl, task_ttl_us)
    set_duration(beta.tombstone_ttl, tombstone_ttl_us)
    if is_pull(queue):
        beta.pull_target.SetInParent()
    elif queue.HasField("http_target"):
        beta.http_target.MergeFrom(converted(queue.http_target, type(beta.http_target)))
    elif queue.HasField("app_engine_routing_override"):
        routing = beta.app_engine_http_target.app_engine_routing_override
        routing.MergeFrom(converted(queue.app_engine_routing_override, type(routing)))
    rates = queue.rate_limits
    beta.rate_limits.max_tasks_dispatched_per_second = rates.max_dispatches_per_second
    beta.rate_limits.max_burst_size = rates.max_burst_size
    beta.rate_limits.max_concurrent_tasks = rates.max_concurrent_dispatches
    beta.retry_config.MergeFrom(converted(queue.retry_config, type(beta.retry_config)))
    if queue.retry_config.max_attempts == UNLIMITED:
        beta.retry_config.unlimited_attempts = True
    return beta


def _copy_retry(beta: LeaseQueue, queue: Queue) -> None:
    if not beta.HasField("retry_config"):
        return
    retry = beta.retry_config
    queue.retry_config.MergeFrom(converted(retry, type(queue.retry_config)))
    if retry.WhichOneof("num_attempts") == "unlimited_attempts" and retry.unlimited_attempts:
        queue.retry_config.max_attempts = UNLIMITED
    elif retry.WhichOneof("num_attempts") == "max_attempts" and retry.max_attempts <= 0:
        raise refusals.invalid(
            "RetryConfig.maxAttempts must be greater than 0; set unlimitedAttempts for no limit."
        )

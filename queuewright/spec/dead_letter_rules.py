"""The rules of a push queue's dead letters: whose handlers can make them, and when. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta

from queuewright.cloud_tasks.limits import TASK_RETENTION
from queuewright.cloud_tasks.retry import UNLIMITED, RetryPolicy, elapsed_us
from queuewright.errors import Problem
from queuewright.spec.closed import WrongValueError
from queuewright.spec.dead_letters import BURIAL_ATTEMPTS, dead_queue_id
from queuewright.spec.document import Node, Path, dotted
from queuewright.spec.handler_model import HandlerSpec
from queuewright.spec.queue_model import QueueSpec, RetryConfig
from queuewright.spec.validation import checkable
from queuewright.spec.values import shown

OLDEST_PYTHON = (3, 10)
"""`requires-python` of the library that makes dead letters."""
_TICK = timedelta(microseconds=1)


def dead_letter_rules(
    node: Node, at: Path, queue: QueueSpec, handlers: Mapping[str, HandlerSpec]
) -> Iterator[Problem]:
    """The problems with the dead letters of a push queue, if it has them."""
    if queue.dead_letters is None:
        return
    handler = handlers.get(queue.handler)
    reason = _no_code_of_ours(handler) if handler is not None else None
    if reason is not None:
        message, hint = reason
        message = f"{shown(queue.handler)} {message}, so nothing there can make a dead letter"
        yield Problem(node.locate(("dead_letters",)), dotted((*at, "dead_letters")), message, hint)
    yield from checkable(_attempt_rules(node, at, queue.retry_config))


def dead_queue_rules(
    document: Node, queues: Mapping[str, QueueSpec], prefix: str
) -> Iterator[Problem]:
    """A problem for each queue with the name of a queue of dead letters; `prefix` precedes it."""
    ids: dict[str, str] = {}
    owners: dict[str, str] = {}
    for key, queue in queues.items():
        with suppress(WrongValueError):
            ids[key] = prefix + _first_key(key, queue)
            if queue.dead_letters is not None:
                owners[dead_queue_id(ids[key])] = key
    for key, identifier in ids.items():
        if (owner := owners.get(identifier)) is not None:
            at = ("queues", key)
            message = f"`{identifier}` is the queue of the dead letters of `{owner}`"
            hint = "choose another name for this queue"
            yield Problem(document.locate(at), dotted(at), message, hint)


def _first_key(key: str, queue: QueueSpec) -> str:
    return queue.renamed_from[0] if queue.renamed_from else key


def _no_code_of_ours(handler: HandlerSpec) -> tuple[str, str] | None:
    """Why the library that makes dead letters cannot run in a handler, and the way out."""
    remove = "write `dead_letters: false`: only a handler that this file deploys can make them"
    if handler.url is not None:
        return "is somebody else's endpoint", remove
    if handler.app_engine is not None and handler.app_engine.source is None:
        return "is deployed elsewhere", f"{remove}; or add `source` and `runtime`"
    runtime = _runtime(handler)
    version = re.fullmatch(r"python(\d)(\d+)", runtime) if runtime is not None else None
    oldest = ".".join(map(str, OLDEST_PYTHON))
    if runtime is not None and version is None:
        hint = "write `dead_letters: false`: the library that makes them is for Python"
        return f"runs on `{runtime}`", hint
    if version is not None and (int(version[1]), int(version[2])) < OLDEST_PYTHON:
        return f"runs on `{runtime}`", f"the library that makes them needs Python {oldest}"
    return None


def _runtime(handler: HandlerSpec) -> str | None:
    """Google's name of a handler's language, if the file tells it."""
    for source in (handler.function, handler.service, handler.app_engine):
        if source is not None:
            return source.runtime
    return None


def _attempt_rules(node: Node, at: Path, retry: RetryConfig) -> Iterator[Problem]:
    """A handler knows the number of an attempt, and nothing else about those before."""
    path = ("retry_config", "max_retry_duration")
    if retry.max_retry_duration:
        message = (
            "a queue with dead letters counts attempts: Cloud Tasks does not tell a handler how "
            "long a task has been tried"
        )
        hint = "remove it, and set `max_attempts`"
        yield Problem(node.locate(path), dotted((*at, *path)), message, hint)
    path = ("retry_config", "max_attempts")
    if retry.max_attempts == UNLIMITED:
        message = (
            "a task that is tried without limit never becomes a dead letter: Cloud Tasks deletes "
            f"it when it is {TASK_RETENTION.days} days old"
        )
        hint = "set a number, such as `max_attempts: 100`"
        yield Problem(node.locate(path), dotted((*at, *path)), message, hint)
        return
    policy = RetryPolicy(
        min_backoff_us=retry.min_backoff // _TICK,
        max_backoff_us=retry.max_backoff // _TICK,
        max_doublings=retry.max_doublings,
    )
    if elapsed_us(policy, retry.max_attempts + BURIAL_ATTEMPTS) > TASK_RETENTION // _TICK:
        message = (
            f"{retry.max_attempts:,} attempts, and {BURIAL_ATTEMPTS} for the dead letter, take "
            f"more than {TASK_RETENTION.days} days, when Cloud Tasks deletes the task"
        )
        hint = "lower `max_attempts` or `max_backoff`"
        yield Problem(node.locate(path), dotted((*at, *path)), message, hint)

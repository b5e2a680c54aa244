"""Rules across several settings of a pull queue, and between queues of both kinds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from queuewright.cloud_tasks import pubsub
from queuewright.errors import Problem
from queuewright.spec.document import Absence, Node, Path, dotted
from queuewright.spec.handler_model import KINDS, HandlerSpec
from queuewright.spec.pull_model import (
    PULL_QUEUE_SETTINGS,
    PUSH_QUEUE_SETTINGS,
    PullQueueSpec,
    PullSettings,
)
from queuewright.spec.queue_model import QueueSpec
from queuewright.spec.rules import (
    backoff_rules,
    delays_key,
    enqueuer_rules,
    example_rules,
    free_variable_rules,
    is_unknown,
    queue_variable,
    subscription_variable,
)
from queuewright.spec.validation import checkable
from queuewright.spec.values import shown
from queuewright.spec.words import Names

NOT_OF_A_PULL_QUEUE: Mapping[str, str] = {
    "handler": "name the code that polls under `worker:`, or remove `pull`",
    "path": "remove it: a worker has no paths",
    "rate_limits": "remove it: workers take tasks at their own pace, as many as they have room for",
    "retry_config": "write `max_attempts`, `min_backoff` and `max_backoff` under `pull:`",
    "stackdriver_logging_config": "remove it: Pub/Sub logs no operations",
    "desired_state": "remove it: stop the worker to keep tasks waiting",
}
"""The settings of a push queue that a pull queue cannot have, each with its fix."""

NOT_OF_A_PUSH_QUEUE: Mapping[str, str] = {
    "worker": "name its `handler`, or add `pull: {}`",
}
"""The settings of a pull queue that a push queue cannot have, each with its fix."""


def is_pull_queue(queue: Node) -> bool:
    """Whether a queue's entry describes a pull queue."""
    node = queue.at(("pull",))
    return node is not None and node.value is not None


def queue_settings(queue: Node) -> frozenset[str]:
    """The settings of a queue's kind. Defaults make no queue a pull queue."""
    return PULL_QUEUE_SETTINGS if is_pull_queue(queue) else PUSH_QUEUE_SETTINGS


def of_other_kind(node: Node, at: Path) -> tuple[Node, list[Problem]]:
    """The entry of a queue without the settings of the other kind, and a problem for each."""
    if not isinstance(node.value, dict):
        return node, []
    kind, foreign = "push", NOT_OF_A_PUSH_QUEUE
    if is_pull_queue(node):
        kind, foreign = "pull", NOT_OF_A_PULL_QUEUE
    found = [
        Problem(child.place, dotted((*at, key)), f"a {kind} queue has no `{key}`", foreign[key])
        for key, child in node.value.items()
        if key in foreign
    ]
    own = {key: child for key, child in node.value.items() if key not in foreign}
    return Node(node.place, own), found


def pull_name_rule(node: Node, at: Path, name: str) -> Iterator[Problem]:
    """The problem with the name of the pull queue at `at`; `name` includes the prefix."""
    if not re.fullmatch(pubsub.RESOURCE_ID, name):
        hint = (
            "Pub/Sub's names have at least 3 characters, start with a letter, and not with `goog`"
        )
        yield Problem(node.place, dotted(at), "not a name for a pull queue", hint)


def pull_queue_rules(
    node: Node,
    at: Path,
    queue: PullQueueSpec | None,
    names: Names,
    handlers: Mapping[str, HandlerSpec],
    prefix: str = "",
) -> Iterator[Problem]:
    """The problems of one pull queue, apart from its single values; `prefix` precedes its name."""
    reference = node.at(("worker",))
    if reference is not None:
        yield from _worker_rules(reference, at, names, handlers)
    yield from enqueuer_rules(node, at, names, handlers)
    yield from backoff_rules(node, at, "pull", PullSettings)
    yield from example_rules(node, at)
    if queue is not None:
        yield from checkable(_former_name_rules(node, at, queue, prefix))
        yield from checkable(_delay_variable_rules(node, at, queue, handlers))


def delay_queue_rules(
    document: Node,
    pull_queues: Mapping[str, PullQueueSpec],
    queues: Mapping[str, QueueSpec | PullQueueSpec],
) -> Iterator[Problem]:
    """The problem of each queue that has the name of one which keeps another's delays."""
    for key, pulled in pull_queues.items():
        yield from checkable(_delay_name_rules(document, key, pulled, queues))


def _delay_name_rules(
    document: Node,
    key: str,
    pulled: PullQueueSpec,
    queues: Mapping[str, QueueSpec | PullQueueSpec],
) -> Iterator[Problem]:
    if not pulled.pull.delays:
        return
    taken = {delays_key(each).lower() for each in (key, *pulled.renamed_from[:1])}
    for name, queue in queues.items():
        if name.lower() in taken or {each.lower() for each in queue.renamed_from[:1]} & taken:
            at = ("queues", name)
            message = f"the queue that keeps the delays of `{key}` has this name"
            hint = f"choose another, or remove `delays: true` from `queues.{key}.pull`"
            yield Problem(document.locate(at), dotted(at), message, hint)


def _delay_variable_rules(
    node: Node, at: Path, queue: PullQueueSpec, handlers: Mapping[str, HandlerSpec]
) -> Iterator[Problem]:
    """Each enqueuer gets the name of the queue that keeps its delays."""
    if not queue.pull.delays:
        return
    variable = queue_variable(delays_key(str(at[-1])))
    for index, member in enumerate(queue.enqueuers):
        item = node.at(("enqueuers", index))
        if item is not None and (handler := handlers.get(member)) is not None:
            path = dotted((*at, "enqueuers", index))
            yield from checkable(
                free_variable_rules(item, path, handler, variable, "the queue of its delays")
            )


def _former_name_rules(
    node: Node, at: Path, queue: PullQueueSpec, prefix: str
) -> Iterator[Problem]:
    """Its topic is named after its oldest key."""
    former = node.at(("renamed_from",))
    if former is not None and queue.renamed_from:
        yield from pull_name_rule(former, (*at, "renamed_from"), prefix + queue.renamed_from[0])


def _worker_rules(
    reference: Node, at: Path, names: Names, handlers: Mapping[str, HandlerSpec]
) -> Iterator[Problem]:
    path = dotted((*at, "worker"))
    if is_unknown(reference.value, names):
        hint = names.hint(reference.value) or "add it under `handlers:`"
        yield Absence(reference.place, path, f"no handler {shown(reference.value)}", hint)
        return
    handler = handlers.get(reference.value) if isinstance(reference.value, str) else None
    if handler is not None:
        yield from checkable(_poll_rules(reference, at, handler, handlers))


def _poll_rules(
    reference: Node, at: Path, handler: HandlerSpec, handlers: Mapping[str, HandlerSpec]
) -> Iterator[Problem]:
    """The handler that a queue names is a worker, and has a free variable."""
    path = dotted((*at, "worker"))
    if handler.worker is None:
        workers = [f"`{key}`" for key, each in handlers.items() if _is_worker(each)]
        ways = f"choose one of {', '.join(workers)}" if workers else "add a handler with `worker:`"
        kind = next((kind for kind in KINDS if getattr(handler, kind) is not None), "unknown")
        message = f"{shown(reference.value)} is of kind `{kind}`, which does not poll"
        hint = f"{ways}, or remove `pull` and name it under `handler:`"
        yield Problem(reference.place, path, message, hint)
        return
    variable = subscription_variable(str(at[-1]))
    yield from free_variable_rules(reference, path, handler, variable, "the subscription's name")


def _is_worker(handler: HandlerSpec) -> bool:
    return getattr(handler, "worker", None) is not None

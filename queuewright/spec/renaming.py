"""The rules of `renamed_from`: who was called what before, and that nobody else is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from queuewright.errors import Problem
from queuewright.spec.document import Node, Path, dotted
from queuewright.spec.fields import QUEUE_ID
from queuewright.spec.model import QueueSpec
from queuewright.spec.rules import name_rule


def renaming_rules(
    document: Node, queues: Mapping[str, QueueSpec], prefix: str
) -> Iterator[Problem]:
    """What is wrong with the former keys of all queues; `prefix` stands before each name."""
    keys = [key for key, _ in document.entries("queues")]
    successors: dict[str, str] = {}
    for key, queue in queues.items():
        at = ("queues", key, "renamed_from")
        for index, former in enumerate(queue.renamed_from):
            path = _path(document, at, index)
            node = document.at(path) or document
            if former == key:
                if index == len(queue.renamed_from) - 1:
                    hint = "give the key that it had before, or remove it"
                    message = f"queue `{key}` is called that now"
                    yield Problem(node.place, dotted(path), message, hint)
            elif former in keys:
                hint = f"remove `queues.{former}`; or remove this, and `{key}` is a new queue"
                message = f"queue `{former}` is still here"
                yield Problem(node.place, dotted(path), message, hint)
            elif (other := successors.setdefault(former, key)) != key:
                hint = "a queue has one successor: remove it from one of them"
                message = f"queue `{other}` is renamed from `{former}`, too"
                yield Problem(node.place, dotted(path), message, hint)
            elif former in queue.renamed_from[:index]:
                message = f"`{former}` is listed twice"
                yield Problem(node.place, dotted(path), message, "remove one")
        if queue.renamed_from:
            path = _path(document, at, 0)
            node = document.at(path) or document
            yield from name_rule(node, path, QUEUE_ID, prefix + queue.renamed_from[0])


def _path(document: Node, at: Path, index: int) -> Path:
    """Where the former key at `index` stands: in a list, or alone."""
    node = document.at(at)
    return (*at, index) if node is not None and isinstance(node.value, list) else at

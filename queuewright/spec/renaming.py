"""The rules of `renamed_from`: who was called what before, and that nobody else is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from queuewright.errors import Problem
from queuewright.spec.document import Node, Path, dotted
from queuewright.spec.fields import HANDLER_NAME, QUEUE_ID
from queuewright.spec.handler_model import HandlerSpec
from queuewright.spec.queue_model import QueueSpec
from queuewright.spec.rules import name_rule

SECTIONS = {"handlers": ("handler", HANDLER_NAME), "queues": ("queue", QUEUE_ID)}


def renaming_rules(
    document: Node, section: str, entries: Mapping[str, HandlerSpec | QueueSpec], prefix: str
) -> Iterator[Problem]:
    """What is wrong with the former keys in a section; `prefix` stands before each name."""
    noun, pattern = SECTIONS[section]
    keys = [key for key, _ in document.entries(section)]
    successors: dict[str, str] = {}
    for key, entry in entries.items():
        last = len(entry.renamed_from) - 1
        for index, former in enumerate(entry.renamed_from):
            node, path = _written(document, (section, key, "renamed_from"), index)
            if former == key:
                if index == last:
                    message, hint = f"{noun} `{key}` is called that now", "give the key before it"
                    yield Problem(node.place, path, message, f"{hint}, or remove it")
            elif former in keys:
                away = document.locate((section, former)).file != node.place.file
                way = f"write `{former}: null`" if away else f"remove `{section}.{former}`"
                hint = f"{way}; or remove this, and `{key}` is a new {noun}"
                yield Problem(node.place, path, f"{noun} `{former}` is still here", hint)
            elif (other := successors.setdefault(former, key)) != key:
                message = f"{noun} `{other}` is renamed from `{former}`, too"
                hint = f"a {noun} has one successor: remove it from one of them"
                yield Problem(node.place, path, message, hint)
            elif former in entry.renamed_from[:index]:
                yield Problem(node.place, path, f"`{former}` is listed twice", "remove one")
        if entry.renamed_from:
            at = (section, key, "renamed_from")
            node, _ = _written(document, at, 0)
            yield from name_rule(node, at, pattern, prefix + entry.renamed_from[0])


def _written(document: Node, at: Path, index: int) -> tuple[Node, str]:
    """The former key at `index` and its path: an item of a list, or alone."""
    node = document.at(at)
    if node is None:
        raise ValueError(f"{dotted(at)} is not written")
    if not isinstance(node.value, list):
        return node, dotted(at)
    return node.value[index], dotted((*at, index))

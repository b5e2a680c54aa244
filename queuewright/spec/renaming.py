"""The rules of `renamed_from`: former keys must be unused and have one successor. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from queuewright.errors import Problem
from queuewright.spec.document import Node, Path, dotted
from queuewright.spec.fields import HANDLER_NAME, QUEUE_ID
from queuewright.spec.handler_model import HandlerSpec
from queuewright.spec.queue_model import QueueSpec
from queuewright.spec.rules import name_rule
from queuewright.spec.validation import checkable

SECTIONS = {"handlers": ("handler", HANDLER_NAME), "queues": ("queue", QUEUE_ID)}


def renaming_rules(
    document: Node, section: str, entries: Mapping[str, HandlerSpec | QueueSpec], prefix: str
) -> Iterator[Problem]:
    """The problems of the former keys in a section; `prefix` precedes each name."""
    keys = [key for key, _ in document.entries(section)]
    successors: dict[str, str] = {}
    for key, entry in entries.items():
        yield from checkable(_entry_rules(document, section, key, entry, prefix, keys, successors))


def _entry_rules(
    document: Node,
    section: str,
    key: str,
    entry: HandlerSpec | QueueSpec,
    prefix: str,
    keys: list[str],
    successors: dict[str, str],
) -> Iterator[Problem]:
    """The problems of an entry's former keys; `successors` maps those seen to their new keys."""
    noun, pattern = SECTIONS[section]
    if entry.renamed_from:
        last = len(entry.renamed_from) - 1
        for index, former in enumerate(entry.renamed_from):
            node, path = _written(document, (section, key, "renamed_from"), index)
            if former == key:
                if index == last:
                    message = f"`{key}` is the current key of the {noun}"
                    hint = "give the former key, or remove this"
                    yield Problem(node.place, path, message, hint)
            elif former in keys:
                away = document.locate((section, former)).file != node.place.file
                fix = f"write `{former}: null`" if away else f"remove `{section}.{former}`"
                hint = f"{fix}; or remove this, which makes `{key}` a new {noun}"
                yield Problem(node.place, path, f"{noun} `{former}` still exists", hint)
            elif (other := successors.setdefault(former, key)) != key:
                message = f"{noun} `{other}` is also renamed from `{former}`"
                hint = f"a {noun} has one successor: remove it from one of them"
                yield Problem(node.place, path, message, hint)
            elif former in entry.renamed_from[:index]:
                yield Problem(node.place, path, f"`{former}` is listed twice", "remove one")
        at = (section, key, "renamed_from")
        node, _ = _written(document, at, 0)
        yield from name_rule(node, at, pattern, prefix + entry.renamed_from[0])


def _written(document: Node, at: Path, index: int) -> tuple[Node, str]:
    """The former key at `index` and its path: an item of a list, or a single value."""
    node = document.at(at)
    if node is None:
        raise ValueError(f"{dotted(at)} is not written")
    if not isinstance(node.value, list):
        return node, dotted(at)
    return node.value[index], dotted((*at, index))

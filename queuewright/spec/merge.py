"""Merges a document over its base. Pure; every value keeps its place."""

from __future__ import annotations

from queuewright.spec.document import Node, Path


def extend(base: Node, over: Node, path: Path = ()) -> Node:
    """`over` merged over `base`, both at `path`: maps merge, a list or a scalar replaces.

    A `null` replaces too. It stays in the result; `without_nulls` removes it once all files are
    merged.
    """
    if not isinstance(over.value, dict) or not isinstance(base.value, dict) or _is_payload(path):
        return over
    result = dict(base.value)
    for key, node in over.value.items():
        result[key] = extend(result[key], node, (*path, key)) if key in result else node
    return Node(over.place, result)


def without_nulls(node: Node, path: Path = ()) -> Node:
    """A document without the `null` entries of its maps."""
    if not isinstance(node.value, dict) or _is_payload(path):
        return node
    entries = {
        key: without_nulls(below, (*path, key))
        for key, below in node.value.items()
        if below.value is not None
    }
    return Node(node.place, entries)


def with_defaults(
    entry: Node, path: Path, defaults: Node | None, allowed: frozenset[str] | None
) -> Node:
    """The entry at `path` merged over the `allowed` keys of `defaults`; None allows all."""
    if (
        defaults is None
        or not isinstance(defaults.value, dict)
        or not isinstance(entry.value, dict)
    ):
        return entry
    settings = {
        key: node for key, node in defaults.value.items() if allowed is None or key in allowed
    }
    return extend(Node(entry.place, settings), entry, path)


def _is_payload(path: Path) -> bool:
    """Whether `path` is a queue's `example`, which is replaced as a whole and keeps its nulls."""
    return path == ("queue_defaults", "example") or (
        len(path) == 3 and path[0] == "queues" and path[2] == "example"
    )

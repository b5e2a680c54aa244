"""How one document builds on another. Pure: nodes in, a node out, each value with its place."""

from __future__ import annotations

from queuewright.spec.document import Node, Path


def extend(base: Node, over: Node, path: Path = ()) -> Node:
    """`over` on top of `base`, both at `path`: maps merge, a list or a scalar replaces.

    A `null` replaces too, and so outlives what it removes: `without_nulls` takes it away
    once all that could build on it has been merged.
    """
    if not isinstance(over.value, dict) or not isinstance(base.value, dict) or _is_payload(path):
        return over
    result = dict(base.value)
    for key, node in over.value.items():
        result[key] = extend(result[key], node, (*path, key)) if key in result else node
    return Node(over.place, result)


def without_nulls(node: Node, path: Path = ()) -> Node:
    """A document without the `null`s in its maps: what they remove is not there."""
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
    """The entry at `path` over those `defaults` that are `allowed` (None: all of them)."""
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
    """Whether a queue's `example` is at `path`: replaced as a whole, and a `null` in it is data."""
    return path == ("queue_defaults", "example") or (
        len(path) == 3 and path[0] == "queues" and path[2] == "example"
    )

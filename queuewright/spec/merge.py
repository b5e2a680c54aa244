"""How one document builds on another. Pure: nodes in, a node out, each value with its place."""

from __future__ import annotations

from queuewright.spec.document import Node

OPAQUE = frozenset({"example"})
"""Keys whose value is a payload: replaced as a whole, and a `null` in it is data."""


def extend(base: Node, over: Node) -> Node:
    """`over` on top of `base`: maps merge, a list or a scalar replaces, `null` removes."""
    if not isinstance(over.value, dict):
        return over
    result = dict(base.value) if isinstance(base.value, dict) else {}
    for key, node in over.value.items():
        if node.value is None:
            result.pop(key, None)
        elif key in OPAQUE:
            result[key] = node
        else:
            result[key] = extend(result.get(key, Node(node.place, {})), node)
    return Node(over.place, result)


def without_nulls(node: Node) -> Node:
    """A document that builds on none: a `null` in it has nothing to remove, and is gone."""
    return extend(Node(node.place, {}), node)


def with_defaults(entry: Node, defaults: Node | None, allowed: frozenset[str] | None) -> Node:
    """`entry` over those settings in `defaults` that are `allowed` (None: all of them)."""
    if defaults is None or not isinstance(defaults.value, dict):
        return entry
    settings = {
        key: node for key, node in defaults.value.items() if allowed is None or key in allowed
    }
    return extend(Node(entry.place, settings), entry)

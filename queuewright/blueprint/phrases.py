"""Phrases that several sentences share."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

MOST_NAMED: Final = 3
"""More things of one kind than this are counted, not named."""


def listed(noun: str, names: Collection[str]) -> str:
    """Things of one kind: by name if they are few, otherwise their number.

    >>> listed("queue", ["emails"]), listed("queue", ["a", "b"]), listed("queue", "abcdef")
    ('queue `emails`', 'queues `a` and `b`', '6 queues')
    """
    if len(names) > MOST_NAMED:
        return f"{len(names)} {noun}s"
    *first, last = (f"`{name}`" for name in names)
    if not first:
        return f"{noun} {last}"
    return f"{noun}s {', '.join(first)} and {last}"

"""Numbers of things, in words."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "queue"), counted(0, "problem")
    ('1 queue', '0 problems')
    """
    return f"{count:,} {noun}" + ("s" if count != 1 else "")

"""How long a message waits after a failed delivery."""

from __future__ import annotations

from typing import Final

_MOST_DOUBLINGS: Final = 40
"""More than any range of `RetryPolicy` needs; keeps the number small."""


def backoff_us(failures: int, min_us: int, max_us: int) -> int:
    """Return the wait in microseconds after the n-th failed delivery of a message, n >= 1.

    It starts at the minimum, doubles, and stays at the maximum. Google calls it exponential and
    publishes no factor (`RetryPolicy` in pubsub.proto).

    >>> [backoff_us(n, 10_000_000, 60_000_000) // 1_000_000 for n in range(1, 6)]
    [10, 20, 40, 60, 60]
    """
    return min(min_us << min(failures - 1, _MOST_DOUBLINGS), max_us)

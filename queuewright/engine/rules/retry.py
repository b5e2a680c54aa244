"""When a failed task is tried again, and when no more. Pure arithmetic, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

UNLIMITED: Final = -1

_MOST_DOUBLINGS: Final = 64
"""One microsecond doubled this often is longer than a protobuf `Duration` can say."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a task is tried.

    Defaults are what Cloud Tasks shows for a new queue
    (https://cloud.google.com/tasks/docs/configuring-queues).
    """

    max_attempts: int = 100
    """The first attempt counts; `UNLIMITED` is -1."""
    max_retry_duration_us: int = 0
    """Since the first attempt; 0 is unlimited."""
    min_backoff_us: int = 100_000
    max_backoff_us: int = 3_600_000_000
    max_doublings: int = 16


def backoff_us(policy: RetryPolicy, failures: int) -> int:
    """Return the wait after the `failures`-th failed attempt (1, 2, ...), in microseconds.

    It doubles `max_doublings` times, from then on grows by the last doubled value, and stays at
    `max_backoff`. Google's example (RetryConfig.max_doublings in queue.proto):

    >>> policy = RetryPolicy(
    ...     min_backoff_us=10_000_000, max_backoff_us=300_000_000, max_doublings=3
    ... )
    >>> [backoff_us(policy, failures) // 1_000_000 for failures in range(1, 9)]
    [10, 20, 40, 80, 160, 240, 300, 300]
    """
    doublings = min(failures - 1, policy.max_doublings, _MOST_DOUBLINGS)
    linear_steps = max(0, failures - 1 - policy.max_doublings)
    return min((policy.min_backoff_us << doublings) * (1 + linear_steps), policy.max_backoff_us)


def is_exhausted(policy: RetryPolicy, attempts: int, elapsed_us: int) -> bool:
    """Return whether a task that has just failed is given up.

    Only when *both* bounds are reached: `max_attempts`, and `max_retry_duration` since the first
    attempt. A bound that is unlimited counts as reached, unless both are
    (RetryConfig.max_attempts in queue.proto; https://cloud.google.com/tasks/docs/configuring-queues).

    >>> minute = RetryPolicy(max_attempts=5, max_retry_duration_us=60_000_000)
    >>> is_exhausted(minute, 7, 59_000_000), is_exhausted(minute, 7, 60_000_000)
    (False, True)
    >>> is_exhausted(RetryPolicy(max_attempts=-1), 1_000, 10**15)
    False
    """
    counted = policy.max_attempts != UNLIMITED
    timed = policy.max_retry_duration_us != 0
    return (
        (counted or timed)
        and (not counted or attempts >= policy.max_attempts)
        and (not timed or elapsed_us >= policy.max_retry_duration_us)
    )

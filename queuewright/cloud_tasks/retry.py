"""When Cloud Tasks retries a failed task, and when it gives the task up. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from queuewright.cloud_tasks import defaults

UNLIMITED: Final = -1
"""`max_attempts` without a limit."""

_MICROSECOND: Final = timedelta(microseconds=1)
_MOST_DOUBLINGS: Final = 64
"""One microsecond doubled 64 times is longer than the longest protobuf `Duration`."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a task is tried."""

    max_attempts: int = defaults.MAX_ATTEMPTS
    """Includes the first attempt; `UNLIMITED` is -1."""
    max_retry_duration_us: int = defaults.MAX_RETRY_DURATION // _MICROSECOND
    """From the first attempt; 0 is no limit."""
    min_backoff_us: int = defaults.MIN_BACKOFF // _MICROSECOND
    max_backoff_us: int = defaults.MAX_BACKOFF // _MICROSECOND
    max_doublings: int = defaults.MAX_DOUBLINGS


def backoff_us(policy: RetryPolicy, failures: int) -> int:
    """Return the wait after the `failures`-th failed attempt (1, 2, ...), in microseconds.

    The wait doubles `max_doublings` times, then grows by the last doubled value, and stays at
    `max_backoff`. Google's example (`RetryConfig.max_doublings` in queue.proto):

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

    Both bounds must be reached: `max_attempts`, and `max_retry_duration` since the first attempt.
    An unlimited bound counts as reached, unless both are unlimited
    (`RetryConfig.max_attempts` in queue.proto;
    https://cloud.google.com/tasks/docs/configuring-queues).

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


def elapsed_us(policy: RetryPolicy, attempts: int) -> int:
    """Return the sum of the waits before the `attempts`-th attempt, in microseconds.

    Costs no more for a billion attempts than for a hundred.

    >>> policy = RetryPolicy(
    ...     min_backoff_us=10_000_000, max_backoff_us=300_000_000, max_doublings=3
    ... )
    >>> elapsed_us(policy, 5) // 1_000_000
    150
    """
    return sum(count * (first + last) // 2 for first, last, count in _runs(policy, attempts - 1))


def _runs(policy: RetryPolicy, waits: int) -> Iterator[tuple[int, int, int]]:
    """Yield the first `waits` waits as runs of even steps: the first, the last, how many."""
    failures, longest = 1, policy.max_backoff_us
    while failures <= min(waits, policy.max_doublings):
        wait = backoff_us(policy, failures)
        if wait >= longest:
            break
        yield wait, wait, 1
        failures += 1
    left = waits - failures + 1
    step = backoff_us(policy, failures)
    rising = min(left, longest // step)
    if rising > 0:
        yield step, backoff_us(policy, failures + rising - 1), rising
    if left > rising:
        yield longest, longest, left - rising
